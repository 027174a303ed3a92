//! `CreateChannel`, `GetChannel`, `BatchGetChannel`, `UpdateChannel`, `DeleteChannel`, `ListChannels`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    batch::batch,
    context::{Context, DEFAULT_PAGE},
    settings::Settings,
    state::{Addresses, Channel, Endpoints, State},
    stream_key,
};
use crate::aws::service::shape::Input;
use crate::aws::service::{ACCOUNT, ServiceError};
use crate::aws::video::error::{conflict, quota_exceeded};
use crate::aws::video::list::page_of;
use crate::aws::video::operation::Tags;
use crate::aws::video::tags;
use crate::plumbing::ids;

/// The filters of `ListChannels`, and the settings that they compare.
const FILTERS: [(&str, &str); 5] = [
    ("filterByName", "name"),
    ("filterByRecordingConfigurationArn", "recordingConfigurationArn"),
    ("filterByPlaybackRestrictionPolicyArn", "playbackRestrictionPolicyArn"),
    ("filterByAdConfigurationArn", "adConfigurationArn"),
    ("filterByFailoverSlateConfigurationArn", "failoverSlateConfigurationArn"),
];

/// Makes a channel and its stream key each time: names are not unique, and there is no client token.
pub(super) fn create(state: &mut State, input: Input<'_>, context: &Context<'_>) -> Result<Value, ServiceError> {
    let tags = tags::given(input)?;
    let settings = Settings::default().with(input)?;
    let quota = context.limits.channels;
    if state.channels.len() >= quota {
        return Err(quota_exceeded(format!("You have reached the quota of {quota} channels")));
    }
    let id = ids::alphanumeric(12);
    let arn = arn(context.region, &id);
    let endpoints = endpoints();
    let channel = Channel { settings, tags, endpoints, revoked: BTreeMap::new(), used: BTreeMap::new() };
    let view = channel.view(&arn, &state.addresses);
    state.channels.insert(arn.clone(), channel);
    // The tags of the request are the channel's alone.
    let stream_key = stream_key::add(state, &arn, Tags::new(), context.region);
    Ok(json!({"channel": view, "streamKey": stream_key}))
}

pub(super) fn get(state: &State, input: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    let arn = input.required_text("arn");
    Ok(json!({"channel": state.channel(arn)?.view(arn, &state.addresses)}))
}

pub(super) fn batch_get(state: &State, input: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    Ok(batch("channels", input, |arn| Ok(state.channel(arn)?.view(arn, &state.addresses))))
}

pub(super) fn update(state: &mut State, input: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    let arn = input.required_text("arn");
    let settings = state.channel(arn)?.settings.with(input)?;
    offline(state, arn, "updated")?;
    state.channel_mut(arn)?.settings = settings;
    Ok(json!({"channel": state.channel(arn)?.view(arn, &state.addresses)}))
}

pub(super) fn delete(state: &mut State, input: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    let arn = input.required_text("arn");
    state.channel(arn)?;
    offline(state, arn, "deleted")?;
    state.on_air.forget(arn);
    state.channels.remove(arn);
    state.stream_keys.retain(|_, key| key.channel_arn != arn);
    Ok(Value::Null)
}

pub(super) fn list(state: &State, input: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    let mut given = FILTERS.into_iter().filter_map(|(filter, setting)| Some((setting, input.json(filter)?)));
    let filter = given.next();
    if given.next().is_some() {
        let filters = FILTERS.map(|(filter, _)| filter).join(", ");
        return Err(conflict(format!("Only one of {filters} can be provided per request")));
    }
    let channels = state
        .channels
        .iter()
        .map(|(arn, channel)| (arn.as_str(), summary(arn, channel)))
        .filter(|(_, channel)| filter.is_none_or(|(setting, wanted)| channel[setting] == *wanted));
    page_of("channels", "channels", channels, DEFAULT_PAGE, input)
}

pub(super) fn arn(region: &str, id: &str) -> String {
    format!("arn:aws:ivs:{region}:{ACCOUNT}:channel/{id}")
}

fn offline(state: &State, arn: &str, change: &str) -> Result<(), ServiceError> {
    match state.on_air.is_taken(arn) {
        false => Ok(()),
        true => Err(conflict(format!("The channel is live and cannot be {change}"))),
    }
}

impl Channel {
    /// As a `Channel` of the model.
    pub(super) fn view(&self, arn: &str, addresses: &Addresses) -> Value {
        let mut view = with_identity(self.settings.view(), arn, self);
        view["ingestEndpoint"] = json!(addresses.ingest);
        view["playbackUrl"] = json!(playback_url(arn, addresses));
        view["srt"] = json!({"endpoint": self.endpoints.srt});
        if !self.settings.insecure_ingest {
            view["srt"]["passphrase"] = json!(self.endpoints.srt_passphrase);
        }
        view
    }
}

/// Where the channel is watched: a path as IVS has it, on this machine.
pub(super) fn playback_url(arn: &str, addresses: &Addresses) -> String {
    format!("{}{}", addresses.playback, playback_path(arn))
}

/// The path of that URL.
pub(super) fn playback_path(arn: &str) -> String {
    let region = arn.split(':').nth(3).unwrap_or_default();
    let id = arn.rsplit('/').next().unwrap_or_default();
    format!("/api/video/v1/{region}.{ACCOUNT}.channel.{id}.m3u8")
}

/// A list tells tags, but no endpoints.
fn summary(arn: &str, channel: &Channel) -> Value {
    with_identity(channel.settings.summary(), arn, channel)
}

fn with_identity(mut view: Value, arn: &str, channel: &Channel) -> Value {
    view["arn"] = json!(arn);
    view["tags"] = json!(channel.tags);
    view
}

/// An endpoint in the form that AWS's samples show. Nothing listens there.
fn endpoints() -> Endpoints {
    Endpoints { srt: format!("{}.srt.live-video.net", ids::hex(12)), srt_passphrase: ids::alphanumeric(70) }
}
