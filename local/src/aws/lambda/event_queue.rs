//! Lambda's queue of asynchronous invocations: what EventBridge, Scheduler and `Invoke` with the type `Event` leave in
//! it is tried up to three times, and then goes to the function's `OnFailure` destination or is lost.
//!
//! The queue is in memory. AWS waits one minute before the first retry and two before the second; here it is 100 and
//! 200 ms. Lambda sends to the destination with the function's own role, so its policy must allow that.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Bytes;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{FunctionError, Lambda};
use crate::aws::{ACCOUNT, Requirement, SendError, Sqs, iam};
use crate::plumbing::clock;
use crate::plumbing::ids;
use crate::plumbing::jobs::Jobs;
use crate::plumbing::retry::{Exhausted, Retries, Wait};
use crate::program::log::{Lines, LogLine};
use crate::template::{Function, Statement};

/// The queue of every function.
pub(crate) struct EventQueue {
    pub(crate) region: String,
    pub(crate) lambda: Arc<Lambda>,
    pub(crate) sqs: Arc<Sqs>,
    /// What each function may do, by logical id.
    pub(crate) policies: BTreeMap<String, Vec<Statement>>,
    pub(crate) lines: Arc<Lines>,
    /// The invocations under way.
    pub(crate) jobs: Jobs,
}

/// What became of an event in the queue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Handled {
    /// How often the function was invoked.
    pub(crate) attempts: u32,
    pub(crate) ok: bool,
    /// The queue that got a record of the failure.
    pub(crate) on_failure: Option<String>,
}

fn backoff(retry: u32) -> Wait {
    Wait { on_aws: Duration::from_secs(60) * retry, here: Duration::from_millis(100) * retry }
}

impl EventQueue {
    /// Accepts an event for the function of this logical id. The answer comes when the event has been handled or given
    /// up, and nobody need wait for it.
    pub(crate) fn accept(self: &Arc<Self>, function: &str, payload: Bytes) -> oneshot::Receiver<Handled> {
        let (done, handled) = oneshot::channel();
        let (queue, function) = (Arc::clone(self), function.to_owned());
        self.jobs.spawn(async move {
            let outcome = match queue.lambda.function(&function) {
                Some(function) => queue.handle(function, payload).await,
                None => Handled::default(),
            };
            // Who does not wait does not want to know.
            let _ = done.send(outcome);
        });
        handled
    }

    async fn handle(&self, function: &Function, payload: Bytes) -> Handled {
        let mut retries = Retries::new(function.event_invoke.retries, backoff);
        let (limit, error) = loop {
            let Err(error) = self.lambda.invoke(&function.id, payload.clone()).await else {
                return Handled { attempts: retries.made() + 1, ok: true, on_failure: None };
            };
            if let Err(limit) = retries.next().await {
                break (limit, error);
            }
        };
        let attempts = retries.made() + 1;
        let on_failure = function.event_invoke.on_failure.as_deref().and_then(|arn| {
            let record = self.record(function, &payload, attempts, limit, &error);
            self.report(function, arn, &record)
        });
        Handled { attempts, ok: false, on_failure }
    }

    /// Sends the record of a failure to the function's destination, and answers its name.
    fn report(&self, function: &Function, arn: &str, record: &Value) -> Option<String> {
        match self.send(function, arn, record) {
            Ok(queue) => Some(queue),
            Err(SendError(why)) => {
                let line = format!("the record of a failed event is lost: {why}");
                self.lines.push(LogLine { function: function.id.clone(), instance: String::new(), line });
                None
            }
        }
    }

    fn send(&self, function: &Function, arn: &str, record: &Value) -> Result<String, SendError> {
        let policy = self.policies.get(&function.id).map_or(&[][..], Vec::as_slice);
        let action = "sqs:SendMessage".to_owned();
        let needed = [Requirement { action, resource: arn.to_owned(), ..Requirement::default() }];
        if iam::denied(policy, &needed).is_some() {
            return Err(SendError(format!("the function's policy does not allow sqs:SendMessage on {arn}")));
        }
        self.sqs.send(arn, &record.to_string(), &[])
    }

    /// The record, as the developer guide shows one under "Capturing records of Lambda asynchronous invocations".
    fn record(
        &self,
        function: &Function,
        payload: &Bytes,
        attempts: u32,
        limit: Exhausted,
        error: &FunctionError,
    ) -> Value {
        let json = |bytes: &Bytes| -> Value {
            serde_json::from_slice(bytes).unwrap_or_else(|_| String::from_utf8_lossy(bytes).into())
        };
        json!({
            "version": "1.0",
            "timestamp": clock::rfc3339_millis(clock::now()),
            "requestContext": {
                "requestId": ids::uuid(),
                "functionArn": format!("arn:aws:lambda:{}:{ACCOUNT}:function:{}:$LATEST", self.region, function.name),
                "condition": match limit {
                    Exhausted::Attempts => "RetriesExhausted",
                    Exhausted::Age => "EventAgeExceeded",
                },
                "approximateInvokeCount": attempts,
            },
            "requestPayload": json(payload),
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "responsePayload": json(&error.payload),
        })
    }
}
