//! The permissions that a call needs.

use serde_json::Value;

use super::state::{Sqs, name_in};
use crate::aws::service::Requirement;

/// What the caller's policy must allow. The input has not been checked.
pub(super) fn requirements(sqs: &Sqs, operation: &str, input: &Value) -> Vec<Requirement> {
    let member = |name| input.get(name).and_then(Value::as_str);
    // There is no permission of its own for a batch.
    let action = operation.strip_suffix("Batch").unwrap_or(operation);
    let resource = match (member("QueueUrl"), member("QueueName")) {
        (Some(url), _) => sqs.arn(name_in(url)),
        (None, Some(name)) => sqs.arn(name),
        (None, None) => "*".to_owned(),
    };
    vec![Requirement { action: format!("sqs:{action}"), resource, ..Requirement::default() }]
}
