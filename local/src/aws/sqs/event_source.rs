//! What Lambda does with a queue for an event source mapping. It goes on where the state file cannot be written: a message
//! is then merely taken again after the next start.

use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::sync::watch;

use super::context::Context;
use super::message::Message;
use super::queue::Queue;
use super::state::Sqs;

/// A message that Lambda has taken from a queue, for the function.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Taken {
    pub(crate) id: String,
    pub(crate) receipt_handle: String,
    /// The record in the function's event.
    pub(crate) record: Value,
}

impl Sqs {
    /// Changes with every message that may have become visible.
    pub(crate) fn arrivals(&self) -> watch::Receiver<()> {
        self.arrivals.subscribe()
    }

    /// Takes messages as `ReceiveMessage` does, as long as `fits` says so of the next one; that one stays.
    pub(crate) fn take(&self, arn: &str, now: OffsetDateTime, mut fits: impl FnMut(&Taken) -> bool) -> Vec<Taken> {
        let Some(context) = self.context_of(arn, now) else { return Vec::new() };
        // Not to write the state file for nothing.
        if self.is_empty(&context) {
            return Vec::new();
        }
        let hidden_ms = context.settings.visibility_timeout.as_millis() as i64;
        let mut taken = Vec::new();
        self.queues.change_anyway(|queues| {
            self.redrive(queues, &context);
            let Some(queue) = queues.get_mut(&context.settings.name) else { return };
            queue.expire(&context);
            for at in queue.receivable(&context) {
                let Some(message) = queue.messages.get_mut(at) else { break };
                let mut received = message.clone();
                received.receive(context.now_ms, hidden_ms);
                let next = Taken::of(&received, &context.arn, &self.region);
                if !fits(&next) {
                    break;
                }
                *message = received;
                taken.push(next);
            }
        });
        taken
    }

    /// Deletes messages of the queue, unless they have been received again since.
    pub(crate) fn remove<'a>(&self, arn: &str, now: OffsetDateTime, handles: impl Iterator<Item = &'a str>) {
        self.change_for_lambda(arn, now, |queue, context| {
            for handle in handles {
                // A handle that was given out can be read, and one that has expired deletes nothing.
                let _ = queue.delete(handle, context);
            }
        });
    }

    /// Makes messages visible at once, unless they have been received again since.
    pub(crate) fn give_back<'a>(&self, arn: &str, now: OffsetDateTime, handles: impl Iterator<Item = &'a str>) {
        self.change_for_lambda(arn, now, |queue, context| {
            for handle in handles {
                if let Some(message) = queue.in_flight(handle, context) {
                    message.visible_from_ms = context.now_ms;
                }
            }
        });
    }

    fn change_for_lambda(&self, arn: &str, now: OffsetDateTime, change: impl FnOnce(&mut Queue, &Context<'_>)) {
        let Some(context) = self.context_of(arn, now) else { return };
        self.queues.change_anyway(|queues| {
            if let Some(queue) = queues.get_mut(&context.settings.name) {
                change(queue, &context);
            }
        });
        self.arrivals.send_replace(());
    }
}

impl Taken {
    fn of(message: &Message, queue: &str, region: &str) -> Self {
        let receipt_handle = message.receipt_handle();
        let mut record = json!({
            "messageId": message.id,
            "receiptHandle": receipt_handle,
            "body": message.body,
            "attributes": message.system_attributes(&["All"]),
            "messageAttributes": message.attributes.to_record(),
            "md5OfBody": message.md5(),
            "eventSource": "aws:sqs",
            "eventSourceARN": queue,
            "awsRegion": region,
        });
        if let Some(md5) = message.attributes.md5() {
            record["md5OfMessageAttributes"] = md5.into();
        }
        Self { id: message.id.clone(), receipt_handle, record }
    }
}
