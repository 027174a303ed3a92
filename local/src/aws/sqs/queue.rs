//! One queue: `SendMessage`, `DeleteMessage`, `ChangeMessageVisibility`, `PurgeQueue`, `GetQueueAttributes`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::attribute::Attributes;
use super::context::Context;
use super::error::{expired_handle, invalid_contents, invalid_handle, invalid_value, not_in_flight, unknown_attribute};
use super::fifo::{Sent, Taken};
use super::message::{Message, Receipt};
use crate::aws::service::ServiceError;
use crate::aws::service::shape::Input;
use crate::plumbing::ids;

/// A queue and its messages, in the order of their sending.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Queue {
    created_ms: i64,
    pub(super) messages: Vec<Message>,
    /// How many messages of a FIFO queue have been numbered.
    #[serde(default)]
    pub(super) numbers: u64,
    /// What a FIFO queue took lately.
    #[serde(default)]
    pub(super) taken: Vec<Taken>,
}

/// The attributes that `GetQueueAttributes` may ask for and that a queue of the template can have.
const KNOWN_ATTRIBUTES: [&str; 21] = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "ContentBasedDeduplication",
    "CreatedTimestamp",
    "DeduplicationScope",
    "DelaySeconds",
    "FifoQueue",
    "FifoThroughputLimit",
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "LastModifiedTimestamp",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "Policy",
    "QueueArn",
    "ReceiveMessageWaitTimeSeconds",
    "RedriveAllowPolicy",
    "RedrivePolicy",
    "SqsManagedSseEnabled",
    "VisibilityTimeout",
];

impl Queue {
    pub(super) fn new(created_ms: i64) -> Self {
        Self { created_ms, ..Self::default() }
    }

    /// The messages that are not older than the queue keeps them.
    pub(super) fn kept(&self, context: &Context<'_>) -> impl Iterator<Item = &Message> {
        let oldest_ms = context.oldest_ms();
        self.messages.iter().filter(move |message| message.sent_ms > oldest_ms)
    }

    /// Forgets the others.
    pub(super) fn expire(&mut self, context: &Context<'_>) {
        let oldest_ms = context.oldest_ms();
        self.messages.retain(|message| message.sent_ms > oldest_ms);
    }

    /// Adds a message, unless it is one that a FIFO queue has taken already.
    pub(super) fn send(
        &mut self,
        body: &str,
        attributes: Attributes,
        sent: Sent<'_>,
        context: &Context<'_>,
    ) -> Result<Value, ServiceError> {
        let (size, most) = (body.len() + attributes.size(), context.settings.maximum_message_size);
        if size > most {
            let what =
                format!("One or more parameters are invalid. Reason: Message must be shorter than {most} bytes.");
            return Err(invalid_value(what));
        }
        // Those of XML 1.0, as the API reference lists them.
        if body
            .chars()
            .any(|c| matches!(c, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}'))
        {
            return Err(invalid_contents());
        }
        let place = sent.place(body, context)?;
        let delay = sent.delay.filter(|_| context.settings.fifo.is_none());
        let delay_ms = delay.map_or(context.settings.delay.as_millis() as i64, |seconds| seconds * 1_000);
        let mut message = Message {
            id: ids::uuid(),
            body: body.to_owned(),
            attributes,
            sent_ms: context.now_ms,
            visible_from_ms: context.now_ms + delay_ms,
            first_received_ms: None,
            receptions: 0,
            source: None,
            place,
        };
        let mut answer = json!({"MessageId": message.id, "MD5OfMessageBody": message.md5()});
        if let Some(md5) = message.attributes.md5() {
            answer["MD5OfMessageAttributes"] = md5.into();
        }
        if let Some(taken) = self.taken_already(&message.place, context) {
            answer["MessageId"] = taken.message.as_str().into();
            answer["SequenceNumber"] = taken.sequence.as_str().into();
            return Ok(answer);
        }
        self.number(&mut message, context);
        if let Some(sequence) = &message.place.sequence {
            answer["SequenceNumber"] = sequence.as_str().into();
        }
        self.messages.push(message);
        Ok(answer)
    }

    /// Deletes the message, unless the handle is of an earlier reception than its last. A FIFO queue says so then, and
    /// also when the message is not hidden any more.
    pub(super) fn delete(&mut self, handle: &str, context: &Context<'_>) -> Result<(), ServiceError> {
        let receipt = Receipt::read(handle).ok_or_else(invalid_handle)?;
        let is_expired = |message: &Message| {
            message.id == receipt.message
                && (message.receptions != receipt.reception || message.is_visible(context.now_ms))
        };
        if context.settings.fifo.is_some() && self.messages.iter().any(is_expired) {
            return Err(expired_handle(handle));
        }
        self.messages.retain(|message| message.id != receipt.message || message.receptions != receipt.reception);
        Ok(())
    }

    /// Hides the message of this reception for so many seconds from now.
    pub(super) fn hide(&mut self, handle: &str, seconds: i64, context: &Context<'_>) -> Result<(), ServiceError> {
        Receipt::read(handle).ok_or_else(invalid_handle)?;
        let message = self.in_flight(handle, context).ok_or_else(not_in_flight)?;
        message.visible_from_ms = context.now_ms + seconds * 1_000;
        Ok(())
    }

    /// The message of this reception, while it is hidden.
    pub(super) fn in_flight(&mut self, handle: &str, context: &Context<'_>) -> Option<&mut Message> {
        let receipt = Receipt::read(handle)?;
        let message = self.messages.iter_mut().find(|message| message.id == receipt.message)?;
        (message.receptions == receipt.reception && !message.is_visible(context.now_ms)).then_some(message)
    }
}

pub(super) fn send(queue: &mut Queue, input: Input<'_>, context: &Context<'_>) -> Result<Value, ServiceError> {
    let attributes = Attributes::read(input.json("MessageAttributes"))?;
    queue.send(input.required_text("MessageBody"), attributes, Sent::of(input), context)
}

pub(super) fn delete(queue: &mut Queue, input: Input<'_>, context: &Context<'_>) -> Result<Value, ServiceError> {
    queue.delete(input.required_text("ReceiptHandle"), context)?;
    Ok(json!({}))
}

/// The new timeout counts from now; 0 gives the message back.
pub(super) fn change_visibility(
    queue: &mut Queue,
    input: Input<'_>,
    context: &Context<'_>,
) -> Result<Value, ServiceError> {
    let timeout = input.integer("VisibilityTimeout").unwrap_or_default();
    queue.hide(input.required_text("ReceiptHandle"), timeout, context)?;
    Ok(json!({}))
}

pub(super) fn purge(queue: &mut Queue, _: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    queue.messages.clear();
    Ok(json!({}))
}

pub(super) fn attributes(queue: &Queue, input: Input<'_>, context: &Context<'_>) -> Result<Value, ServiceError> {
    let requested = input.texts("AttributeNames").unwrap_or_default();
    let is_unknown = |name: &&&str| **name != "All" && !KNOWN_ATTRIBUTES.contains(*name);
    if let Some(unknown) = requested.iter().find(is_unknown) {
        return Err(unknown_attribute(unknown));
    }
    let count = |is: fn(&Message) -> bool, visible: bool| {
        let counted =
            queue.kept(context).filter(|message| message.is_visible(context.now_ms) == visible && is(message));
        counted.count().to_string()
    };
    let (settings, created) = (context.settings, (queue.created_ms / 1_000).to_string());
    let redrive = settings.redrive.as_ref().map(|redrive| {
        json!({"deadLetterTargetArn": redrive.queue, "maxReceiveCount": redrive.most_receptions}).to_string()
    });
    let all = [
        ("ApproximateNumberOfMessages", count(|_| true, true)),
        ("ApproximateNumberOfMessagesDelayed", count(|message| message.receptions == 0, false)),
        ("ApproximateNumberOfMessagesNotVisible", count(|message| message.receptions > 0, false)),
        ("CreatedTimestamp", created.clone()),
        ("DelaySeconds", settings.delay.as_secs().to_string()),
        ("LastModifiedTimestamp", created),
        ("MaximumMessageSize", settings.maximum_message_size.to_string()),
        ("MessageRetentionPeriod", settings.retention.as_secs().to_string()),
        ("QueueArn", context.arn.clone()),
        ("ReceiveMessageWaitTimeSeconds", settings.receive_wait.as_secs().to_string()),
        ("SqsManagedSseEnabled", "true".to_owned()),
        ("VisibilityTimeout", settings.visibility_timeout.as_secs().to_string()),
    ];
    let fifo = settings.fifo.map(|fifo| {
        [
            ("ContentBasedDeduplication", fifo.by_content.to_string()),
            ("DeduplicationScope", if fifo.within_group { "messageGroup" } else { "queue" }.to_owned()),
            ("FifoQueue", "true".to_owned()),
            ("FifoThroughputLimit", if fifo.limited_by_group { "perMessageGroupId" } else { "perQueue" }.to_owned()),
        ]
    });
    let all = all.into_iter().chain(fifo.into_iter().flatten()).chain(redrive.map(|policy| ("RedrivePolicy", policy)));
    let answered = all.filter(|(name, _)| requested.iter().any(|requested| *requested == "All" || requested == name));
    let answered: Map<_, _> = answered.map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
    Ok(if answered.is_empty() { json!({}) } else { json!({"Attributes": answered}) })
}
