//! The permissions that a call needs.

use crate::aws::service::Requirement;

/// What the caller's policy must allow. No resource can be named for it.
pub(crate) fn requirements(operation: &str) -> Vec<Requirement> {
    let resource = "*".to_owned();
    vec![Requirement { action: format!("ec2:{operation}"), resource, ..Requirement::default() }]
}
