//! The service through its calls.

mod join;
mod participant;
mod public_key;
mod publish;
mod service;
mod stage;

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::IvsRealTime;
use crate::aws::service::Service;
use crate::aws::video::testing::{
    CONFLICT, NOT_FOUND, NOW, QUOTA_EXCEEDED, SigningKey, THROTTLED, VALIDATION, call, code, distinct, refusal,
    set_quotas, walk, without_rate_limits,
};

/// A service whose rates are out of the way.
fn empty() -> IvsRealTime {
    let service = IvsRealTime::open("eu-central-1", None).unwrap();
    without_rate_limits(&service);
    service
}

/// A new stage, as `CreateStage` answers it.
fn stage(service: &IvsRealTime) -> Value {
    call(service, "CreateStage", json!({"name": "demo"}))["stage"].clone()
}

/// Imports the key, and answers the ARN that the service gives to it.
fn import(service: &IvsRealTime, key: &SigningKey) -> String {
    let imported = call(service, "ImportPublicKey", json!({"publicKeyMaterial": key.public_pem()}));
    imported["publicKey"]["arn"].as_str().unwrap().to_owned()
}

fn header(kid: &str) -> Value {
    json!({"alg": "ES384", "typ": "JWT", "kid": kid})
}

/// Claims that the stage accepts from now on for an hour.
fn claims(stage: &Value, participant: &str) -> Value {
    let arn = stage["arn"].as_str().unwrap();
    json!({
        "exp": NOW.unix_timestamp() + 3_600,
        "iat": NOW.unix_timestamp(),
        "jti": participant,
        "resource": arn,
        "topic": arn.split_once("stage/").unwrap().1,
        "events_url": stage["endpoints"]["events"],
        "whip_url": stage["endpoints"]["whip"],
        "user_id": "alice",
        "capabilities": {"allow_publish": true, "allow_subscribe": true},
        "attributes": {"role": "host"},
        "version": "1.0",
    })
}
