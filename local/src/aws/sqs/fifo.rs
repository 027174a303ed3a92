//! What a sender says of a message to a FIFO queue, and how the queue knows it again.
//!
//! After "Amazon SQS FIFO queues" in the developer guide and the API reference of `SendMessage`.

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::context::Context;
use super::error::{invalid_value, missing};
use crate::aws::service::ServiceError;
use crate::aws::service::shape::Input;

/// The longest id of a group and the longest deduplication id.
const LONGEST_ID: usize = 128;

/// What a sender says of a message besides its body and attributes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sent<'a> {
    /// Seconds; the queue's own if it is left out.
    pub(super) delay: Option<i64>,
    pub(super) group: Option<&'a str>,
    pub(super) deduplication: Option<&'a str>,
}

/// Where in a FIFO queue a message stands. A standard queue keeps the group alone, for which it gives no order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) group: Option<String>,
    pub(super) deduplication: Option<String>,
    pub(super) sequence: Option<String>,
}

/// What a message is told by: its group, if that is the scope, and its deduplication id.
pub(super) type Key = (Option<String>, String);

/// A message that the queue took lately.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Taken {
    pub(super) key: Key,
    pub(super) at_ms: i64,
    pub(super) message: String,
    pub(super) sequence: String,
}

impl<'a> Sent<'a> {
    pub(super) fn of(input: Input<'a>) -> Self {
        Self {
            delay: input.integer("DelaySeconds"),
            group: input.text("MessageGroupId"),
            deduplication: input.text("MessageDeduplicationId"),
        }
    }

    /// Its place, as yet without a number.
    ///
    /// # Errors
    /// What a FIFO queue needs and is not said, and what a standard queue does not take.
    pub(super) fn place(self, body: &str, context: &Context<'_>) -> Result<Place, ServiceError> {
        for (parameter, id) in [("MessageGroupId", self.group), ("MessageDeduplicationId", self.deduplication)] {
            if let Some(id) = id.filter(|id| !is_id(id)) {
                return Err(invalid_value(format!(
                    "Value {id} for parameter {parameter} is invalid. Reason: {parameter} can only include alphanumeric \
                     and punctuation characters. 1 to 128 in length."
                )));
            }
        }
        let not_of_this_kind = |value: &str, parameter: &str| {
            invalid_value(format!(
                "Value {value} for parameter {parameter} is invalid. Reason: The request include parameter that is not \
                 valid for this queue type."
            ))
        };
        let Some(fifo) = context.settings.fifo else {
            return match self.deduplication {
                Some(id) => Err(not_of_this_kind(id, "MessageDeduplicationId")),
                None => Ok(Place { group: self.group.map(str::to_owned), ..Place::default() }),
            };
        };
        // The delay is the queue's alone; to say none is allowed.
        if let Some(delay) = self.delay.filter(|delay| *delay != 0) {
            return Err(not_of_this_kind(&delay.to_string(), "DelaySeconds"));
        }
        let group = self.group.ok_or_else(|| missing("MessageGroupId"))?;
        let deduplication = match self.deduplication {
            Some(id) => id.to_owned(),
            None if fifo.by_content => {
                digest(&SHA256, body.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
            }
            None => {
                return Err(invalid_value(
                    "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided \
                     explicitly",
                ));
            }
        };
        Ok(Place { group: Some(group.to_owned()), deduplication: Some(deduplication), sequence: None })
    }
}

impl Place {
    /// What the message is told by; `None` in a standard queue.
    pub(super) fn key(&self, context: &Context<'_>) -> Option<Key> {
        let fifo = context.settings.fifo?;
        let group = if fifo.within_group { self.group.clone() } else { None };
        Some((group, self.deduplication.clone()?))
    }
}

/// Alphanumeric and punctuation characters of ASCII.
fn is_id(id: &str) -> bool {
    (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}
