//! `BatchGet…`: each ARN is found or not alone.

use serde_json::{Value, json};

use crate::aws::service::ServiceError;
use crate::aws::service::shape::Input;

/// The answer of a batch operation: what `find` has for each ARN of the input under `member`, and the errors.
pub(super) fn batch(member: &str, input: Input<'_>, find: impl Fn(&str) -> Result<Value, ServiceError>) -> Value {
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    for arn in input.texts("arns").unwrap_or_default() {
        match find(arn) {
            Ok(view) => found.push(view),
            Err(error) => errors.push(json!({"arn": arn, "code": error.code, "message": error.message})),
        }
    }
    json!({member: found, "errors": errors})
}
