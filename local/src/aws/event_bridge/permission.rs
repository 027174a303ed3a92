//! The permissions that a call needs.

use std::collections::BTreeSet;

use serde_json::Value;

use super::put_events::bus_arn;
use crate::aws::service::Requirement;

/// What the caller's policy must allow: to put events on each bus that it names. The input has not been checked.
pub(crate) fn requirements(region: &str, input: &Value) -> Vec<Requirement> {
    let entries = input["Entries"].as_array().filter(|entries| !entries.is_empty());
    let buses: BTreeSet<_> = match entries {
        Some(entries) => entries.iter().map(|entry| bus_arn(entry, region)).collect(),
        None => [bus_arn(&Value::Null, region)].into(),
    };
    let needed = |resource| Requirement { action: "events:PutEvents".to_owned(), resource, ..Requirement::default() };
    buses.into_iter().map(needed).collect()
}
