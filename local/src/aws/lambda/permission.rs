//! The permissions that a call needs.

use serde_json::Value;

use super::event_queue::EventQueue;
use super::reference::Reference;
use crate::aws::service::{ACCOUNT, Requirement};

/// What the caller's policy must allow. The input has not been checked.
pub(crate) fn requirements(queue: &EventQueue, input: &Value) -> Vec<Requirement> {
    let name = input["FunctionName"].as_str().unwrap_or_default();
    let resource = match Reference::parse(name) {
        Some(reference) => {
            let named = queue.lambda.function(reference.name()).map_or(reference.name(), |function| &function.name);
            reference.arn(&queue.region, named, input["Qualifier"].as_str())
        }
        None => format!("arn:aws:lambda:{}:{ACCOUNT}:function:{name}", queue.region),
    };
    vec![Requirement { action: "lambda:InvokeFunction".to_owned(), resource, ..Requirement::default() }]
}
