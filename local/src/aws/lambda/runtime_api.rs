//! The Lambda Runtime API (2018-06-01) of one instance.
//!
//! Every instance has a port of its own: the API has no other means to tell instances apart.

use std::sync::{Arc, Mutex};

use http::{Method, Request};
use hyper::body::{Bytes, Incoming};
use serde_json::json;
use time::OffsetDateTime;
use tokio::sync::{mpsc, oneshot, watch};

use super::outcome::{FunctionError, Outcome, PAYLOAD_LIMIT};
use crate::plumbing::clock;
use crate::plumbing::http_server::{self, Answer, BodyError, HangUp};
use crate::plumbing::sync::lock;

/// One event on its way to the instance.
pub(crate) struct Invocation {
    pub(crate) request_id: String,
    pub(crate) event: Bytes,
    pub(crate) function_arn: String,
    pub(crate) deadline: OffsetDateTime,
    pub(crate) outcome: oneshot::Sender<Outcome>,
}

/// Where an instance is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Started, and has not asked for an event yet.
    Init,
    /// Has asked for its first event.
    Ready,
    /// Gone, and why.
    Ended(FunctionError),
}

/// What one instance and its Runtime API share.
pub(crate) struct RuntimeApi {
    invocations: tokio::sync::Mutex<mpsc::UnboundedReceiver<Invocation>>,
    /// The event that the instance has taken and not answered.
    running: Mutex<Option<(String, oneshot::Sender<Outcome>)>>,
    phase: watch::Sender<Phase>,
}

impl RuntimeApi {
    pub(crate) fn new(invocations: mpsc::UnboundedReceiver<Invocation>) -> Self {
        let phase = watch::Sender::new(Phase::Init);
        Self { invocations: tokio::sync::Mutex::new(invocations), running: Mutex::default(), phase }
    }

    pub(crate) fn phase(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// Whether the instance has taken the event of this request and not answered it.
    pub(crate) fn is_running(&self, request_id: &str) -> bool {
        lock(&self.running).as_ref().is_some_and(|(running, _)| running == request_id)
    }

    /// Notes that the instance is gone; the first reason stands.
    pub(crate) fn end(&self, reason: FunctionError) {
        self.phase.send_if_modified(|phase| {
            let alive = !matches!(phase, Phase::Ended(_));
            if alive {
                *phase = Phase::Ended(reason);
            }
            alive
        });
    }

    /// Answers one request of the instance.
    pub(crate) async fn handle(self: Arc<Self>, request: Request<Incoming>) -> Result<Answer, HangUp> {
        let path = request.uri().path().strip_prefix("/2018-06-01/runtime/").unwrap_or_default().to_owned();
        let path: Vec<_> = path.split('/').collect();
        Ok(match (request.method(), path.as_slice()) {
            (&Method::GET, ["invocation", "next"]) => self.next().await?,
            (&Method::POST, ["invocation", id, "response"]) => self.response(id, request.into_body()).await,
            (&Method::POST, ["invocation", id, "error"]) => self.error(id, request.into_body()).await,
            (&Method::POST, ["init", "error"]) => self.init_error(request.into_body()).await,
            _ => http_server::json(404, &json!({"errorType": "NotFound", "errorMessage": "no such path"})),
        })
    }

    async fn next(&self) -> Result<Answer, HangUp> {
        self.phase.send_if_modified(|phase| {
            let initial = *phase == Phase::Init;
            if initial {
                *phase = Phase::Ready;
            }
            initial
        });
        let Some(invocation) = self.invocations.lock().await.recv().await else { return Err(HangUp) };
        let mut answer = http_server::answer(200, "application/json", invocation.event);
        for (name, value) in [
            ("lambda-runtime-aws-request-id", invocation.request_id.as_str()),
            ("lambda-runtime-deadline-ms", &clock::epoch_millis(invocation.deadline).to_string()),
            ("lambda-runtime-invoked-function-arn", &invocation.function_arn),
            ("lambda-runtime-trace-id", &trace_id(invocation.deadline)),
        ] {
            http_server::set_header(&mut answer, name, value);
        }
        *lock(&self.running) = Some((invocation.request_id, invocation.outcome));
        Ok(answer)
    }

    async fn response(&self, request_id: &str, body: Incoming) -> Answer {
        let outcome = match http_server::read_body(body, PAYLOAD_LIMIT).await {
            Ok(payload) => Ok(payload),
            Err(BodyError::Interrupted) => return unacceptable(400, "InvalidRequest", "the body is incomplete"),
            Err(BodyError::TooLarge) => {
                let what =
                    format!("response payload size exceeded maximum allowed payload size ({PAYLOAD_LIMIT} bytes)");
                self.finish(request_id, Err(FunctionError::new("Function.ResponseSizeTooLarge", what.as_str())));
                return unacceptable(413, "RequestEntityTooLarge", &what);
            }
        };
        self.finish(request_id, outcome)
    }

    async fn error(&self, request_id: &str, body: Incoming) -> Answer {
        let payload = http_server::read_body(body, PAYLOAD_LIMIT).await.unwrap_or_default();
        self.finish(request_id, Err(FunctionError { payload }))
    }

    async fn init_error(&self, body: Incoming) -> Answer {
        let payload = http_server::read_body(body, PAYLOAD_LIMIT).await.unwrap_or_default();
        self.end(FunctionError { payload });
        accepted()
    }

    fn finish(&self, request_id: &str, outcome: Outcome) -> Answer {
        let mut running = lock(&self.running);
        match running.take_if(|(running, _)| running == request_id) {
            Some((_, tx)) => {
                // The invoker may have given up waiting.
                let _ = tx.send(outcome);
                accepted()
            }
            None => unacceptable(400, "InvalidRequestID", "no such invocation"),
        }
    }
}

fn accepted() -> Answer {
    http_server::json(202, &json!({"status": "OK"}))
}

fn unacceptable(status: u16, kind: &str, message: &str) -> Answer {
    http_server::json(status, &json!({"errorType": kind, "errorMessage": message}))
}

/// A trace that nobody samples, in X-Ray's form.
fn trace_id(time: OffsetDateTime) -> String {
    let random = crate::plumbing::ids::hex(40);
    let (root, parent) = random.split_at(24);
    format!("Root=1-{:08x}-{root};Parent={parent};Sampled=0", time.unix_timestamp())
}
