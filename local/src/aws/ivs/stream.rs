//! `GetStream`, `ListStreams`, `StopStream`, `PutMetadata`.

use serde_json::{Value, json};

use super::{
    context::{Context, DEFAULT_PAGE},
    session::Session,
    state::State,
};
use crate::aws::service::ServiceError;
use crate::aws::service::shape::Input;
use crate::aws::video::error::{throttled, validation};
use crate::aws::video::list::page_of;

/// Bytes of the metadata of one request.
const MAX_METADATA: usize = 1024;

pub(super) fn get(state: &State, input: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    let arn = input.required_text("channelArn");
    state.channel(arn)?;
    let stream = state.on_air.live(arn, Session::stream).ok_or_else(|| offline(arn))?;
    Ok(json!({"stream": stream}))
}

pub(super) fn list(state: &State, input: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    let health = input.json("filterBy").and_then(|filter| filter["health"].as_str());
    let streams = state.on_air.streams();
    let streams = streams
        .iter()
        .filter(|(_, stream)| health.is_none_or(|health| stream["health"] == health))
        .map(|(arn, stream)| (arn.as_str(), stream.clone()));
    page_of("streams", "streams", streams, DEFAULT_PAGE, input)
}

/// The stream ends at once, and the encoder's connection with it. It may connect again.
pub(super) fn stop(state: &State, input: Input<'_>, context: &Context<'_>) -> Result<Value, ServiceError> {
    let arn = input.required_text("channelArn");
    state.channel(arn)?;
    if state.on_air.stop(arn, context.now) { Ok(json!({})) } else { Err(offline(arn)) }
}

pub(super) fn put_metadata(state: &State, input: Input<'_>, context: &Context<'_>) -> Result<Value, ServiceError> {
    let metadata = input.required_text("metadata");
    if metadata.len() > MAX_METADATA {
        return Err(validation("metadata must have at most 1 KB"));
    }
    let arn = input.required_text("channelArn");
    state.channel(arn)?;
    match state.on_air.put_metadata(arn, metadata, context.now) {
        None => Err(offline(arn)),
        Some(false) => Err(throttled()),
        Some(true) => Ok(Value::Null),
    }
}

fn offline(arn: &str) -> ServiceError {
    ServiceError::new(404, "ChannelNotBroadcasting", format!("Channel {arn} is not broadcasting"))
}
