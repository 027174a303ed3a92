//! API Gateway: the HTTP API of the template.
//!
//! A request is matched to a route, counted against the route's rate, then authorized, then sent to the route's
//! function as payload 2.0. What the gateway itself refuses carries API Gateway's own body, `{"message": ...}`, and
//! leaves a line in the log with the cure.

mod answer;
mod authorizer;
mod claims;
pub(crate) mod cors;
mod cure;
mod event;
mod route;
mod throttle;

use std::sync::Arc;

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::request::Parts;
use http::{Request, StatusCode};
use hyper::body::{Bytes, Incoming};
use serde_json::{Value, json};

use self::authorizer::{Identity, Refusal};
use self::cure::Cures;
use self::route::Router;
use self::throttle::Throttles;
use crate::aws::cognito::Issuer;
use crate::aws::lambda::{Lambda, PAYLOAD_LIMIT};
use crate::plumbing::clock;
use crate::plumbing::http_server::{self, Answer, BodyError};
use crate::plumbing::ids;
use crate::program::log::{Lines, LogLine};
use crate::program::request_log::{Open, Outcome, RequestLog};
use crate::program::users::Users;
use crate::template::{Api, Cors, HttpRoute, Template, Throttle};

/// The most that a request's body may hold: 10 MB.
const BODY_LIMIT: usize = 10 << 20;
/// The most that request line and headers may hold together, bytes.
const HEAD_LIMIT: usize = 10_240;

/// The HTTP API.
pub(crate) struct Gateway {
    api: Api,
    router: Router,
    throttles: Throttles,
    issuer: Arc<Issuer>,
    lambda: Arc<Lambda>,
    cures: Cures,
    lines: Arc<Lines>,
    requests: Arc<RequestLog>,
    users: Arc<Users>,
}

/// What the gateway works with.
pub(crate) struct GatewaySettings {
    pub(crate) issuer: Arc<Issuer>,
    pub(crate) lambda: Arc<Lambda>,
    pub(crate) lines: Arc<Lines>,
    pub(crate) requests: Arc<RequestLog>,
    pub(crate) users: Arc<Users>,
    /// Base URL of the API, without a slash at its end.
    pub(crate) url: String,
    /// Whether pages of this machine may call the API from any port.
    pub(crate) dev_origins: bool,
}

impl Gateway {
    pub(crate) fn new(template: &Template, setting: GatewaySettings) -> Self {
        let GatewaySettings { issuer, lambda, lines, requests, users, url, dev_origins } = setting;
        let mut api = template.api.clone();
        let mut origin_parameters = Vec::new();
        if let Some(cors) = &mut api.cors {
            let is_origin = |(_, value): &(&String, &String)| cors.allow_origins.contains(value);
            origin_parameters = template.parameters().iter().filter(is_origin).map(|(name, _)| name.clone()).collect();
            cors.dev_origins = dev_origins;
        }
        let (router, throttles) = (Router::new(&api.routes), Throttles::new(api.throttle));
        let cures = Cures { api_url: url, origin_parameters };
        Self { api, router, throttles, issuer, lambda, cures, lines, requests, users }
    }

    /// Whether the template has a route for this request.
    pub(crate) fn has_route(&self, method: &str, path: &str) -> bool {
        self.router.find(method, path).is_some()
    }

    /// Answers one request.
    pub(crate) async fn handle(&self, request: Request<Incoming>) -> Answer {
        let request_id = ids::uuid();
        let (parts, body) = request.into_parts();
        let open = self.requests.begin(parts.method.as_str(), cure::path(&parts), &request_id, clock::now());
        let body = http_server::read_body(body, BODY_LIMIT).await;
        let (mut answer, refusal) = match self.answer(&parts, body, &request_id, &open).await {
            Ok(answer) => (answer, None),
            Err(refused) => {
                let (answer, cure) = refused.into_answer();
                (self.with_cors(&parts, answer), Some(cure))
            }
        };
        let refused = self.explain(&parts, answer.status(), refusal);
        open.answered(Outcome { status: answer.status().as_u16(), problem: problem(&answer), refused });
        http_server::set_header(&mut answer, "apigw-requestid", &request_id);
        answer
    }

    /// Leaves a line in the log with what the gateway did not let through, and the cure, and answers both. A page of an
    /// origin that is not allowed gets nothing, whatever the status is.
    fn explain(&self, parts: &Parts, status: StatusCode, refusal: Option<String>) -> Option<String> {
        let cross_origin = self.cures.cross_origin(self.api.cors.as_ref(), parts);
        let cures: Vec<_> = refusal.into_iter().chain(cross_origin).collect();
        if cures.is_empty() {
            return None;
        }
        let cures = cures.join("; ");
        let (method, path, status) = (&parts.method, cure::path(parts), status.as_u16());
        let line = format!("{method} {path} {status}: {cures}");
        self.lines.push(LogLine { function: "API Gateway".to_owned(), instance: String::new(), line });
        Some(cures)
    }

    async fn answer(
        &self,
        parts: &Parts,
        body: Result<Bytes, BodyError>,
        request_id: &str,
        open: &Open,
    ) -> Result<Answer, Refused> {
        let head_length = head_length(parts);
        if head_length > HEAD_LIMIT {
            let cure = format!("request line and headers are {head_length} bytes, and may be {HEAD_LIMIT}: send less");
            return Err(Refused::new(431, "Request Header Fields Too Large", cure));
        }
        let found = self.router.find(parts.method.as_str(), parts.uri.path());
        if let Some(found) = &found {
            open.routed(found.route.key(), &found.route.function);
        }
        if let Some(found) = &found
            && !self.throttles.admits(found.route.key(), clock::now())
        {
            return Err(Refused::new(429, "Too Many Requests", throttled(found.route, self.api.throttle)));
        }
        let identity = match &found {
            Some(found) => self.authorize(found.route, parts)?,
            None => None,
        };
        if let Some(sub) = identity.as_ref().and_then(|identity| identity.claims.get("sub")?.as_str()) {
            self.users.seen(sub);
            open.identified(sub);
        }
        // A preflight needs no route. One that takes it anyway (`ANY`, `$default`) has its authorizer asked first.
        if let Some(cors) = &self.api.cors
            && cors::is_preflight(&parts.method, &parts.headers)
        {
            return Ok(preflight(cors, parts));
        }
        let found = found.ok_or_else(|| {
            let cure = self.cures.no_route(&self.api.routes, parts.method.as_str(), parts.uri.path());
            Refused::new(404, "Not Found", cure)
        })?;
        let body = body.map_err(|error| match error {
            BodyError::TooLarge => {
                let cure = format!("the body is over {} MB, API Gateway's limit: send less", BODY_LIMIT >> 20);
                Refused::new(413, "Request Entity Too Large", cure)
            }
            BodyError::Interrupted => Refused::new(
                400,
                "Bad Request",
                "the body ended before its length: see what closed the connection".into(),
            ),
        })?;
        let event = event::event(parts, &body, &found, identity.as_ref(), request_id, clock::now());
        let answer = self.integrate(found.route, event, open).await?;
        Ok(self.with_cors(parts, answer))
    }

    fn authorize(&self, route: &HttpRoute, parts: &Parts) -> Result<Option<Identity>, Refused> {
        let Some(authorizer) = route.authorizer.as_ref().and_then(|name| self.api.authorizers.get(name)) else {
            return Ok(None);
        };
        let header = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let identity = authorizer::authorize(authorizer, &self.issuer, &route.scopes, header, clock::now());
        identity.map(Some).map_err(|refusal| {
            let cure = self.cures.unauthorized(&refusal, authorizer, &route.scopes, header);
            Refused::by_authorizer(&refusal, &route.scopes, cure)
        })
    }

    /// Has the function answer, within the route's time.
    async fn integrate(&self, route: &HttpRoute, event: String, open: &Open) -> Result<Answer, Refused> {
        if event.len() > PAYLOAD_LIMIT {
            let limit = PAYLOAD_LIMIT >> 20;
            let cure = format!("the event with the body is over {limit} MB, Lambda's limit: send less");
            return Err(Refused::new(413, "Request Entity Too Large", cure));
        }
        let HttpRoute { function, timeout, .. } = route;
        let invocation = self.lambda.invoke_for(function, event.into(), Some(open.seq));
        let outcome = tokio::time::timeout(*timeout, invocation).await.map_err(|_| {
            let cure = format!("{function} took longer than the route's {} ms (TimeoutInMillis)", timeout.as_millis());
            Refused::new(503, "Service Unavailable", cure)
        })?;
        let failed = |what: &str| Refused::new(500, "Internal Server Error", format!("{function} {what}"));
        let payload = outcome.map_err(|_| failed("failed: its lines say why"))?;
        answer::answer(&payload).ok_or_else(|| failed("answered what is no answer of payload 2.0"))
    }

    fn with_cors(&self, parts: &Parts, mut answer: Answer) -> Answer {
        if let Some(cors) = &self.api.cors {
            cors::decorate(cors, &parts.headers, answer.headers_mut());
        }
        answer
    }
}

/// What the gateway answers in place of a function.
struct Refused {
    status: u16,
    message: &'static str,
    /// `www-authenticate`.
    challenge: Option<String>,
    /// Why, and what to do about it, for the log.
    cure: String,
}

impl Refused {
    fn new(status: u16, message: &'static str, cure: String) -> Self {
        Self { status, message, challenge: None, cure }
    }

    fn by_authorizer(refusal: &Refusal, scopes: &[String], cure: String) -> Self {
        let scopes = scopes.join(" ");
        let challenge = |error: &str, description: &str| {
            format!(r#"Bearer scope="{scopes}" error="{error}" error_description="{description}""#)
        };
        let (status, message, challenge) = match refusal {
            Refusal::Missing => (401, "Unauthorized", "Bearer".to_owned()),
            Refusal::Invalid(what) => (401, "Unauthorized", challenge("invalid_token", &what.to_string())),
            Refusal::Scope => {
                (403, "Forbidden", challenge("insufficient_scope", "the token does not have a required scope"))
            }
        };
        Self { status, message, challenge: Some(challenge), cure }
    }

    /// The answer, and what the log says.
    fn into_answer(self) -> (Answer, String) {
        let mut answer = http_server::json(self.status, &json!({"message": self.message}));
        if let Some(challenge) = &self.challenge {
            http_server::set_header(&mut answer, "www-authenticate", challenge);
        }
        (answer, self.cure)
    }
}

/// The type of the problem that an answer is (RFC 9457).
fn problem(answer: &Answer) -> Option<String> {
    let content_type = answer.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    let is_problem = content_type.split(';').next()?.trim() == "application/problem+json";
    let problem: Value = is_problem.then(|| serde_json::from_slice(answer.body().bytes()).ok()).flatten()?;
    problem["type"].as_str().map(str::to_owned)
}

fn throttled(route: &HttpRoute, throttle: Option<Throttle>) -> String {
    let Throttle { rate, burst } = throttle.unwrap_or(Throttle { rate: 0.0, burst: 0.0 });
    format!(
        "{} is above its rate, {rate} a second after a burst of {burst}: wait, or raise the API's DefaultRouteSettings",
        route.key()
    )
}

fn preflight(cors: &Cors, parts: &Parts) -> Answer {
    let mut answer = Answer::default();
    *answer.status_mut() = StatusCode::NO_CONTENT;
    cors::answer_preflight(cors, &parts.headers, answer.headers_mut());
    answer
}

/// Bytes of request line and headers as they were sent, to within the white space.
fn head_length(parts: &Parts) -> usize {
    let target = parts.uri.path_and_query().map_or(1, |target| target.as_str().len());
    let line = parts.method.as_str().len() + target + " ".len() * 2 + "HTTP/1.1\r\n".len();
    let headers = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    line + headers.sum::<usize>()
}
