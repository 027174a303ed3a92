//! `TagResource`, `UntagResource`, and the rules for tags.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{context::Context, error::invalid_parameter, state::Secrets};
use crate::aws::service::ServiceError;
use crate::aws::service::shape::Input;

/// Tags of one secret.
const MAX_TAGS: usize = 50;

/// The tags of a request. Keys that start with `aws:` are AWS's own.
pub(super) fn given(input: Input<'_>) -> Result<BTreeMap<String, String>, ServiceError> {
    let tags = input.structures("Tags");
    let tags: BTreeMap<_, _> = tags
        .map(|tag| (tag.required_text("Key").to_owned(), tag.text("Value").unwrap_or_default().to_owned()))
        .collect();
    if let Some(key) = tags.keys().find(|key| key.to_ascii_lowercase().starts_with("aws:")) {
        return Err(invalid_parameter(format!("Tag key {key} is invalid: keys cannot start with aws:")));
    }
    within_limit(tags)
}

pub(super) fn tag(secrets: &mut Secrets, input: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    let (_, secret) = secrets.live_mut(input.required_text("SecretId"))?;
    let mut tags = secret.tags.clone();
    tags.extend(given(input)?);
    secret.tags = within_limit(tags)?;
    Ok(json!({}))
}

pub(super) fn untag(secrets: &mut Secrets, input: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    let (_, secret) = secrets.live_mut(input.required_text("SecretId"))?;
    for key in input.texts("TagKeys").unwrap_or_default() {
        secret.tags.remove(key);
    }
    Ok(json!({}))
}

fn within_limit(tags: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, ServiceError> {
    if tags.len() <= MAX_TAGS {
        Ok(tags)
    } else {
        Err(invalid_parameter(format!("A secret can have at most {MAX_TAGS} tags")))
    }
}
