//! Tags as ECS writes them: a list of `key` and `value`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

pub(super) type Tags = BTreeMap<String, String>;

/// The `tags` of a request, checked or not.
pub(super) fn given(tags: Option<&Value>) -> Tags {
    let text = |tag: &Value, member| tag.get(member).and_then(Value::as_str).map(str::to_owned);
    let tags = tags.and_then(Value::as_array).into_iter().flatten();
    tags.filter_map(|tag| Some((text(tag, "key")?, text(tag, "value").unwrap_or_default()))).collect()
}

pub(super) fn to_json(tags: &Tags) -> Value {
    tags.iter().map(|(key, value)| json!({"key": key, "value": value})).collect()
}
