//! `AWS::CloudFormation::CustomResource` and `Custom::...`: resources that a function makes.

use std::time::Duration;

use serde_json::{Map, Value};

use super::error::Result;
use super::function::Function;
use super::node::Node;

/// How long CloudFormation waits for an answer unless the template says otherwise, seconds; it is the most, too.
const DEFAULT_SERVICE_TIMEOUT: u64 = 3_600;

/// A resource that a function of the template makes.
#[derive(Debug, Clone)]
pub(crate) struct CustomResource {
    /// Logical id, such as `SigningKeys`.
    pub(crate) id: String,
    /// Such as `Custom::SigningKeys`.
    pub(crate) kind: String,
    /// Logical id of the function behind `ServiceToken`.
    pub(crate) function: String,
    /// `Properties`, with every scalar as a text, as the function gets them.
    pub(crate) properties: Value,
    /// `ServiceTimeout`: how long an answer may take.
    pub(crate) timeout: Duration,
}

/// Whether a resource of this type is made by a function.
pub(super) fn is_custom(kind: &str) -> bool {
    kind == "AWS::CloudFormation::CustomResource" || kind.starts_with("Custom::")
}

/// Reads resolved properties, once the functions are known.
pub(super) fn read(id: &str, kind: &str, properties: &Node<'_>, functions: &[Function]) -> Result<CustomResource> {
    let token = properties.require("ServiceToken")?;
    let name = token.text()?.rsplit(':').next().unwrap_or_default().to_owned();
    let Some(function) = functions.iter().find(|function| function.name == name) else {
        return Err(token.unsupported("custom resources of anything but a function of the template"));
    };
    let timeout = properties.get("ServiceTimeout").map(|timeout| timeout.number_within(1, DEFAULT_SERVICE_TIMEOUT));
    let timeout = timeout.transpose()?.unwrap_or(DEFAULT_SERVICE_TIMEOUT);
    Ok(CustomResource {
        id: id.to_owned(),
        kind: kind.to_owned(),
        function: function.id.clone(),
        properties: texts(properties.value),
        timeout: Duration::from_secs(timeout),
    })
}

/// CloudFormation hands numbers and booleans on as texts.
fn texts(value: &Value) -> Value {
    match value {
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), texts(value))).collect::<Map<_, _>>().into(),
        Value::Array(list) => list.iter().map(texts).collect(),
        Value::Number(_) | Value::Bool(_) => value.to_string().into(),
        Value::Null | Value::String(_) => value.clone(),
    }
}
