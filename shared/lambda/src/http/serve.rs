//! The loop of an HTTP function: event in, answer out, one log line each.

use std::convert::Infallible;
use std::time::Instant;

use aws_client::Calls;
use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt, service_fn};
use model::{Error, Timestamp};
use serde_json::Value;

use super::{Failure, Reply, problem};
use crate::config;
use crate::event::time_left;
use crate::log::{Invocation, Line};

/// The route that API Gateway matched, as template.yaml writes it: `PUT /stages/{stage}`.
pub fn route(request: &Request) -> &str {
    match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.route_key.as_deref().unwrap_or_default(),
        _ => "",
    }
}

/// Serves requests until Lambda ends the process. A handler's error becomes a problem; there is always an answer.
///
/// # Errors
/// When `STACK_NAME` is not set, or the Runtime API is out of reach.
pub async fn serve<H, F, E>(function: &'static str, calls: Calls, handler: H) -> Result<(), lambda_http::Error>
where
    H: Fn(Request) -> F,
    F: Future<Output = Result<Reply, E>> + Send,
    E: Into<Failure>,
{
    let stack = config::stack_name()?;
    let (stack, calls, handler) = (stack.as_str(), &calls, &handler);
    lambda_http::run(service_fn(|request: Request| {
        let started = Instant::now();
        let about = About::of(&request);
        let time_left = time_left(request.lambda_context_ref().map_or(u64::MAX, |context| context.deadline));
        // Whatever was called outside of a request, such as during init, is not this one's.
        calls.take();
        let handled = handler(request);
        async move {
            // Lambda would end the function without an answer, and without a line in the log.
            let handled = tokio::time::timeout(time_left, handled).await;
            let handled = match handled {
                Ok(handled) => handled.map_err(Into::into),
                Err(_) => Err(Failure::from(Error::unavailable("the function's time is up"))),
            };
            let (response, fields, counts) = match handled {
                Ok(mut reply) => {
                    let (fields, counts) = (std::mem::take(&mut reply.fields), std::mem::take(&mut reply.counts));
                    (reply.into_response(), fields, counts)
                }
                Err(Failure { error, mut fields }) => {
                    let counts = matches!(error, Error::QuotaExceeded(_)).then_some(("LimitsReached", 1));
                    fields.insert("problem".to_owned(), problem::slug(&error).into());
                    (problem::respond(&error, &about.request_id), fields, Vec::from_iter(counts))
                }
            };
            let mut line = Line {
                stack,
                function,
                invocation: Invocation::Request { route: &about.route, status: response.status().as_u16() },
                duration: started.elapsed(),
                calls: &calls.take(),
                request_id: &about.request_id,
                fields,
                counts: &counts,
            };
            line.fields.extend(about.subject);
            line.write(Timestamp::now());
            Ok::<_, Infallible>(response)
        }
    }))
    .await
}

/// What the log line says of a request that its handler has consumed.
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
