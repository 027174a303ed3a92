//! Serving a call, and the long poll of `ReceiveMessage`.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::RwLock;
use tokio::time::{self, Instant};

use super::error;
use super::state::Sqs;
use crate::aws::service::call::Call;
use crate::aws::service::reply::{Protocol, Reply};
use crate::aws::service::{Service, ServiceError};
use crate::plumbing::{clock, http_server};

/// How often a waiting receiver looks for messages whose visibility timeout or delay is over.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Answers a call. `gate` is held for reading while the state is looked at or changed, not while a receiver waits.
pub(crate) async fn serve(sqs: &Sqs, gate: &RwLock<()>, call: &Call) -> Reply {
    let deadline = Instant::now() + wait(sqs, call);
    let mut arrivals = sqs.arrivals.subscribe();
    loop {
        arrivals.mark_unchanged();
        let answer = {
            let _open = gate.read().await;
            // Not to write the state file for nothing.
            match call.operation.as_str() {
                "ReceiveMessage" if Instant::now() < deadline && sqs.finds_nothing(&call.input) => None,
                operation => Some(sqs.call(operation, &call.input, clock::now())),
            }
        };
        // What there was may have gone to the dead-letter queue.
        let is_early = call.operation == "ReceiveMessage" && Instant::now() < deadline;
        if let Some(answer) = answer.filter(|answer| !is_early || *answer != Ok(json!({}))) {
            return reply(answer);
        }
        // The sender is the service's own, so this does not end with it; a look too many does no harm.
        let _ = time::timeout_at(deadline.min(Instant::now() + POLL_INTERVAL), arrivals.changed()).await;
    }
}

/// How long a receiver waits for a message.
fn wait(sqs: &Sqs, call: &Call) -> Duration {
    if call.operation != "ReceiveMessage" {
        return Duration::ZERO;
    }
    match call.input["WaitTimeSeconds"].as_u64() {
        // More than 20 is refused when the call is carried out.
        Some(seconds) => Duration::from_secs(if seconds <= 20 { seconds } else { 0 }),
        None => sqs
            .queue(call.input["QueueUrl"].as_str().unwrap_or_default())
            .map_or(Duration::ZERO, |queue| queue.receive_wait),
    }
}

impl Sqs {
    /// Whether there is such a queue and nothing in it can be received now.
    fn finds_nothing(&self, input: &Value) -> bool {
        let Ok(settings) = self.queue(input["QueueUrl"].as_str().unwrap_or_default()) else { return false };
        self.is_empty(&self.context(settings, clock::now()))
    }
}

fn reply(answer: Result<Value, ServiceError>) -> Reply {
    match answer {
        Ok(output) => Protocol::Json10.success(&output),
        Err(error) => {
            let mut reply = Protocol::Json10.service_error(&error);
            http_server::set_header(&mut reply.answer, "x-amzn-query-error", &error::query_error(&error));
            reply
        }
    }
}
