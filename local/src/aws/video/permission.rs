//! The permissions that a call needs ("Actions, resources, and condition keys" in the service authorization reference).

use std::collections::BTreeMap;

use serde_json::Value;

use super::operation::{Model, Operation, Target};
use crate::aws::service::shape::text_map;
use crate::aws::service::{ACCOUNT, Requirement};

/// What the caller's policy must allow. The input has not been checked.
pub(super) fn requirements<M: Model>(state: &M, region: &str, operation: &str, input: &Value) -> Vec<Requirement> {
    let target = Operation::<M>::named(operation).map(|operation| &operation.target);
    let request_tags = text_map(input, "tags");
    let requirement = |resource: String| Requirement {
        action: format!("{}:{operation}", M::SERVICE),
        resource_tags: state.tags(&resource).cloned().unwrap_or_default(),
        resource,
        request_tags: request_tags.clone(),
        ..Requirement::default()
    };
    let mut required: Vec<_> = resources(M::SERVICE, target, region, input).into_iter().map(requirement).collect();
    // To create with tags is to create and to tag.
    if matches!(target, Some(Target::Any(_)))
        && !request_tags.is_empty()
        && let Some(create) = required.first().cloned()
    {
        let tagging =
            Requirement { action: format!("{}:TagResource", M::SERVICE), resource_tags: BTreeMap::new(), ..create };
        required.push(tagging);
    }
    required
}

/// At least one ARN, whatever the input: a call that requires nothing would be allowed to everyone.
fn resources(service: &str, target: Option<&Target>, region: &str, input: &Value) -> Vec<String> {
    let named = match target {
        Some(Target::Named(member)) => {
            input.get(member).and_then(Value::as_str).map(str::to_owned).into_iter().collect()
        }
        Some(Target::NamedWith(member, kind)) => {
            let named = input.get(member).and_then(Value::as_str).map(str::to_owned);
            named.into_iter().chain([format!("arn:aws:{service}:{region}:{ACCOUNT}:{kind}/*")]).collect()
        }
        Some(Target::Each(member)) => {
            let arns = input.get(member).and_then(Value::as_array).into_iter().flatten();
            arns.filter_map(Value::as_str).map(str::to_owned).collect()
        }
        Some(Target::Any(kinds)) => {
            kinds.iter().map(|kind| format!("arn:aws:{service}:{region}:{ACCOUNT}:{kind}/*")).collect()
        }
        None => Vec::new(),
    };
    if named.is_empty() { vec!["*".to_owned()] } else { named }
}
