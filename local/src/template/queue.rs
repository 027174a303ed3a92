//! `AWS::SQS::Queue`.

use std::time::Duration;

use serde_json::Value;

use super::error::Result;
use super::node::Node;

/// A standard queue of the template.
#[derive(Debug, Clone)]
pub(crate) struct Queue {
    /// Its physical name.
    pub(crate) name: String,
    /// `MessageRetentionPeriod`: how long a message is kept.
    pub(crate) retention: Duration,
    /// How long a received message is hidden from other receivers.
    pub(crate) visibility_timeout: Duration,
    /// `DelaySeconds`: how long a sent message is hidden.
    pub(crate) delay: Duration,
    /// `ReceiveMessageWaitTimeSeconds`: how long a receiver waits for a message.
    pub(crate) receive_wait: Duration,
    /// The most that a message may hold, bytes.
    pub(crate) maximum_message_size: usize,
    pub(crate) redrive: Option<Redrive>,
}

/// `RedrivePolicy`: where a message goes that is received too often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Redrive {
    /// ARN of the dead-letter queue.
    pub(crate) queue: String,
    /// How often a message may be received.
    pub(crate) most_receptions: u32,
    /// Path of the ARN in the template.
    pub(crate) at: String,
}

/// Properties that change nothing for one process on one machine.
const HARMLESS: [&str; 5] =
    ["QueueName", "KmsDataKeyReusePeriodSeconds", "KmsMasterKeyId", "SqsManagedSseEnabled", "Tags"];

/// Properties that the local cloud reads.
const READ: [&str; 7] = [
    "DelaySeconds",
    "FifoQueue",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "RedrivePolicy",
    "VisibilityTimeout",
];

/// Reads the queue's resolved properties. Limits and defaults are those of `SetQueueAttributes`.
pub(crate) fn queue(name: String, properties: &Node<'_>) -> Result<Queue> {
    properties.only("AWS::SQS::Queue", &[&READ[..], &HARMLESS[..]].concat())?;
    if let Some(fifo) = properties.get("FifoQueue")
        && fifo.flag()?
    {
        return Err(fifo.unsupported("FIFO queues"));
    }
    let number = |key: &str, least, most, default| match properties.get(key) {
        Some(value) => value.number_within(least, most),
        None => Ok(default),
    };
    let seconds = |key: &str, least, most, default| number(key, least, most, default).map(Duration::from_secs);
    Ok(Queue {
        name,
        retention: seconds("MessageRetentionPeriod", 60, 1_209_600, 345_600)?,
        visibility_timeout: seconds("VisibilityTimeout", 0, 43_200, 30)?,
        delay: seconds("DelaySeconds", 0, 900, 0)?,
        receive_wait: seconds("ReceiveMessageWaitTimeSeconds", 0, 20, 0)?,
        maximum_message_size: number("MaximumMessageSize", 1_024, 1_048_576, 1_048_576)? as usize,
        redrive: properties.get("RedrivePolicy").map(|policy| redrive(&policy)).transpose()?,
    })
}

/// A mapping, or the JSON of one.
fn redrive(policy: &Node<'_>) -> Result<Redrive> {
    let parsed: Value = match policy.value {
        Value::String(json) => serde_json::from_str(json).map_err(|_| policy.error("must be JSON"))?,
        mapping => mapping.clone(),
    };
    let policy = Node::new(&parsed, &policy.at);
    policy.only("RedrivePolicy", &["deadLetterTargetArn", "maxReceiveCount"])?;
    let target = policy.require("deadLetterTargetArn")?;
    Ok(Redrive {
        queue: target.text()?,
        most_receptions: policy.require("maxReceiveCount")?.number_within(1, 1_000)? as u32,
        at: target.at,
    })
}
