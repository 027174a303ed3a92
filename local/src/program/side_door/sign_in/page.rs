//! What a browser shows of the provider.

use http::header::LOCATION;
use http::{HeaderValue, StatusCode};

use super::authorize::{self, Asked};
use crate::plumbing::http_server::{self, Answer, set_header};
use crate::program::html::{self, Html, attributed, element, escape};

/// Whom to sign in: a button for each of these, and a field for anybody else.
pub(super) fn pick(asked: &Asked, query: &[(String, String)], users: &[String]) -> Answer {
    let action = form_urlencoded::Serializer::new("?".to_owned()).extend_pairs(query).finish();
    let origin = authorize::origin(&asked.redirect_uri).unwrap_or_default();
    let buttons = users
        .iter()
        .map(|user| attributed("button", &[("type", "submit"), ("name", "username"), ("value", user)], &escape(user)));
    let field = [
        ("id", "username"),
        ("name", "username"),
        ("value", &asked.login_hint),
        ("autocomplete", "username"),
        ("autocapitalize", "none"),
        ("maxlength", "128"),
    ];
    let known = form(&action, [attributed("div", &[("class", "buttons")], &html::joined(buttons))]);
    let other = form(
        &action,
        [
            attributed("label", &[("for", "username")], &escape("Somebody else")),
            html::void("input", &field, &["required"]),
            attributed("button", &[("type", "submit")], &escape("Sign in")),
        ],
    );
    let parts = [
        html::heading(1, "Sign in"),
        html::paragraph(
            "This is the local cloud on your own machine: there is no password, and anybody may be anybody.",
        ),
        known,
        other,
    ];
    page(200, "Sign in", &[element("main", &html::joined(parts))], &origin)
}

/// What is wrong with a request that cannot be sent back.
pub(super) fn wrong(what: &str) -> Answer {
    let parts = [html::heading(1, "This sign-in cannot go on"), html::paragraph(what)];
    page(400, "This sign-in cannot go on", &[element("main", &html::joined(parts))], "")
}

/// Sends the browser on; a form that was sent is not sent again there.
pub(super) fn back(uri: &str) -> Answer {
    let mut answer = http_server::answer(303, "text/plain", "");
    match HeaderValue::from_str(uri) {
        Ok(uri) => drop(answer.headers_mut().insert(LOCATION, uri)),
        Err(_) => *answer.status_mut() = StatusCode::BAD_REQUEST,
    }
    set_header(&mut answer, "cache-control", "no-store");
    answer
}

fn form<const N: usize>(action: &str, parts: [Html; N]) -> Html {
    attributed("form", &[("method", "post"), ("action", action)], &html::joined(parts))
}

/// A page whose forms may lead to this server, and through it to the origin that is to be gone back to.
fn page(status: u16, title: &str, parts: &[Html], origin: &str) -> Answer {
    let mut answer = http_server::answer(status, "text/html; charset=utf-8", html::document(title, parts));
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self' {origin}; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    for (name, value) in [
        ("content-security-policy", policy.as_str()),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
    ] {
        set_header(&mut answer, name, value);
    }
    answer
}
