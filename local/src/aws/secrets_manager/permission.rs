//! The permissions that a call needs.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{secret::arn, state::Secrets};
use crate::aws::service::{ACCOUNT, Requirement};

/// What the caller's policy must allow. The input has not been checked.
pub(super) fn requirements(secrets: &Secrets, region: &str, operation: &str, input: &Value) -> Vec<Requirement> {
    let member = |name| input.get(name).and_then(Value::as_str);
    let secret = member("SecretId").and_then(|id| secrets.find(id));
    let resource = match (secret, member("SecretId"), member("Name")) {
        (Some((_, secret)), ..) => secret.arn.clone(),
        (None, Some(id), _) if id.starts_with("arn:") => id.to_owned(),
        (None, Some(id), _) => format!("arn:aws:secretsmanager:{region}:{ACCOUNT}:secret:{id}"),
        // A secret that is to be created: its suffix is not known yet.
        (None, None, Some(name)) => arn(region, name, "*"),
        (None, None, None) => "*".to_owned(),
    };
    let call = Requirement {
        action: format!("secretsmanager:{operation}"),
        resource,
        request_tags: tags(input),
        resource_tags: secret.map(|(_, secret)| secret.tags.clone()).unwrap_or_default(),
        ..Requirement::default()
    };
    // To create with tags is to create and to tag.
    let tags = operation == "CreateSecret" && !call.request_tags.is_empty();
    let tagging = tags.then(|| Requirement { action: "secretsmanager:TagResource".to_owned(), ..call.clone() });
    [Some(call), tagging].into_iter().flatten().collect()
}

fn tags(input: &Value) -> BTreeMap<String, String> {
    let tags = input.get("Tags").and_then(Value::as_array).into_iter().flatten();
    let text = |tag: &Value, member| tag.get(member).and_then(Value::as_str).map(str::to_owned);
    tags.filter_map(|tag| Some((text(tag, "Key")?, text(tag, "Value").unwrap_or_default()))).collect()
}
