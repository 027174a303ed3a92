//! `ImportPlaybackKeyPair`, `GetPlaybackKeyPair`, `ListPlaybackKeyPairs`, `DeletePlaybackKeyPair`.

use serde_json::{Value, json};

use super::{
    context::{Context, DEFAULT_PAGE},
    state::State,
};
use crate::aws::service::ServiceError;
use crate::aws::service::shape::Input;
use crate::aws::video::list::page_of;
use crate::aws::video::public_key::{self, PublicKey};

pub(super) fn import(state: &mut State, input: Input<'_>, context: &Context<'_>) -> Result<Value, ServiceError> {
    let quota = context.limits.playback_key_pairs;
    let arn = public_key::import(&mut state.playback_keys, "playback-key", quota, input, context)?;
    Ok(json!({"keyPair": view(&arn, &state.playback_keys[&arn])}))
}

pub(super) fn get(state: &State, input: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    let arn = input.required_text("arn");
    Ok(json!({"keyPair": view(arn, state.playback_key(arn)?)}))
}

pub(super) fn list(state: &State, input: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    let keys = state.playback_keys.iter().map(|(arn, key)| (arn.as_str(), summary(arn, key)));
    page_of("playback keys", "keyPairs", keys, DEFAULT_PAGE, input)
}

/// Tokens that the pair has signed no longer play anything.
pub(super) fn delete(state: &mut State, input: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    let arn = input.required_text("arn");
    state.playback_key(arn)?;
    state.playback_keys.remove(arn);
    Ok(json!({}))
}

/// The material is not told again, only its fingerprint.
fn view(arn: &str, key: &PublicKey) -> Value {
    let mut view = summary(arn, key);
    view["fingerprint"] = json!(key.fingerprint());
    view
}

fn summary(arn: &str, key: &PublicKey) -> Value {
    json!({"arn": arn, "name": key.name, "tags": key.tags})
}
