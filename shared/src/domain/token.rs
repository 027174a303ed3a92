//! Participant tokens: what they say, and the key that signs them here.
//!
//! Signing here replaces `CreateParticipantToken`, which IVS limits to 50 a second and account. IVS verifies the
//! signature with the public key imported to it (Real-Time user guide, "Distribute Participant Tokens").

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde::Serialize;

use super::participant::{Attributes, Capabilities};
use super::{ParticipantId, PublicKeyArn, StageArn, Timestamp, UserId};

/// The text of a participant token: whoever holds it can join. It shows itself only through [`Self::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct ParticipantToken(String);

impl ParticipantToken {
    /// Wraps the text of a token.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself, for the answer to the user it belongs to.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ParticipantToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ParticipantToken(redacted)")
    }
}

/// What a participant token says. The same claims signed again are the same token to IVS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenClaims<'a> {
    /// The participant: the token's `jti`.
    pub participant_id: &'a ParticipantId,
    /// The user that it stands for; shown to every participant.
    pub user_id: &'a UserId,
    /// The stage that it opens.
    pub stage: &'a StageArn,
    /// WebSocket URL of the stage's events.
    pub events_url: &'a str,
    /// WHIP URL of the stage.
    pub whip_url: &'a str,
    /// What it allows.
    pub capabilities: Capabilities,
    /// Shown to every participant.
    pub attributes: &'a Attributes,
    /// When it was made; the claim has whole seconds.
    pub issued_at: Timestamp,
    /// Until when it can be used to join; whole seconds, at most 14 days after `issued_at`.
    pub expires_at: Timestamp,
}

impl TokenClaims<'_> {
    /// The payload, with the names and types of the user guide's "Token payload".
    fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        #[derive(Serialize)]
        struct Payload<'a> {
            exp: i64,
            iat: i64,
            jti: &'a str,
            user_id: &'a str,
            resource: &'a str,
            topic: &'a str,
            events_url: &'a str,
            whip_url: &'a str,
            capabilities: Allowed,
            #[serde(skip_serializing_if = "Attributes::is_empty")]
            attributes: &'a Attributes,
            version: &'static str,
        }
        /// A capability that is not granted is left out rather than false, as the guide has it.
        #[derive(Serialize)]
        struct Allowed {
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            allow_publish: bool,
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            allow_subscribe: bool,
        }
        serde_json::to_vec(&Payload {
            exp: self.expires_at.epoch_seconds(),
            iat: self.issued_at.epoch_seconds(),
            jti: self.participant_id.as_str(),
            user_id: self.user_id.as_str(),
            resource: self.stage.as_str(),
            topic: self.stage.topic(),
            events_url: self.events_url,
            whip_url: self.whip_url,
            capabilities: Allowed {
                allow_publish: self.capabilities.publish(),
                allow_subscribe: self.capabilities.subscribe(),
            },
            attributes: self.attributes,
            version: "1.0",
        })
    }
}

/// A P-384 private key with the ARN that IVS knows its public half by. Parsed once: a signature then costs 70 µs,
/// where JWT crates parse the key for every token.
pub struct SigningKey {
    id: PublicKeyArn,
    /// `base64url(header) + "."`, the same for every token of this key.
    header: String,
    pair: EcdsaKeyPair,
}

/// The key is no P-384 private key in PEM (PKCS#8 or SEC 1). The text never quotes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a P-384 private key in PEM form (PKCS#8 or SEC 1)")]
pub struct InvalidSigningKey;

impl SigningKey {
    /// Reads a private key, as `openssl ecparam -name secp384r1 -genkey` or `openssl genpkey` write it.
    ///
    /// # Errors
    /// [`InvalidSigningKey`].
    pub fn from_pem(id: PublicKeyArn, pem: &str) -> Result<Self, InvalidSigningKey> {
        let der = pem_body(pem).ok_or(InvalidSigningKey)?;
        let pair = EcdsaKeyPair::from_private_key_der(&ECDSA_P384_SHA384_FIXED_SIGNING, &der)
            .map_err(|_| InvalidSigningKey)?;
        let header = serde_json::json!({"alg": "ES384", "typ": "JWT", "kid": id.as_str()}).to_string();
        Ok(Self { id, header: BASE64_URL_SAFE_NO_PAD.encode(header) + ".", pair })
    }

    /// The ARN of the public half in IVS.
    pub fn id(&self) -> &PublicKeyArn {
        &self.id
    }

    /// Signs the claims as a compact JWS with ES384 (RFC 7515, RFC 7518 section 3.4: r and s, 48 bytes each).
    ///
    /// # Errors
    /// Only when the operating system has no randomness to give.
    pub fn sign(&self, claims: &TokenClaims<'_>) -> Result<ParticipantToken, crate::Error> {
        let mut text = String::with_capacity(1024);
        text.push_str(&self.header);
        BASE64_URL_SAFE_NO_PAD.encode_string(claims.to_json().map_err(crate::Error::internal)?, &mut text);
        let signature = self
            .pair
            .sign(&SystemRandom::new(), text.as_bytes())
            .map_err(|_| crate::Error::internal("the participant token could not be signed"))?;
        text.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(signature, &mut text);
        Ok(ParticipantToken(text))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The bytes of the private key block. `openssl ecparam -genkey` writes the curve's parameters in a block before it.
fn pem_body(pem: &str) -> Option<Vec<u8>> {
    let mut lines = pem.lines().map(str::trim);
    lines.find(|line| line.starts_with("-----BEGIN") && line.ends_with("PRIVATE KEY-----"))?;
    let body: String = lines.take_while(|line| !line.starts_with("-----END")).collect();
    BASE64_STANDARD.decode(body).ok()
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::{AsDer, EcPrivateKeyRfc5915Der};
    use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED, KeyPair, UnparsedPublicKey};
    use serde_json::{Value, json};

    use super::*;

    const KEY_ID: &str = "arn:aws:ivs:us-west-2:123456789012:public-key/aBcDeFgHiJkL";

    fn pem(label: &str, der: &[u8]) -> String {
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", BASE64_STANDARD.encode(der))
    }

    fn key() -> SigningKey {
        let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
        let pem = pem("PRIVATE KEY", pair.to_pkcs8v1().unwrap().as_ref());
        SigningKey::from_pem(KEY_ID.parse().unwrap(), &pem).unwrap()
    }

    fn sign(key: &SigningKey, capabilities: Capabilities, attributes: &Attributes) -> ParticipantToken {
        let time: Timestamp = "2023-10-13T00:00:00.750Z".parse().unwrap();
        key.sign(&TokenClaims {
            participant_id: &"Mx6clRRHODPy".parse().unwrap(),
            user_id: &"u-42".parse().unwrap(),
            stage: &"arn:aws:ivs:us-west-2:123456789012:stage/oRmLNwuCeMlQ".parse().unwrap(),
            events_url: "wss://global.events.live-video.net",
            whip_url: "https://114ddfabadaf.global-bm.whip.live-video.net",
            capabilities,
            attributes,
            issued_at: time,
            expires_at: time + std::time::Duration::from_secs(60),
        })
        .unwrap()
    }

    fn part(token: &ParticipantToken, index: usize) -> Value {
        let part = token.expose().split('.').nth(index).unwrap();
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    #[test]
    fn the_header_and_the_claims_are_those_of_the_user_guide() {
        let attributes = Attributes::try_from([("role".to_owned(), "host".to_owned())]).unwrap();
        let token = sign(&key(), Capabilities::ALL, &attributes);
        assert_eq!(part(&token, 0), json!({"alg": "ES384", "typ": "JWT", "kid": KEY_ID}));
        assert_eq!(
            part(&token, 1),
            json!({
                "exp": 1697155260, "iat": 1697155200, "jti": "Mx6clRRHODPy", "user_id": "u-42",
                "resource": "arn:aws:ivs:us-west-2:123456789012:stage/oRmLNwuCeMlQ", "topic": "oRmLNwuCeMlQ",
                "events_url": "wss://global.events.live-video.net",
                "whip_url": "https://114ddfabadaf.global-bm.whip.live-video.net",
                "capabilities": {"allow_publish": true, "allow_subscribe": true},
                "attributes": {"role": "host"}, "version": "1.0",
            })
        );
    }

    #[test]
    fn a_viewers_token_names_only_what_it_allows() {
        let token = sign(&key(), Capabilities::SUBSCRIBE, &Attributes::default());
        assert_eq!(part(&token, 1)["capabilities"], json!({"allow_subscribe": true}));
        assert_eq!(part(&token, 1).get("attributes"), None);
    }

    #[test]
    fn the_signature_is_96_raw_bytes_that_the_public_key_verifies() {
        let key = key();
        let token = sign(&key, Capabilities::ALL, &Attributes::default());
        let (signed, signature) = token.expose().rsplit_once('.').unwrap();
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
        assert_eq!(signature.len(), 96);
        let public = UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, key.pair.public_key().as_ref().to_vec());
        assert!(public.verify(signed.as_bytes(), &signature).is_ok());
    }

    #[test]
    fn both_pem_forms_of_one_key_are_read() {
        let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
        let sec1: EcPrivateKeyRfc5915Der<'_> = pair.private_key().as_der().unwrap();
        // What `openssl ecparam -genkey` writes first.
        let parameters = "-----BEGIN EC PARAMETERS-----\nBgUrgQQAIg==\n-----END EC PARAMETERS-----\n";
        for pem in [
            pem("PRIVATE KEY", pair.to_pkcs8v1().unwrap().as_ref()),
            parameters.to_owned() + &pem("EC PRIVATE KEY", sec1.as_ref()),
        ] {
            let key = SigningKey::from_pem(KEY_ID.parse().unwrap(), &pem).unwrap();
            assert_eq!(key.pair.public_key().as_ref(), pair.public_key().as_ref());
        }
    }

    #[test]
    fn anything_else_is_refused_without_being_quoted() {
        let p256 =
            "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg\n-----END PRIVATE KEY-----";
        for pem in ["", "secret", "-----BEGIN PRIVATE KEY-----\n!!\n-----END PRIVATE KEY-----", p256] {
            let error = SigningKey::from_pem(KEY_ID.parse().unwrap(), pem).unwrap_err();
            assert_eq!(error.to_string(), "not a P-384 private key in PEM form (PKCS#8 or SEC 1)");
        }
    }

    #[test]
    fn neither_key_nor_token_shows_itself_in_debug() {
        let token = sign(&key(), Capabilities::ALL, &Attributes::default());
        assert_eq!(format!("{token:?}"), "ParticipantToken(redacted)");
        assert!(!format!("{:?}", key()).contains("pair"));
    }
}
