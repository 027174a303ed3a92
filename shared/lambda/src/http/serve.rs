//! The loop of an HTTP function: event in, answer out, one log line each.

use std::time::Instant;

use aws_client::Calls;
use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt};
use lambda_runtime::{Context, Diagnostic, LambdaEvent, service_fn};
use model::error::Conflict;
use model::{Error, Timestamp};
use serde_json::Value;
use serde_json::value::RawValue;

use super::event::{Answer, Event};
use super::{Failure, Reply, problem};
use crate::config;
use crate::event::time_left;
use crate::log::{Invocation, Line};
use crate::panic::caught;

/// The route that API Gateway matched, as template.yaml writes it: `PUT /stages/{stage}`.
pub fn route(request: &Request) -> &str {
    match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.route_key.as_deref().unwrap_or_default(),
        _ => "",
    }
}

/// Serves requests until Lambda ends the process. A handler's error becomes a problem, and so does a panic; there is
/// always an answer.
///
/// # Errors
/// When `STACK_NAME` is not set, or the Runtime API is out of reach.
pub async fn serve<H, F, E>(function: &'static str, calls: Calls, handler: H) -> Result<(), lambda_http::Error>
where
    H: Fn(Request) -> F,
    F: Future<Output = Result<Reply, E>>,
    E: Into<Failure>,
{
    let stack = config::stack_name()?;
    let edge = &Edge { stack: &stack, function, calls: &calls, handler: &handler };
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Box<RawValue>>| {
        edge.answer(event.payload.get(), &event.context).await
    }))
    .await
}

/// What stands between API Gateway's events and a handler.
struct Edge<'a, H> {
    stack: &'a str,
    function: &'static str,
    calls: &'a Calls,
    handler: &'a H,
}

impl<H, F, E> Edge<'_, H>
where
    H: Fn(Request) -> F,
    F: Future<Output = Result<Reply, E>>,
    E: Into<Failure>,
{
    /// Only an event that is no request fails: whoever has sent it, such as a rule, is to know.
    async fn answer(&self, event: &str, context: &Context) -> Result<Answer, NoRequest> {
        let started = Instant::now();
        let Ok(event) = serde_json::from_str::<Event>(event) else {
            tracing::error!(requestId = context.request_id, cause = %NoRequest, "the event failed");
            return Err(NoRequest);
        };
        // Whatever was called outside of a request, such as during init, is not this one's.
        self.calls.take();
        let mut about = About { request_id: context.request_id.clone(), ..About::default() };
        let handled = caught(async {
            let request = event.into_request();
            about = About::of(&request);
            // It is as large as the largest of all routes, and is moved several times before it is first polled.
            Box::pin((self.handler)(request)).await.map_err(Into::into)
        });
        // Lambda would end the function without an answer, and without a line in the log.
        let handled = match tokio::time::timeout(time_left(context.deadline), handled).await {
            Ok(Ok(handled)) => handled,
            Ok(Err(panicked)) => Err(panicked.into()),
            Err(_) => Err(Failure::from(Error::unavailable("the function's time is up"))),
        };
        let (response, mut fields, counts) = match handled {
            Ok(mut reply) => {
                let (fields, counts) = (std::mem::take(&mut reply.fields), std::mem::take(&mut reply.counts));
                (reply.into_response(), fields, counts)
            }
            Err(Failure { error, mut fields }) => {
                let counts = limit_reached(&error);
                fields.insert("problem".to_owned(), problem::slug(&error).into());
                (problem::respond(&error, &about.request_id), fields, Vec::from_iter(counts))
            }
        };
        fields.extend(about.subject);
        let line = Line {
            stack: self.stack,
            function: self.function,
            invocation: Invocation::Request { route: &about.route, status: response.status().as_u16() },
            duration: started.elapsed(),
            calls: &self.calls.take(),
            request_id: &about.request_id,
            fields,
            counts: &counts,
        };
        line.write(Timestamp::now());
        Ok(response.into())
    }
}

/// An event that was not sent by API Gateway.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event is no request of API Gateway's")]
struct NoRequest;

impl From<NoRequest> for Diagnostic {
    fn from(error: NoRequest) -> Self {
        Self { error_type: "no-request".to_owned(), error_message: error.to_string() }
    }
}

/// The metric of a limit that a request has met: the account's, or that of one owner.
fn limit_reached(error: &Error) -> Option<(&'static str, u64)> {
    let of_account = matches!(error, Error::QuotaExceeded(_));
    let of_owner = matches!(error, Error::Conflict(Conflict::TooManyStages { .. } | Conflict::TooManyChannels { .. }));
    of_account.then_some(("LimitsReached", 1)).or(of_owner.then_some(("OwnerLimitsReached", 1)))
}

/// What the log line says of a request that its handler has consumed.
#[derive(Default)]
struct About {
    route: String,
    request_id: String,
    /// The stage or the channel that the path names.
    subject: Option<(String, Value)>,
}

impl About {
    fn of(request: &Request) -> Self {
        let request_id = match request.request_context_ref() {
            Some(RequestContext::ApiGatewayV2(context)) => context.request_id.clone().unwrap_or_default(),
            _ => String::new(),
        };
        let named = |kind: &str| {
            let name = request.path_parameters_ref().and_then(|path| path.first(kind))?;
            Some((kind.to_owned(), name.into()))
        };
        let subject = named("stage").or_else(|| named("channel"));
        Self { route: route(request).to_owned(), request_id, subject }
    }
}

#[cfg(test)]
mod tests {
    use lambda_http::http::StatusCode;
    use serde_json::json;

    use super::*;
    use crate::log::tests::logged;
    use crate::panic::tests::watch_in_tests;

    async fn invoke<F: Future<Output = Result<Reply, Error>>>(
        event: &str,
        handler: impl Fn(Request) -> F,
    ) -> Result<Answer, NoRequest> {
        watch_in_tests();
        let calls = Calls::default();
        let edge = Edge { stack: "greenroom", function: "stage", calls: &calls, handler: &handler };
        let mut context = Context::default();
        (context.request_id, context.deadline) = ("lambda-1".to_owned(), u64::MAX);
        edge.answer(event, &context).await
    }

    async fn answer<F: Future<Output = Result<Reply, Error>>>(event: &str, handler: impl Fn(Request) -> F) -> Value {
        serde_json::to_value(invoke(event, handler).await.unwrap()).unwrap()
    }

    fn event() -> String {
        let context = json!({"http": {"method": "GET"}, "requestId": "id-1", "routeKey": "GET /stages"});
        json!({"version": "2.0", "rawPath": "/stages", "requestContext": context}).to_string()
    }

    fn problem(answer: &Value) -> Value {
        serde_json::from_str(answer["body"].as_str().unwrap()).unwrap()
    }

    #[tokio::test]
    async fn what_a_handler_replies_is_the_answer() {
        let reply = async |request: Request| {
            assert_eq!((request.method().as_str(), route(&request)), ("GET", "GET /stages"));
            Reply::json(StatusCode::CREATED, &json!({"a": 1}))
        };
        let expected = json!({
            "statusCode": 201, "headers": {"content-type": "application/json"}, "body": "{\"a\":1}",
            "isBase64Encoded": false,
        });
        assert_eq!(answer(&event(), reply).await, expected);
        let expected = json!({"statusCode": 204, "headers": {}, "isBase64Encoded": false});
        assert_eq!(answer(&event(), async |_| Ok(Reply::no_content())).await, expected);
    }

    #[tokio::test]
    async fn a_panic_is_an_internal_problem_with_the_request_id_and_one_error_in_the_log() {
        let token = "hunter2".to_owned();
        let panicking = async |request: Request| match route(&request) {
            "GET /stages" => panic!("{token}"),
            _ => Ok(Reply::no_content()),
        };
        let (lines, answered) = logged(answer(&event(), panicking)).await;
        assert_eq!(answered["statusCode"], 500);
        assert_eq!(answered["headers"]["content-type"], "application/problem+json");
        let problem = problem(&answered);
        assert_eq!((&problem["type"], &problem["instance"]), (&json!("internal"), &json!("id-1")));
        assert!(!answered.to_string().contains("serve.rs"), "{answered}");
        let [line] = &lines[..] else { panic!("{lines:?}") };
        assert_eq!((&line["level"], &line["requestId"]), (&json!("ERROR"), &json!("id-1")));
        let cause = line["cause"].as_str().unwrap();
        assert!(cause.starts_with("panicked at shared/lambda/src/http/serve.rs:"), "{cause}");
        assert!(!line.to_string().contains("hunter2"), "{line}");
        // The instance serves the next one.
        assert_eq!(answer(&event(), async |_| Ok(Reply::no_content())).await["statusCode"], 204);
    }

    #[tokio::test]
    async fn a_panic_before_the_handler_awaits_anything_is_caught_too() {
        fn at_once(_: Request) -> std::future::Ready<Result<Reply, Error>> {
            panic!("at once")
        }
        assert_eq!(problem(&answer(&event(), at_once).await)["type"], "internal");
    }

    #[tokio::test]
    async fn an_event_that_is_no_request_fails_and_one_line_says_so() {
        let event = r#"{"source": "aws.ecs", "detail": {"secret": "hunter2"}}"#;
        let (lines, answered) = logged(invoke(event, async |_| Ok(Reply::no_content()))).await;
        assert_eq!(answered.err(), Some(NoRequest));
        let [line] = &lines[..] else { panic!("{lines:?}") };
        assert_eq!((&line["level"], &line["requestId"]), (&json!("ERROR"), &json!("lambda-1")));
        assert!(!line.to_string().contains("hunter2"), "{line}");
    }
}
