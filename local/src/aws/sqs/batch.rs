//! `SendMessageBatch`, `DeleteMessageBatch`, `ChangeMessageVisibilityBatch`: each entry succeeds or fails alone.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::attribute::Attributes;
use super::context::Context;
use super::error::{batch_too_large, batch_too_long, empty_batch, ids_not_distinct, invalid_entry_id, query_code};
use super::fifo::Sent;
use super::queue::Queue;
use crate::aws::service::ServiceError;
use crate::aws::service::shape::Input;

/// The most entries of a batch.
const LIMIT: usize = 10;

/// The longest id of an entry.
const LONGEST_ID: usize = 80;

/// The most that the bodies of a batch may hold together, bytes.
const MOST_BYTES: usize = 1_048_576;

pub(super) fn send(queue: &mut Queue, input: Input<'_>, context: &Context<'_>) -> Result<Value, ServiceError> {
    let bytes = input.structures("Entries").map(|entry| entry.required_text("MessageBody").len()).sum();
    if bytes > MOST_BYTES {
        return Err(batch_too_large(bytes));
    }
    each(input, |entry| {
        let attributes = Attributes::read(entry.json("MessageAttributes"))?;
        queue.send(entry.required_text("MessageBody"), attributes, Sent::of(entry), context)
    })
}

pub(super) fn delete(queue: &mut Queue, input: Input<'_>, context: &Context<'_>) -> Result<Value, ServiceError> {
    each(input, |entry| queue.delete(entry.required_text("ReceiptHandle"), context).map(|()| json!({})))
}

pub(super) fn change_visibility(
    queue: &mut Queue,
    input: Input<'_>,
    context: &Context<'_>,
) -> Result<Value, ServiceError> {
    each(input, |entry| {
        let timeout = entry.integer("VisibilityTimeout").unwrap_or_default();
        queue.hide(entry.required_text("ReceiptHandle"), timeout, context).map(|()| json!({}))
    })
}

/// What came of each entry; what succeeds has `Id` added to its answer.
fn each(
    input: Input<'_>,
    mut run: impl FnMut(Input<'_>) -> Result<Value, ServiceError>,
) -> Result<Value, ServiceError> {
    let entries: Vec<_> = input.structures("Entries").collect();
    if entries.is_empty() {
        return Err(empty_batch());
    }
    if entries.len() > LIMIT {
        return Err(batch_too_long(entries.len()));
    }
    if !entries.iter().all(|entry| is_id(entry.required_text("Id"))) {
        return Err(invalid_entry_id());
    }
    let ids: BTreeSet<_> = entries.iter().map(|entry| entry.required_text("Id")).collect();
    if ids.len() < entries.len() {
        return Err(ids_not_distinct());
    }
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for entry in entries {
        let id = entry.required_text("Id");
        match run(entry) {
            Ok(mut answer) => {
                answer["Id"] = id.into();
                successful.push(answer);
            }
            Err(error) => {
                // Here, too, the old code.
                let code = query_code(&error);
                failed.push(json!({"Id": id, "SenderFault": true, "Code": code, "Message": error.message}));
            }
        }
    }
    Ok(json!({"Successful": successful, "Failed": failed}))
}

fn is_id(id: &str) -> bool {
    (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}
