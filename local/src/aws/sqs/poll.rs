//! Serving a call, and the long poll of `ReceiveMessage`.

use std::time::Duration;

use serde_json::Value;
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
                "ReceiveMessage" if Instant::now() < deadline && sqs.is_empty(&call.input) => None,
                operation => Some(sqs.call(operation, &call.input, clock::now())),
            }
        };
        if let Some(answer) = answer {
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
    fn is_empty(&self, input: &Value) -> bool {
        let Ok(settings) = self.queue(input["QueueUrl"].as_str().unwrap_or_default()) else { return false };
        let context = self.context(settings, clock::now());
        self.queues.read(|queues| {
            let mut kept = queues.get(&settings.name).into_iter().flat_map(|queue| queue.kept(&context));
            !kept.any(|message| message.is_visible(context.now_ms))
        })
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
