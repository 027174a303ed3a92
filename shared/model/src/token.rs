//! Participant tokens: what they say, and the key that signs them here.
//!
//! Signing here replaces `CreateParticipantToken`, which IVS limits to 50 a second and account. IVS verifies the
//! signature with the public key imported to it (Real-Time user guide, "Distribute Participant Tokens").

use std::fmt;

use serde::Serialize;

use crate::participant::{Attributes, Capabilities};
use crate::secret;
use crate::signing::{InvalidSigningKey, PrivateKey, Signer};
use crate::{ParticipantId, PublicKeyArn, StageArn, Timestamp, UserId};

secret!(
    /// The text of a participant token: whoever holds it can join.
    ParticipantToken
);

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

/// Signs participant tokens, with a key that IVS knows by its ARN.
pub struct ParticipantSigner {
    /// The encoded header, the same for every token of this key.
    header: String,
    key: PrivateKey,
}

impl Signer for ParticipantSigner {
    fn from_secret(key_id: &str, pem: &str) -> Result<Self, InvalidSigningKey> {
        let id: PublicKeyArn = key_id.parse().map_err(|_| InvalidSigningKey)?;
        let header = serde_json::json!({"alg": "ES384", "typ": "JWT", "kid": id.as_str()});
        Ok(Self { header: PrivateKey::header(&header), key: PrivateKey::from_pem(pem)? })
    }
}

impl ParticipantSigner {
    /// Signs the claims.
    ///
    /// # Errors
    /// Only when the operating system has no randomness to give.
    pub fn sign(&self, claims: &TokenClaims<'_>) -> Result<ParticipantToken, crate::Error> {
        let payload = claims.to_json().map_err(crate::Error::internal)?;
        self.key.sign(&self.header, &payload).map(ParticipantToken::new)
    }
}

impl fmt::Debug for ParticipantSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ParticipantSigner(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use serde_json::{Value, json};

    use super::*;
    use crate::signing::tests::private_pem;

    const KEY_ID: &str = "arn:aws:ivs:us-west-2:123456789012:public-key/aBcDeFgHiJkL";

    fn sign(capabilities: Capabilities, attributes: &Attributes) -> ParticipantToken {
        let time: Timestamp = "2023-10-13T00:00:00.750Z".parse().unwrap();
        let signer = ParticipantSigner::from_secret(KEY_ID, &private_pem()).unwrap();
        signer
            .sign(&TokenClaims {
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
        let token = sign(Capabilities::ALL, &attributes);
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
        let token = sign(Capabilities::SUBSCRIBE, &Attributes::default());
        assert_eq!(part(&token, 1)["capabilities"], json!({"allow_subscribe": true}));
        assert_eq!(part(&token, 1).get("attributes"), None);
    }

    #[test]
    fn a_key_id_of_another_kind_is_refused() {
        let channel = "arn:aws:ivs:us-west-2:123456789012:channel/aBcDeFgHiJkL";
        assert_eq!(ParticipantSigner::from_secret(channel, &private_pem()).unwrap_err(), InvalidSigningKey);
    }

    #[test]
    fn a_token_does_not_show_itself_in_debug() {
        let token = sign(Capabilities::ALL, &Attributes::default());
        assert_eq!(format!("{token:?}"), "ParticipantToken(redacted)");
    }
}
