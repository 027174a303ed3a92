//! The ARNs of tables: in requests they may stand for a name, and the engine's own have a region that is none.

use serde_json::{Map, Value};

use crate::aws::service::{ACCOUNT, Requirement, ServiceError};

/// How the engine's ARNs begin.
const ENGINE: &str = "arn:aws:dynamodb:dynoxide:000000000000:";

/// Operations that answer the description of a table.
const DESCRIBING: [&str; 4] = ["CreateTable", "DeleteTable", "DescribeTable", "UpdateTable"];

/// How ARNs begin here.
fn prefix(region: &str) -> String {
    format!("arn:aws:dynamodb:{region}:{ACCOUNT}:")
}

/// Why a request for these resources is refused: one of them is of elsewhere.
pub(super) fn foreign(region: &str, needed: &[Requirement]) -> Option<ServiceError> {
    let Requirement { action, resource, .. } = needed
        .iter()
        .find(|needed| needed.resource.starts_with("arn:") && !needed.resource.starts_with(&prefix(region)))?;
    let of = |position: usize| resource.split(':').nth(position).unwrap_or_default();
    if of(3) != region {
        let what = format!("Requested resource not found: {resource} is not of this region ({region})");
        return Some(ServiceError::new(400, "ResourceNotFoundException", what));
    }
    let what = format!(
        "not authorized to perform: {action} on resource: {resource} because no resource-based policy allows the {action} \
         action"
    );
    Some(ServiceError::new(400, "AccessDeniedException", what))
}

/// The request with names in place of tables' ARNs; none if it has no such ARN.
pub(super) fn with_names(region: &str, input: &Value) -> Option<Value> {
    let table = format!("{}table/", prefix(region));
    let has_arn = |request: &Value| request["TableName"].as_str().is_some_and(|name| name.starts_with(&table));
    let items = input["TransactItems"].as_array().into_iter().flatten();
    let mut actions = items.filter_map(Value::as_object).flat_map(Map::values);
    if !has_arn(input) && !actions.any(has_arn) {
        return None;
    }
    let mut named = input.clone();
    shorten(&mut named, &table);
    for item in named.get_mut("TransactItems").and_then(Value::as_array_mut).into_iter().flatten() {
        for (_, action) in item.as_object_mut().into_iter().flatten() {
            shorten(action, &table);
        }
    }
    Some(named)
}

fn shorten(request: &mut Value, prefix: &str) {
    if let Some(name) = request.get_mut("TableName")
        && let Some(short) = name.as_str().and_then(|arn| arn.strip_prefix(prefix)).map(Value::from)
    {
        *name = short;
    }
}

/// The answer to an operation, with this region in place of the engine's; none if it has no ARN.
pub(super) fn of_here(region: &str, operation: &str, body: &[u8]) -> Option<String> {
    if !DESCRIBING.contains(&operation) {
        return None;
    }
    let text = str::from_utf8(body).ok().filter(|text| text.contains(ENGINE))?;
    Some(text.replace(ENGINE, &prefix(region)))
}
