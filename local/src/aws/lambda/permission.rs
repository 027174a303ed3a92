//! The permissions that a call needs.

use serde_json::Value;

use super::event_queue::EventQueue;
use crate::aws::service::{ACCOUNT, Requirement};

/// What the caller's policy must allow. The input has not been checked.
pub(crate) fn requirements(queue: &EventQueue, input: &Value) -> Vec<Requirement> {
    let name = input["FunctionName"].as_str().unwrap_or_default();
    let name = queue.lambda.function(name).map_or(name, |function| &function.name);
    let resource = format!("arn:aws:lambda:{}:{ACCOUNT}:function:{name}", queue.region);
    vec![Requirement { action: "lambda:InvokeFunction".to_owned(), resource, ..Requirement::default() }]
}
