//! The permissions that a call needs ("Actions, resources, and condition keys" in the service authorization reference).

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    operation::{Operation, Target},
    state::State,
};
use crate::aws::{
    service::{ACCOUNT, Requirement},
    shape::text_map,
};

/// What the caller's policy must allow. The input has not been checked.
pub(super) fn requirements(state: &State, region: &str, operation: &str, input: &Value) -> Vec<Requirement> {
    let target = Operation::named(operation).map(|operation| &operation.target);
    let resource = match target {
        Some(Target::Named(member)) => input.get(member).and_then(Value::as_str).unwrap_or("*").to_owned(),
        Some(Target::Stages) => any("stage", region),
        Some(Target::PublicKeys) => any("public-key", region),
        None => "*".to_owned(),
    };
    let request_tags = text_map(input, "tags");
    let resource_tags = state.tags(&resource).cloned().unwrap_or_default();
    let call = Requirement { action: format!("ivs:{operation}"), resource, request_tags, resource_tags };
    // To create with tags is to create and to tag.
    let creates = !matches!(target, Some(Target::Named(_)) | None);
    let tagging = (creates && !call.request_tags.is_empty()).then(|| Requirement {
        action: "ivs:TagResource".to_owned(),
        resource_tags: BTreeMap::new(),
        ..call.clone()
    });
    [Some(call), tagging].into_iter().flatten().collect()
}

fn any(kind: &str, region: &str) -> String {
    format!("arn:aws:ivs:{region}:{ACCOUNT}:{kind}/*")
}
