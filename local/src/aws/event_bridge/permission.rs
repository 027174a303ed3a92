//! The permissions that a call needs.

use crate::aws::service::{ACCOUNT, Requirement};

/// What the caller's policy must allow.
pub(crate) fn requirements(region: &str) -> Vec<Requirement> {
    let resource = format!("arn:aws:events:{region}:{ACCOUNT}:event-bus/default");
    vec![Requirement { action: "events:PutEvents".to_owned(), resource, ..Requirement::default() }]
}
