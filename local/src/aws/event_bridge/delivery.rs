//! From EventBridge or Scheduler to Lambda's queue: the first of the two hops that an event takes to its function.
//!
//! It fails only if Lambda does not accept the event, which a fault of `Invoke` brings about. Then the `RetryPolicy` of
//! the rule or schedule counts, and at its end the dead-letter queue. What the function makes of an accepted event is
//! the business of Lambda's queue alone. AWS spreads up to 185 retries over a day, with exponential backoff; here a
//! retry waits a 5,000th of that, at most 100 ms.

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Bytes;
use serde_json::{Value, json};

use crate::aws::lambda::{EventQueue, Handled};
use crate::aws::{EventInvoke, Faults, InvokeError, SendError, Sqs};
use crate::plumbing::retry::{Exhausted, Retries, RetryPolicy, Wait};
use crate::program::log::{Lines, LogLine};

/// The way to the functions.
pub(crate) struct Dispatcher {
    pub(crate) queue: Arc<EventQueue>,
    pub(crate) faults: Arc<Faults>,
    pub(crate) sqs: Arc<Sqs>,
    pub(crate) lines: Arc<Lines>,
}

/// The function behind a rule or schedule, and what to do if Lambda does not accept an event for it.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// The event's name in the template, such as `TaskFunction.Tasks`.
    pub(crate) name: String,
    /// Logical id.
    pub(crate) function: String,
    /// ARN of the function.
    pub(crate) arn: String,
    pub(crate) retries: RetryPolicy,
    /// ARN of the queue for what cannot be delivered.
    pub(crate) dead_letter_queue: Option<String>,
    /// Message attributes that tell in the queue where the event came from.
    pub(crate) origin: Vec<(&'static str, String)>,
}

/// How the delivery of one event to one function went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// The event's name in the template.
    pub(crate) name: String,
    pub(crate) function: String,
    /// How often Lambda did not accept the event.
    pub(crate) refused: u32,
    /// What became of it once accepted.
    pub(crate) handled: Handled,
    /// The queue that got the event since Lambda never accepted it.
    pub(crate) dead_lettered: Option<String>,
}

impl Delivery {
    /// `source` is `rule` or `schedule`.
    pub(crate) fn to_json(&self, source: &str) -> Value {
        json!({
            source: self.name,
            "function": self.function,
            "attempts": self.handled.attempts,
            "ok": self.handled.ok,
            "refused": self.refused,
            "deadLettered": self.dead_lettered,
            "onFailure": self.handled.on_failure,
        })
    }
}

/// Doubles from a second to about eight and a half minutes, so that 185 retries take a day.
fn backoff(retry: u32) -> Wait {
    let on_aws = Duration::from_secs(1 << (retry - 1).min(9));
    Wait { on_aws, here: on_aws / 5_000 }
}

impl Dispatcher {
    /// Delivers an event, and answers when it has been handled or given up.
    pub(crate) async fn deliver(&self, target: &Target, payload: &Bytes) -> Delivery {
        let mut retries = Retries::new(target.retries, backoff);
        let mut delivery = Delivery {
            name: target.name.clone(),
            function: target.function.clone(),
            refused: 0,
            handled: Handled::default(),
            dead_lettered: None,
        };
        loop {
            let accept = || self.queue.accept(&target.function, payload.clone());
            let error = match self.faults.on_event_invoke() {
                EventInvoke::Refused(error) => error,
                EventInvoke::AnswerLost => {
                    // The function gets this one as well as the next.
                    drop(accept());
                    InvokeError {
                        code: "CONNECTION_FAILURE",
                        message: "no answer from Lambda".to_owned(),
                        retryable: true,
                    }
                }
                accepted => {
                    if let EventInvoke::Late(time) = accepted {
                        tokio::time::sleep(time).await;
                    }
                    delivery.handled = accept().await.unwrap_or_default();
                    return delivery;
                }
            };
            delivery.refused += 1;
            let exhausted = match error.retryable {
                true => match retries.next().await {
                    Ok(()) => continue,
                    Err(limit) => Some(limit),
                },
                false => None,
            };
            delivery.dead_lettered = self.give_up(target, payload, &error, &retries, exhausted);
            return delivery;
        }
    }

    /// Puts an event into the dead-letter queue, and answers the queue's name.
    fn give_up(
        &self,
        target: &Target,
        payload: &Bytes,
        error: &InvokeError,
        retries: &Retries,
        exhausted: Option<Exhausted>,
    ) -> Option<String> {
        let sent = match &target.dead_letter_queue {
            None => Err(SendError("there is no dead-letter queue".to_owned())),
            Some(arn) => {
                let mut attributes = target.origin.clone();
                attributes.extend([
                    ("TARGET_ARN", target.arn.clone()),
                    ("ERROR_CODE", error.code.to_owned()),
                    ("ERROR_MESSAGE", error.message.clone()),
                    ("RETRY_ATTEMPTS", retries.made().to_string()),
                ]);
                attributes.extend(exhausted.map(|limit| {
                    let condition = match limit {
                        Exhausted::Attempts => "MaximumRetryAttempts",
                        Exhausted::Age => "MaximumEventAgeInSeconds",
                    };
                    ("EXHAUSTED_RETRY_CONDITION", condition.to_owned())
                }));
                self.sqs.send(arn, &String::from_utf8_lossy(payload), &attributes)
            }
        };
        match sent {
            Ok(queue) => Some(queue),
            Err(SendError(why)) => {
                let line = format!("an event of {} that Lambda did not accept is lost: {why}", target.name);
                self.lines.push(LogLine { function: target.function.clone(), instance: String::new(), line });
                None
            }
        }
    }
}
