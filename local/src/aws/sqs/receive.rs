//! `ReceiveMessage`: hides what it answers for the visibility timeout.

use serde_json::{Value, json};

use super::context::Context;
use super::error::unsupported;
use super::message::Message;
use super::queue::Queue;
use crate::aws::service::ServiceError;
use crate::aws::service::shape::Input;

/// Answers what can be received now, and does not wait.
pub(super) fn receive(queue: &mut Queue, input: Input<'_>, context: &Context<'_>) -> Result<Value, ServiceError> {
    let most = input.integer("MaxNumberOfMessages").unwrap_or(1) as usize;
    let default = context.settings.visibility_timeout.as_secs() as i64;
    let hidden_ms = input.integer("VisibilityTimeout").unwrap_or(default) * 1_000;
    if input.text("ReceiveRequestAttemptId").is_some() {
        return Err(unsupported("The local cloud does not know ReceiveRequestAttemptId."));
    }
    let receivable = queue.receivable(context);
    let messages = receivable.into_iter().take(most).filter_map(|at| {
        let message = queue.messages.get_mut(at)?;
        message.receive(context.now_ms, hidden_ms);
        Some(json(message, input))
    });
    let messages: Vec<_> = messages.collect();
    Ok(if messages.is_empty() { json!({}) } else { json!({"Messages": messages}) })
}

fn json(message: &Message, input: Input<'_>) -> Value {
    let requested = |member| input.texts(member).unwrap_or_default();
    let mut answer = json!({
        "MessageId": message.id,
        "ReceiptHandle": message.receipt_handle(),
        "MD5OfBody": message.md5(),
        "Body": message.body,
    });
    // `AttributeNames` is the old name of `MessageSystemAttributeNames`.
    let system = [requested("AttributeNames"), requested("MessageSystemAttributeNames")].concat();
    let system = message.system_attributes(&system);
    if !system.is_empty() {
        answer["Attributes"] = system.into();
    }
    let own = message.attributes.requested(&requested("MessageAttributeNames"));
    if let (Some(attributes), Some(md5)) = (own.to_json(), own.md5()) {
        answer["MessageAttributes"] = attributes;
        answer["MD5OfMessageAttributes"] = md5.into();
    }
    answer
}
