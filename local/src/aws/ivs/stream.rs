//! `GetStream`, `ListStreams`, `StopStream`, `PutMetadata`.

use serde_json::{Value, json};

use super::{
    context::{Context, DEFAULT_PAGE},
    state::{Channel, State, Stream},
};
use crate::aws::service::ServiceError;
use crate::aws::service::shape::Input;
use crate::aws::video::error::validation;
use crate::aws::video::list::page_of;

/// Bytes of the metadata of one request.
const MAX_METADATA: usize = 1024;

pub(super) fn get(state: &State, input: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    let arn = input.required_text("channelArn");
    let channel = state.channel(arn)?;
    Ok(json!({"stream": view(arn, channel, broadcast(arn, channel)?)}))
}

pub(super) fn list(state: &State, input: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    let health = input.json("filterBy").and_then(|filter| filter["health"].as_str());
    let streams = state
        .channels
        .iter()
        .filter_map(|(arn, channel)| Some((arn.as_str(), channel.stream.as_ref()?)))
        .filter(|(_, stream)| health.is_none_or(|health| stream.health == health))
        .map(|(arn, stream)| (arn, summary(arn, stream)));
    page_of("streams", "streams", streams, DEFAULT_PAGE, input)
}

/// The stream ends at once. No encoder is here to connect again.
pub(super) fn stop(state: &mut State, input: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    let arn = input.required_text("channelArn");
    let channel = state.channel_mut(arn)?;
    broadcast(arn, channel)?;
    channel.stream = None;
    Ok(json!({}))
}

/// There is no media for the metadata to go into.
pub(super) fn put_metadata(state: &State, input: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    if input.required_text("metadata").len() > MAX_METADATA {
        return Err(validation("metadata must have at most 1 KB"));
    }
    let arn = input.required_text("channelArn");
    broadcast(arn, state.channel(arn)?)?;
    Ok(Value::Null)
}

fn broadcast<'a>(arn: &str, channel: &'a Channel) -> Result<&'a Stream, ServiceError> {
    let offline = || ServiceError::new(404, "ChannelNotBroadcasting", format!("Channel {arn} is not broadcasting"));
    channel.stream.as_ref().ok_or_else(offline)
}

pub(super) fn view(arn: &str, channel: &Channel, stream: &Stream) -> Value {
    let mut view = summary(arn, stream);
    view["playbackUrl"] = json!(channel.endpoints.playback_url);
    view
}

fn summary(arn: &str, stream: &Stream) -> Value {
    json!({
        "channelArn": arn,
        "streamId": stream.id,
        "state": "LIVE",
        "health": stream.health,
        "viewerCount": stream.viewer_count,
        "startTime": stream.start,
    })
}
