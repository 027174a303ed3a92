//! Answers of the side door: for a terminal, hence the newline at their end, and for browser apps.

use http::HeaderMap;
use http::header::ACCESS_CONTROL_REQUEST_HEADERS;
use serde_json::{Value, json};

use crate::aws::ServiceError;
use crate::aws::event_bridge::Delivery;
use crate::plumbing::http_server::{self, Answer};
use crate::plumbing::shell::quoted;

/// A request that cannot be served: status and message.
pub(super) struct Refused(pub(super) u16, pub(super) String);

impl From<ServiceError> for Refused {
    fn from(error: ServiceError) -> Self {
        Self(error.status, error.message)
    }
}

pub(super) fn bad_request(message: String) -> Refused {
    Refused(400, message)
}

/// How the deliveries of events to rules went.
pub(super) fn deliveries(of_rules: &[Delivery]) -> Value {
    json!({"deliveries": of_rules.iter().map(|delivery| delivery.to_json("rule")).collect::<Vec<_>>()})
}

/// An answer of JSON.
pub(super) fn json(status: u16, body: &Value) -> Answer {
    shared(http_server::answer(status, "application/json", format!("{body}\n")))
}

/// An answer of plain text.
pub(super) fn text(body: &str) -> Answer {
    shared(http_server::answer(200, "text/plain", format!("{body}\n")))
}

/// Lines for a shell to evaluate; no page may read them.
pub(super) fn shell(status: u16, lines: &str) -> Answer {
    let mut answer = http_server::answer(status, "text/plain", format!("{lines}\n"));
    http_server::set_header(&mut answer, "cache-control", "no-store");
    answer
}

/// The answer to a shell whose request cannot be served: it says why, and fails, whatever the message holds.
pub(super) fn refused_shell(Refused(status, message): &Refused) -> Answer {
    shell(*status, &format!("echo {} >&2; false", quoted(message)))
}

/// A page for a browser: nothing is loaded into it, and no other page may show it as its own.
pub(super) fn page(html: String) -> Answer {
    let mut answer = http_server::answer(200, "text/html; charset=utf-8", html);
    let policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'";
    for (name, value) in
        [("content-security-policy", policy), ("x-content-type-options", "nosniff"), ("cache-control", "no-store")]
    {
        http_server::set_header(&mut answer, name, value);
    }
    answer
}

/// The answer to a request that cannot be served.
pub(super) fn refused(Refused(status, message): &Refused) -> Answer {
    json(*status, &json!({"message": message}))
}

/// The answer to a browser that asks whether its app may make a request: it may.
pub(super) fn preflight(request: &HeaderMap) -> Answer {
    let mut answer = shared(http_server::answer(204, "text/plain", ""));
    http_server::set_header(&mut answer, "access-control-allow-methods", "GET,PUT,POST,DELETE");
    let headers = request.get(ACCESS_CONTROL_REQUEST_HEADERS).and_then(|headers| headers.to_str().ok());
    http_server::set_header(&mut answer, "access-control-allow-headers", headers.unwrap_or("content-type"));
    http_server::set_header(&mut answer, "access-control-max-age", "600");
    answer
}

/// With the header that lets a browser app read the answer; those that may not are refused before. None is kept: it is
/// of this moment, and may be a token.
fn shared(mut answer: Answer) -> Answer {
    http_server::set_header(&mut answer, "cache-control", "no-store");
    http_server::set_header(&mut answer, "access-control-allow-origin", "*");
    answer
}
