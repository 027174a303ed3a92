//! `TagResource`, `UntagResource`, `ListTagsForResource`, and the rules for tags.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    error::{not_found, validation},
    operation::Context,
    stand_in::Model,
};
use crate::aws::service::ServiceError;
use crate::aws::service::shape::Input;

/// Tags of a resource.
pub(crate) type Tags = BTreeMap<String, String>;

/// Tags of one resource.
const MAX_TAGS: usize = 50;

/// The tags of a request, checked for what the model does not say: keys that start with `aws:` are AWS's own.
pub(crate) fn given(input: Input<'_>) -> Result<Tags, ServiceError> {
    let tags = input.text_map("tags");
    match tags.keys().find(|key| key.to_ascii_lowercase().starts_with("aws:")) {
        Some(key) => Err(validation(format!("Tag key {key} is invalid: keys cannot start with aws:"))),
        None => Ok(tags),
    }
}

pub(super) fn tag<M: Model>(
    state: &mut M,
    input: Input<'_>,
    _: &Context<'_, M::Limits>,
) -> Result<Value, ServiceError> {
    let given = given(input)?;
    let arn = input.required_text("resourceArn");
    let tags = state.tags_mut(arn).ok_or_else(|| not_found(arn))?;
    let added = given.keys().filter(|key| !tags.contains_key(*key)).count();
    if tags.len() + added > MAX_TAGS {
        return Err(validation(format!("A resource can have at most {MAX_TAGS} tags")));
    }
    tags.extend(given);
    Ok(json!({}))
}

pub(super) fn untag<M: Model>(
    state: &mut M,
    input: Input<'_>,
    _: &Context<'_, M::Limits>,
) -> Result<Value, ServiceError> {
    let arn = input.required_text("resourceArn");
    let tags = state.tags_mut(arn).ok_or_else(|| not_found(arn))?;
    for key in input.texts("tagKeys").unwrap_or_default() {
        tags.remove(key);
    }
    Ok(json!({}))
}

pub(super) fn list<M: Model>(state: &M, input: Input<'_>, _: &Context<'_, M::Limits>) -> Result<Value, ServiceError> {
    let arn = input.required_text("resourceArn");
    Ok(json!({"tags": state.tags(arn).ok_or_else(|| not_found(arn))?}))
}
