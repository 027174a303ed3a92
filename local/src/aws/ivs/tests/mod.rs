//! The service through its calls.

mod channel;
mod edge;
mod lives;
mod on_air;
mod playback_key;
mod service;
mod stream;
mod stream_key;
mod takeover;

use serde_json::{Value, json};

use super::Ivs;
use crate::aws::service::Service;
use crate::aws::video::testing::{
    CONFLICT, NOT_FOUND, NOW, QUOTA_EXCEEDED, SigningKey, THROTTLED, VALIDATION, call, code, distinct, refusal,
    set_quotas, walk, without_rate_limits,
};

const NOT_BROADCASTING: (u16, &str) = (404, "ChannelNotBroadcasting");

/// A service whose rates are out of the way.
fn empty() -> Ivs {
    let service = Ivs::open("eu-central-1", None).unwrap();
    without_rate_limits(&service);
    service
}

/// What `CreateChannel` answers: the channel and its stream key.
fn create(service: &Ivs, input: Value) -> (Value, Value) {
    let answer = call(service, "CreateChannel", input);
    (answer["channel"].clone(), answer["streamKey"].clone())
}

/// A new channel, as `CreateChannel` answers it.
fn channel(service: &Ivs) -> Value {
    create(service, json!({"name": "demo"})).0
}

/// What follows `channel/` in the channel's ARN.
fn id(channel: &Value) -> &str {
    channel["arn"].as_str().unwrap().split_once("channel/").unwrap().1
}

fn go_live(service: &Ivs, channel: &Value) -> Value {
    service.go_live(id(channel), &json!({}), NOW).unwrap()
}

/// Imports the key, and answers the key pair as IVS does.
fn import(service: &Ivs, key: &SigningKey) -> Value {
    call(service, "ImportPlaybackKeyPair", json!({"publicKeyMaterial": key.public_pem()}))["keyPair"].clone()
}
