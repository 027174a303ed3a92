//! `AWS::SQS::Queue`.

use std::time::Duration;

use serde_json::Value;

use super::error::Result;
use super::node::Node;

/// A queue of the template.
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
    /// What only a FIFO queue has; a standard queue has none of it.
    pub(crate) fifo: Option<Fifo>,
}

/// How a FIFO queue tells a message that it has taken already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fifo {
    /// `ContentBasedDeduplication`: by its body, where the sender does not say by what.
    pub(crate) by_content: bool,
    /// `DeduplicationScope`: within its group, not in the whole queue.
    pub(crate) within_group: bool,
    /// `FifoThroughputLimit`: each group has a rate of its own. The local cloud has no rates of queues.
    pub(crate) limited_by_group: bool,
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

/// How the name of a FIFO queue ends, and no other's.
pub(super) const FIFO_SUFFIX: &str = ".fifo";

/// Properties that change nothing for one process on one machine.
const HARMLESS: [&str; 5] =
    ["QueueName", "KmsDataKeyReusePeriodSeconds", "KmsMasterKeyId", "SqsManagedSseEnabled", "Tags"];

/// Properties that the local cloud reads.
const READ: [&str; 10] = [
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "DelaySeconds",
    "FifoQueue",
    "FifoThroughputLimit",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "RedrivePolicy",
    "VisibilityTimeout",
];

/// Reads the queue's resolved properties. Limits and defaults are those of `SetQueueAttributes`.
pub(crate) fn queue(name: String, properties: &Node<'_>) -> Result<Queue> {
    properties.only("AWS::SQS::Queue", &[&READ[..], &HARMLESS[..]].concat())?;
    let fifo = fifo(&name, properties)?;
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
        fifo,
    })
}

/// What a FIFO queue has. The rules are those of `CreateQueue`.
fn fifo(name: &str, properties: &Node<'_>) -> Result<Option<Fifo>> {
    let is_fifo = properties.get("FifoQueue").map_or(Ok(false), |fifo| fifo.flag())?;
    if is_fifo != name.ends_with(FIFO_SUFFIX) {
        let what = if is_fifo { "a FIFO queue has" } else { "only a FIFO queue has" };
        return Err(properties.error(format!("{what} a name that ends in {FIFO_SUFFIX}, and this is `{name}`")));
    }
    if !is_fifo {
        let own = ["ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"];
        return match own.into_iter().find_map(|key| properties.get(key)) {
            Some(property) => Err(property.error("only a FIFO queue has this")),
            None => Ok(None),
        };
    }
    // Whether the property says the second of its two words.
    let says_second = |key: &str, words: [&str; 2]| {
        let Some(property) = properties.get(key) else { return Ok(false) };
        let said = property.text()?;
        match words.iter().position(|word| *word == said) {
            Some(index) => Ok(index == 1),
            None => Err(property.error(format!("must be {} or {}", words[0], words[1]))),
        }
    };
    let within_group = says_second("DeduplicationScope", ["queue", "messageGroup"])?;
    let limited_by_group = says_second("FifoThroughputLimit", ["perQueue", "perMessageGroupId"])?;
    if limited_by_group && !within_group {
        return Err(properties.error("FifoThroughputLimit perMessageGroupId needs DeduplicationScope messageGroup"));
    }
    let by_content = properties.get("ContentBasedDeduplication").map_or(Ok(false), |by_content| by_content.flag())?;
    Ok(Some(Fifo { by_content, within_group, limited_by_group }))
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
