//! The service through its calls.

mod join;
mod participant;
mod public_key;
mod service;
mod stage;

use std::collections::BTreeSet;

use aws_lc_rs::{
    encoding::AsDer,
    rand::SystemRandom,
    signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};
use time::{OffsetDateTime, macros::datetime};

use super::IvsRealTime;
use crate::aws::service::{Service, ServiceError};

const NOW: OffsetDateTime = datetime!(2026-01-01 00:00:00.25 UTC);

/// A service whose rates are out of the way.
fn empty() -> IvsRealTime {
    let service = IvsRealTime::open("eu-central-1", None).unwrap();
    unhurried(&service);
    service
}

/// Lifts every rate, for tests of something else.
fn unhurried(service: &IvsRealTime) {
    let rates = service.quotas();
    let names = rates.as_object().unwrap().keys().filter(|name| *name != "stages" && *name != "publicKeys");
    service.set_quotas(&names.map(|name| (name.clone(), json!(1e9))).collect()).unwrap();
}

fn call(service: &IvsRealTime, operation: &str, input: Value) -> Value {
    service.call(operation, &input, NOW).unwrap_or_else(|error| panic!("{operation} {input}: {error:?}"))
}

fn refusal(service: &IvsRealTime, operation: &str, input: Value) -> ServiceError {
    match service.call(operation, &input, NOW) {
        Err(error) => error,
        Ok(answer) => panic!("{operation} {input}: {answer}"),
    }
}

/// The HTTP status and the code of a refusal.
fn code(service: &IvsRealTime, operation: &str, input: Value) -> (u16, &'static str) {
    let error = refusal(service, operation, input);
    (error.status, error.code)
}

const VALIDATION: (u16, &str) = (400, "ValidationException");
const QUOTA_EXCEEDED: (u16, &str) = (402, "ServiceQuotaExceededException");
const NOT_FOUND: (u16, &str) = (404, "ResourceNotFoundException");
const CONFLICT: (u16, &str) = (409, "ConflictException");

/// A new stage, as `CreateStage` answers it.
fn stage(service: &IvsRealTime) -> Value {
    call(service, "CreateStage", json!({"name": "demo"}))["stage"].clone()
}

/// Follows a list to its end, and answers its items.
fn walk(service: &IvsRealTime, operation: &str, mut input: Value, member: &str) -> Vec<Value> {
    let mut items = Vec::new();
    loop {
        let page = call(service, operation, input.clone());
        items.extend(page[member].as_array().unwrap().iter().cloned());
        if page["nextToken"].is_null() {
            return items;
        }
        input["nextToken"] = page["nextToken"].clone();
    }
}

fn distinct(items: &[Value], member: &str) -> BTreeSet<String> {
    items.iter().map(|item| item[member].as_str().unwrap().to_owned()).collect()
}

/// A key pair of an account, for tokens that IVS did not issue.
struct SigningKey(EcdsaKeyPair);

impl SigningKey {
    fn generate() -> Self {
        Self::on(&ECDSA_P384_SHA384_FIXED_SIGNING)
    }

    fn on(curve: &'static EcdsaSigningAlgorithm) -> Self {
        Self(EcdsaKeyPair::generate(curve).unwrap())
    }

    /// As `openssl ec -pubout` writes it.
    fn public_pem(&self) -> String {
        let base64 = STANDARD.encode(self.0.public_key().as_der().unwrap().as_ref());
        let lines: Vec<_> = base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
    }

    /// The ARN that the service gives to the public key.
    fn import(&self, service: &IvsRealTime) -> String {
        let imported = call(service, "ImportPublicKey", json!({"publicKeyMaterial": self.public_pem()}));
        imported["publicKey"]["arn"].as_str().unwrap().to_owned()
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let signature = self.0.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }
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
