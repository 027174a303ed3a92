//! `CreateStreamKey`, `GetStreamKey`, `BatchGetStreamKey`, `DeleteStreamKey`, `ListStreamKeys`.

use serde_json::{Value, json};

use super::{
    batch::batch,
    context::Context,
    state::{State, StreamKey},
};
use crate::aws::service::shape::Input;
use crate::aws::service::{ACCOUNT, ServiceError};
use crate::aws::video::error::quota_exceeded;
use crate::aws::video::list::page_of;
use crate::aws::video::operation::Tags;
use crate::aws::video::tags;
use crate::plumbing::ids;

/// Items of a page of `ListStreamKeys` when `maxResults` is not given.
const DEFAULT_PAGE: usize = 1;

/// Fails on a channel that still has the key that was made with it: to rotate is to delete, then to create.
pub(super) fn create(state: &mut State, input: Input<'_>, context: &Context<'_>) -> Result<Value, ServiceError> {
    let tags = tags::given(input)?;
    let channel = input.required_text("channelArn");
    state.channel(channel)?;
    let quota = context.limits.stream_keys_per_channel;
    if state.stream_keys.values().filter(|key| key.channel_arn == channel).count() >= quota {
        return Err(quota_exceeded(format!("You have reached the quota of {quota} stream keys for the channel")));
    }
    Ok(json!({"streamKey": add(state, channel, tags, context.region)}))
}

/// Makes a stream key for a channel and answers it with its value.
pub(super) fn add(state: &mut State, channel: &str, tags: Tags, region: &str) -> Value {
    let arn = format!("arn:aws:ivs:{region}:{ACCOUNT}:stream-key/{}", ids::alphanumeric(12));
    let value = format!("sk_{region}_{}_{}", ids::alphanumeric(12), ids::alphanumeric(30));
    let key = StreamKey { value, channel_arn: channel.to_owned(), tags };
    let view = view(&arn, &key);
    state.stream_keys.insert(arn, key);
    view
}

pub(super) fn get(state: &State, input: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    let arn = input.required_text("arn");
    Ok(json!({"streamKey": view(arn, state.stream_key(arn)?)}))
}

pub(super) fn batch_get(state: &State, input: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    Ok(batch("streamKeys", input, |arn| Ok(view(arn, state.stream_key(arn)?))))
}

/// Nobody can start a stream with the key any more; a live stream goes on.
pub(super) fn delete(state: &mut State, input: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    let arn = input.required_text("arn");
    state.stream_key(arn)?;
    state.stream_keys.remove(arn);
    Ok(Value::Null)
}

pub(super) fn list(state: &State, input: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    let channel = input.required_text("channelArn");
    state.channel(channel)?;
    let keys = state.stream_keys.iter().filter(|(_, key)| key.channel_arn == channel);
    let keys = keys.map(|(arn, key)| (arn.as_str(), summary(arn, key)));
    page_of(&format!("stream keys of {channel}"), "streamKeys", keys, DEFAULT_PAGE, input)
}

fn view(arn: &str, key: &StreamKey) -> Value {
    let mut view = summary(arn, key);
    view["value"] = json!(key.value);
    view
}

/// A list does not tell the value.
fn summary(arn: &str, key: &StreamKey) -> Value {
    json!({"arn": arn, "channelArn": key.channel_arn, "tags": key.tags})
}
