//! `TagResource`, `UntagResource`, `ListTagsForResource`, and the rules for tags.

use serde_json::{Value, json};

use super::{
    constraint::{RESOURCE_ARN, TAG_KEYS, TAGS},
    error::{not_found, validation},
    operation::{Context, Model, Operation, Run, Tags, Target},
};
use crate::aws::service::ServiceError;
use crate::aws::service::shape::{Input, Member, required};

/// Calls per second of each tag operation.
const TAGGING_RATE: f64 = 10.0;

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

const TAG_RESOURCE: &[Member] = &[required("resourceArn", RESOURCE_ARN), required("tags", TAGS)];
const UNTAG_RESOURCE: &[Member] = &[required("resourceArn", RESOURCE_ARN), required("tagKeys", TAG_KEYS)];
const LIST_TAGS_FOR_RESOURCE: &[Member] = &[required("resourceArn", RESOURCE_ARN)];

pub(crate) const fn tag_resource<M: Model>() -> Operation<M> {
    Operation {
        name: "TagResource",
        input: TAG_RESOURCE,
        target: Target::Named("resourceArn"),
        rate: TAGGING_RATE,
        run: Run::Write(tag),
    }
}

pub(crate) const fn untag_resource<M: Model>() -> Operation<M> {
    Operation {
        name: "UntagResource",
        input: UNTAG_RESOURCE,
        target: Target::Named("resourceArn"),
        rate: TAGGING_RATE,
        run: Run::Write(untag),
    }
}

pub(crate) const fn list_tags_for_resource<M: Model>() -> Operation<M> {
    Operation {
        name: "ListTagsForResource",
        input: LIST_TAGS_FOR_RESOURCE,
        target: Target::Named("resourceArn"),
        rate: TAGGING_RATE,
        run: Run::Read(list),
    }
}

fn tag<M: Model>(state: &mut M, input: Input<'_>, _: &Context<'_, M::Limits>) -> Result<Value, ServiceError> {
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

fn untag<M: Model>(state: &mut M, input: Input<'_>, _: &Context<'_, M::Limits>) -> Result<Value, ServiceError> {
    let arn = input.required_text("resourceArn");
    let tags = state.tags_mut(arn).ok_or_else(|| not_found(arn))?;
    for key in input.texts("tagKeys").unwrap_or_default() {
        tags.remove(key);
    }
    Ok(json!({}))
}

fn list<M: Model>(state: &M, input: Input<'_>, _: &Context<'_, M::Limits>) -> Result<Value, ServiceError> {
    let arn = input.required_text("resourceArn");
    Ok(json!({"tags": state.tags(arn).ok_or_else(|| not_found(arn))?}))
}
