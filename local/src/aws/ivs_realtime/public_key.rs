//! `ImportPublicKey`, `GetPublicKey`, `ListPublicKeys`, `DeletePublicKey`, and the check of a signature.

use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{ECDSA_P384_SHA384_FIXED, ParsedPublicKey},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    error::{conflict, not_found, quota_exceeded, validation},
    list::page_of,
    operation::Context,
    state::{PublicKey, State},
    tags,
};
use crate::aws::{
    ids,
    service::{ACCOUNT, ServiceError},
    shape::Input,
};

/// How the DER of every P-384 key in SubjectPublicKeyInfo form starts (RFC 5480); the point follows.
const P384_PREFIX: [u8; 23] = [
    0x30, 0x76, 0x30, 0x10, // SEQUENCE { SEQUENCE {
    0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, // id-ecPublicKey
    0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22, // secp384r1 }
    0x03, 0x62, 0x00, // BIT STRING
];

impl PublicKey {
    /// Whether `signature` (ES384: r and s, 48 bytes each) is this key's, of `message`.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        der(&self.material).and_then(|der| parse(&der)).is_some_and(|key| key.verify_sig(message, signature).is_ok())
    }
}

pub(super) fn import(state: &mut State, input: Input<'_>, context: &Context<'_>) -> Result<Value, ServiceError> {
    let material = input.required_text("publicKeyMaterial");
    let imported = der(material).filter(|der| parse(der).is_some());
    let imported = imported.ok_or_else(|| validation("publicKeyMaterial is not the PEM of a P-384 public key"))?;
    let tags = tags::given(input)?;
    let twin = state.public_keys.iter().find(|(_, key)| der(&key.material).as_ref() == Some(&imported));
    if let Some((arn, _)) = twin {
        return Err(conflict(format!("The public key has been imported already, as {arn}")));
    }
    if state.public_keys.len() >= context.quotas.public_keys {
        let quota = context.quotas.public_keys;
        return Err(quota_exceeded(format!("You have reached the quota of {quota} public keys")));
    }
    let arn = format!("arn:aws:ivs:{}:{ACCOUNT}:public-key/{}", context.region, ids::alphanumeric(12));
    let name = input.text("name").unwrap_or_default().to_owned();
    let key = PublicKey { name, tags, material: material.to_owned() };
    let answer = json!({"publicKey": view(&arn, &key)});
    state.public_keys.insert(arn, key);
    Ok(answer)
}

pub(super) fn get(state: &State, input: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    let arn = input.required_text("arn");
    let key = state.public_keys.get(arn).ok_or_else(|| not_found(arn))?;
    Ok(json!({"publicKey": view(arn, key)}))
}

pub(super) fn list(state: &State, input: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    let keys = state.public_keys.iter().map(|(arn, key)| (arn.as_str(), summary(arn, key)));
    page_of("public keys", "publicKeys", keys, input)
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
    view["fingerprint"] = json!(fingerprint(&der(&key.material).unwrap_or_default()));
    view
}

fn summary(arn: &str, key: &PublicKey) -> Value {
    json!({"arn": arn, "name": key.name, "tags": key.tags})
}

/// 16 bytes in hexadecimal with colons. AWS's are an MD5; these are the first half of a SHA-256.
fn fingerprint(der: &[u8]) -> String {
    let bytes: Vec<_> = digest(&SHA256, der).as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    bytes.join(":")
}

/// The DER inside the PEM.
fn der(pem: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once("-----BEGIN PUBLIC KEY-----")?;
    let (base64, _) = rest.split_once("-----END PUBLIC KEY-----")?;
    STANDARD.decode(base64.split_ascii_whitespace().collect::<String>()).ok()
}

/// The key, if it is one of P-384; aws-lc checks that the point is on the curve.
fn parse(der: &[u8]) -> Option<ParsedPublicKey> {
    let point = der.strip_prefix(&P384_PREFIX)?;
    ParsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point).ok()
}
