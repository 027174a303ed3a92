//! `ImportPublicKey`, `GetPublicKey`, `ListPublicKeys`, `DeletePublicKey`.

use serde_json::{Value, json};

use super::{
    context::{Context, DEFAULT_PAGE},
    state::State,
};
use crate::aws::service::ServiceError;
use crate::aws::service::shape::Input;
use crate::aws::video::error::not_found;
use crate::aws::video::list::page_of;
use crate::aws::video::public_key::{self, PublicKey};

pub(super) fn import(state: &mut State, input: Input<'_>, context: &Context<'_>) -> Result<Value, ServiceError> {
    let quota = context.limits.public_keys;
    let arn = public_key::import(&mut state.public_keys, "public-key", quota, input, context)?;
    Ok(json!({"publicKey": view(&arn, &state.public_keys[&arn])}))
}

pub(super) fn get(state: &State, input: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    let arn = input.required_text("arn");
    let key = state.public_keys.get(arn).ok_or_else(|| not_found(arn))?;
    Ok(json!({"publicKey": view(arn, key)}))
}

pub(super) fn list(state: &State, input: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    let keys = state.public_keys.iter().map(|(arn, key)| (arn.as_str(), summary(arn, key)));
    page_of("public keys", "publicKeys", keys, DEFAULT_PAGE, input)
}

/// Tokens that the key has signed can no longer be used to join.
pub(super) fn delete(state: &mut State, input: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    let arn = input.required_text("arn");
    state.public_keys.remove(arn).ok_or_else(|| not_found(arn))?;
    Ok(json!({}))
}

fn view(arn: &str, key: &PublicKey) -> Value {
    let mut view = summary(arn, key);
    view["publicKeyMaterial"] = json!(key.material);
    view["fingerprint"] = json!(key.fingerprint());
    view
}

fn summary(arn: &str, key: &PublicKey) -> Value {
    json!({"arn": arn, "name": key.name, "tags": key.tags})
}
