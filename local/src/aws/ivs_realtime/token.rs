//! Participant tokens: JSON Web Tokens that IVS issues itself or that the account signs with an imported key.

use std::collections::BTreeMap;

use aws_lc_rs::hmac::{self, HMAC_SHA512, Key, Tag};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::aws::video::constraint::is_word;
use crate::aws::video::jwt::{Header, Jwt};
use crate::plumbing::ids;

/// How long after `iat` a token may expire, in seconds: 14 days.
const MAX_LIFETIME: i64 = 14 * 24 * 60 * 60;

/// Bytes of all attribute names and values together.
pub(super) const MAX_ATTRIBUTES: usize = 1024;

/// The `version` that IVS knows.
pub(super) const VERSION: &str = "1.0";

/// The claims, in the order in which IVS writes them.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Claims {
    /// Seconds since 1970.
    pub(super) exp: i64,
    /// Seconds since 1970.
    pub(super) iat: i64,
    /// The participant id.
    pub(super) jti: String,
    /// The stage's ARN.
    pub(super) resource: String,
    /// The stage's id.
    pub(super) topic: String,
    pub(super) events_url: String,
    pub(super) whip_url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) user_id: Option<String>,
    pub(super) capabilities: Capabilities,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) version: String,
}

/// What the participant may do. A capability that is not there is not given.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct Capabilities {
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) allow_publish: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) allow_subscribe: bool,
}

/// By reference, since serde asks for it.
fn is_false(allowed: &bool) -> bool {
    !allowed
}

impl Capabilities {
    /// As the API names them.
    pub(super) fn names(self) -> Vec<&'static str> {
        let all = [(self.allow_publish, "PUBLISH"), (self.allow_subscribe, "SUBSCRIBE")];
        all.into_iter().filter_map(|(allowed, name)| allowed.then_some(name)).collect()
    }
}

/// Who vouches for a token.
pub(super) enum Signer {
    /// IVS itself: `CreateParticipantToken`.
    Ivs,
    /// The holder of the private key to the public key with this ARN.
    KeyPair(String),
}

/// A token taken apart; nothing is said yet about its signature.
pub(super) struct ParticipantToken<'a> {
    /// Who is said to have signed.
    pub(super) signer: Signer,
    pub(super) claims: Claims,
    /// What the signature is of.
    pub(super) message: &'a str,
    pub(super) signature: Vec<u8>,
}

impl<'a> ParticipantToken<'a> {
    /// Takes a token apart and checks what can be checked of its claims without knowing the stage or the time.
    ///
    /// # Errors
    /// What is malformed. The text of the token is not quoted.
    pub(super) fn parse(text: &'a str) -> Result<Self, String> {
        let Jwt { header, claims, message, signature } = Jwt::<Claims>::parse(text)?;
        let token = Self { signer: signer(header)?, claims, message, signature };
        token.claims.check()?;
        Ok(token)
    }
}

fn signer(header: Header) -> Result<Signer, String> {
    match (header.alg.as_str(), header.kid) {
        ("ES384", Some(kid)) => Ok(Signer::KeyPair(kid)),
        ("ES384", None) => Err("the header has no kid: the ARN of the public key".to_owned()),
        ("KMS", _) => Ok(Signer::Ivs),
        _ => Err("the header's alg is not ES384".to_owned()),
    }
}

impl Claims {
    fn check(&self) -> Result<(), String> {
        let topic = self.resource.split_once(":stage/").map(|(_, id)| id);
        let attributes = self.attributes.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>();
        let rules = [
            (self.version == VERSION, "the claim version is not \"1.0\""),
            (!self.jti.is_empty() && self.jti.len() <= 64, "the claim jti does not have 1 to 64 characters"),
            (is_word(&self.jti), "the claim jti has characters other than letters, digits, - and _"),
            (topic == Some(&self.topic), "the claim topic is not what follows stage/ in the claim resource"),
            (self.exp.saturating_sub(self.iat) <= MAX_LIFETIME, "the claim exp is more than 14 days after iat"),
            (
                self.user_id.as_ref().is_none_or(|id| id.chars().count() <= 128),
                "the claim user_id is over 128 characters",
            ),
            (attributes <= MAX_ATTRIBUTES, "the claim attributes is over 1 KB"),
        ];
        rules.into_iter().find(|(met, _)| !met).map_or(Ok(()), |(_, broken)| Err(broken.to_owned()))
    }
}

/// What makes the tokens that IVS issues its own. Where AWS signs by a key in KMS, this is an HMAC (SHA-512): nobody
/// but the service checks those tokens, and to clients they are opaque.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct TokenSecret(Vec<u8>);

impl TokenSecret {
    pub(super) fn new() -> Self {
        Self(ids::bytes::<32>().into())
    }

    fn key(&self) -> Key {
        Key::new(HMAC_SHA512, &self.0)
    }

    fn sign(&self, message: &str) -> Tag {
        hmac::sign(&self.key(), message.as_bytes())
    }

    /// Whether this is a token that [`issue`] made.
    pub(super) fn signed(&self, token: &ParticipantToken<'_>) -> bool {
        hmac::verify(&self.key(), token.message.as_bytes(), &token.signature).is_ok()
    }
}

/// A token in the form of those that IVS issues.
pub(super) fn issue(claims: &Claims, secret: &TokenSecret) -> String {
    let header = Header { alg: "KMS".to_owned(), typ: "JWT".to_owned(), kid: None };
    let message = format!("{}.{}", encode(&header), encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(secret.sign(&message));
    format!("{message}.{signature}")
}

fn encode(part: &impl Serialize) -> String {
    let json = serde_json::to_vec(part).expect("structures of strings, numbers and maps of strings have a JSON form");
    URL_SAFE_NO_PAD.encode(json)
}
