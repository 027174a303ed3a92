//! `DeleteMessageBatch`: each entry succeeds or fails alone.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::context::Context;
use super::error::{batch_too_long, empty_batch, ids_not_distinct};
use super::queue::Queue;
use crate::aws::service::ServiceError;
use crate::aws::service::shape::Input;

/// The most entries of a batch.
const LIMIT: usize = 10;

pub(super) fn delete(queue: &mut Queue, input: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    let entries: Vec<_> = input.structures("Entries").collect();
    if entries.is_empty() {
        return Err(empty_batch());
    }
    if entries.len() > LIMIT {
        return Err(batch_too_long(entries.len()));
    }
    let ids: BTreeSet<_> = entries.iter().map(|entry| entry.required_text("Id")).collect();
    if ids.len() < entries.len() {
        return Err(ids_not_distinct());
    }
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for entry in entries {
        let id = entry.required_text("Id");
        match queue.delete(entry.required_text("ReceiptHandle")) {
            Ok(()) => successful.push(json!({"Id": id})),
            Err(error) => {
                failed.push(json!({"Id": id, "SenderFault": true, "Code": error.code, "Message": error.message}));
            }
        }
    }
    Ok(json!({"Successful": successful, "Failed": failed}))
}
