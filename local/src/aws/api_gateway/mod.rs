//! API Gateway: the HTTP API of the template.
//!
//! A request is matched to a route, counted against the route's rate, then authorized, then sent to the route's function as payload 2.0. What the
//! gateway itself refuses carries API Gateway's own body, `{"message": ...}`.

mod answer;
mod authorizer;
mod claims;
mod cors;
mod event;
mod route;
mod throttle;

use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{Request, StatusCode};
use hyper::body::{Bytes, Incoming};
use serde_json::json;

use self::authorizer::{Identity, Refusal};
use self::route::{Match, Router};
use self::throttle::Throttles;
use crate::aws::cognito::Issuer;
use crate::aws::lambda::{Lambda, PAYLOAD_LIMIT};
use crate::plumbing::clock;
use crate::plumbing::http_server::{self, Answer, BodyError};
use crate::plumbing::ids;
use crate::template::{Api, Cors, HttpRoute};

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
}

impl Gateway {
    pub(crate) fn new(api: Api, issuer: Arc<Issuer>, lambda: Arc<Lambda>) -> Self {
        Self { router: Router::new(&api.routes), throttles: Throttles::new(api.throttle), api, issuer, lambda }
    }

    /// Answers one request.
    pub(crate) async fn handle(&self, request: Request<Incoming>) -> Answer {
        let request_id = ids::uuid();
        let (parts, body) = request.into_parts();
        let body = http_server::read_body(body, BODY_LIMIT).await;
        let mut answer = match self.answer(&parts, body, &request_id).await {
            Ok(answer) => answer,
            Err(refused) => self.with_cors(&parts, refused.into_answer()),
        };
        http_server::set_header(&mut answer, "apigw-requestid", &request_id);
        answer
    }

    async fn answer(&self, parts: &Parts, body: Result<Bytes, BodyError>, request_id: &str) -> Result<Answer, Refused> {
        if head_length(parts) > HEAD_LIMIT {
            return Err(Refused::new(431, "Request Header Fields Too Large"));
        }
        let found = self.router.find(parts.method.as_str(), parts.uri.path());
        if let Some(found) = &found
            && !self.throttles.admits(found.route.key(), clock::now())
        {
            return Err(Refused::new(429, "Too Many Requests"));
        }
        let identity = match &found {
            Some(found) => self.authorize(found.route, parts)?,
            None => None,
        };
        // A preflight needs no route. One that takes it anyway (`ANY`, `$default`) has its authorizer asked first.
        if let Some(cors) = &self.api.cors
            && cors::is_preflight(&parts.method, &parts.headers)
        {
            return Ok(preflight(cors, parts));
        }
        let found = found.ok_or(Refused::new(404, "Not Found"))?;
        let body = body.map_err(|error| match error {
            BodyError::TooLarge => Refused::new(413, "Request Entity Too Large"),
            BodyError::Interrupted => Refused::new(400, "Bad Request"),
        })?;
        let answer = self.integrate(parts, &body, &found, identity.as_ref(), request_id).await?;
        Ok(self.with_cors(parts, answer))
    }

    fn authorize(&self, route: &HttpRoute, parts: &Parts) -> Result<Option<Identity>, Refused> {
        let Some(authorizer) = route.authorizer.as_ref().and_then(|name| self.api.authorizers.get(name)) else {
            return Ok(None);
        };
        let header = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let identity = authorizer::authorize(authorizer, &self.issuer, &route.scopes, header, clock::now());
        identity.map(Some).map_err(|refusal| Refused::by_authorizer(&refusal, &route.scopes))
    }

    /// Has the function answer, within the route's time.
    async fn integrate(
        &self,
        parts: &Parts,
        body: &[u8],
        found: &Match<'_>,
        identity: Option<&Identity>,
        request_id: &str,
    ) -> Result<Answer, Refused> {
        let event = event::event(parts, body, found, identity, request_id, clock::now()).to_string();
        if event.len() > PAYLOAD_LIMIT {
            return Err(Refused::new(413, "Request Entity Too Large"));
        }
        let invocation = self.lambda.invoke(&found.route.function, event.into());
        let outcome = tokio::time::timeout(found.route.timeout, invocation).await;
        let outcome = outcome.map_err(|_| Refused::new(503, "Service Unavailable"))?;
        let answer = outcome.ok().and_then(|payload| answer::answer(&payload));
        answer.ok_or(Refused::new(500, "Internal Server Error"))
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
}

impl Refused {
    fn new(status: u16, message: &'static str) -> Self {
        Self { status, message, challenge: None }
    }

    fn by_authorizer(refusal: &Refusal, scopes: &[String]) -> Self {
        let scopes = scopes.join(" ");
        let challenge = |error: &str, description: &str| {
            format!(r#"Bearer scope="{scopes}" error="{error}" error_description="{description}""#)
        };
        let (status, message, challenge) = match refusal {
            Refusal::Missing => (401, "Unauthorized", "Bearer".to_owned()),
            Refusal::Invalid(what) => (401, "Unauthorized", challenge("invalid_token", what)),
            Refusal::Scope => {
                (403, "Forbidden", challenge("insufficient_scope", "the token does not have a required scope"))
            }
        };
        Self { status, message, challenge: Some(challenge) }
    }

    fn into_answer(self) -> Answer {
        let mut answer = http_server::json(self.status, &json!({"message": self.message}));
        if let Some(challenge) = &self.challenge {
            http_server::set_header(&mut answer, "www-authenticate", challenge);
        }
        answer
    }
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
