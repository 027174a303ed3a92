//! Imported P-384 public keys: `ImportPublicKey` of IVS Real-Time, `ImportPlaybackKeyPair` of IVS.

use std::collections::BTreeMap;

use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{ECDSA_P384_SHA384_FIXED, ParsedPublicKey},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use super::{
    error::{conflict, quota_exceeded, validation},
    operation::{Context, Tags},
    tags,
};
use crate::aws::service::shape::Input;
use crate::aws::service::{ACCOUNT, ServiceError};
use crate::plumbing::ids;

/// How the DER of every P-384 key in SubjectPublicKeyInfo form starts (RFC 5480); the point follows.
const P384_PREFIX: [u8; 23] = [
    0x30, 0x76, 0x30, 0x10, // SEQUENCE { SEQUENCE {
    0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, // id-ecPublicKey
    0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22, // secp384r1 }
    0x03, 0x62, 0x00, // BIT STRING
];

/// The public half of a pair whose other half signs tokens.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct PublicKey {
    pub(crate) name: String,
    pub(crate) tags: Tags,
    /// PEM as it was imported.
    pub(crate) material: String,
}

/// Public keys by ARN.
pub(crate) type PublicKeys = BTreeMap<String, PublicKey>;

impl PublicKey {
    /// Whether `signature` (ES384: r and s, 48 bytes each) is this key's, of `message`.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        der(&self.material).and_then(|der| parse(&der)).is_some_and(|key| key.verify_sig(message, signature).is_ok())
    }

    /// 16 bytes in hexadecimal with colons. AWS's are an MD5; these are the first half of a SHA-256.
    pub(crate) fn fingerprint(&self) -> String {
        let digest = digest(&SHA256, &der(&self.material).unwrap_or_default());
        let bytes: Vec<_> = digest.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        bytes.join(":")
    }
}

/// Adds the key of the input's `publicKeyMaterial`, `name` and `tags`, as a resource of this `kind`; answers its ARN.
///
/// # Errors
/// Material that is no P-384 key or was imported before, `quota` keys already, and wrong tags.
pub(crate) fn import<L>(
    keys: &mut PublicKeys,
    kind: &str,
    quota: usize,
    input: Input<'_>,
    context: &Context<'_, L>,
) -> Result<String, ServiceError> {
    let material = input.required_text("publicKeyMaterial");
    let imported = der(material).filter(|der| parse(der).is_some());
    let imported = imported.ok_or_else(|| validation("publicKeyMaterial is not the PEM of a P-384 public key"))?;
    let tags = tags::given(input)?;
    if let Some((arn, _)) = keys.iter().find(|(_, key)| der(&key.material).as_ref() == Some(&imported)) {
        return Err(conflict(format!("The public key has been imported already, as {arn}")));
    }
    if keys.len() >= quota {
        return Err(quota_exceeded(format!("You have reached the quota of {quota} public keys")));
    }
    let arn = format!("arn:aws:ivs:{}:{ACCOUNT}:{kind}/{}", context.region, ids::alphanumeric(12));
    let name = input.text("name").unwrap_or_default().to_owned();
    keys.insert(arn.clone(), PublicKey { name, tags, material: material.to_owned() });
    Ok(arn)
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
