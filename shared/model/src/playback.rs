//! Playback tokens for private channels: what they say, and the key that signs them here.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::channel::Channel;
use crate::error::{Conflict, Error};
use crate::participant::TokenDuration;
use crate::secret;
use crate::signing::{InvalidSigningKey, PrivateKey, Signer};
use crate::{PlaybackKeyArn, Timestamp, ViewerId};

secret!(
    /// The text of a playback token: whoever holds it can begin to watch.
    PlaybackToken
);

/// The longest life of a token that names its viewer, in minutes (Low-Latency user guide, "Generate and sign playback
/// tokens", `aws:viewer-id`).
pub const LONGEST_WITH_VIEWER: u16 = 10;

/// Signs playback tokens.
pub struct PlaybackSigner {
    header: String,
    key: PrivateKey,
}

impl Signer for PlaybackSigner {
    fn from_secret(key_id: &str, pem: &str) -> Result<Self, InvalidSigningKey> {
        // IVS tries every playback key of the account, so the id is not part of a token; it is checked nevertheless,
        // since a participant signing key would sign tokens that nobody accepts.
        let _: PlaybackKeyArn = key_id.parse().map_err(|_| InvalidSigningKey)?;
        let header = PrivateKey::header(&serde_json::json!({"alg": "ES384", "typ": "JWT"}));
        Ok(Self { header, key: PrivateKey::from_pem(pem)? })
    }
}

impl fmt::Debug for PlaybackSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlaybackSigner(redacted)")
    }
}

/// What `POST /channels/{channel}/playback-tokens` asks for.
#[derive(Debug, Clone)]
pub struct PlaybackRequest {
    /// Until when watching can begin; who watches by then goes on.
    pub duration: TokenDuration,
    /// Names the viewer to IVS, so that the session can be revoked.
    pub viewer_id: Option<ViewerId>,
}

/// A playback token, with the URL that carries it.
#[derive(Debug)]
pub struct GivenPlayback {
    /// The token.
    pub token: PlaybackToken,
    /// Until when watching can begin.
    pub expires_at: Timestamp,
    /// The channel's playback URL with the token.
    pub playback_url: PlaybackToken,
}

/// Whether watching the channel takes a token.
///
/// # Errors
/// [`Conflict::NotPrivate`]: anybody may watch a public channel without a token.
pub fn check_private(channel: &Channel) -> Result<(), Error> {
    if channel.options.private { Ok(()) } else { Err(Error::Conflict(Conflict::NotPrivate)) }
}

impl PlaybackSigner {
    /// Signs a token for a channel.
    ///
    /// # Errors
    /// Only when the operating system has no randomness to give.
    pub fn sign(&self, channel: &Channel, now: Timestamp, request: &PlaybackRequest) -> Result<GivenPlayback, Error> {
        #[derive(Serialize)]
        struct Payload<'a> {
            #[serde(rename = "aws:channel-arn")]
            channel: &'a str,
            #[serde(rename = "aws:viewer-id", skip_serializing_if = "Option::is_none")]
            viewer_id: Option<&'a str>,
            exp: i64,
        }
        let expires_at = now.whole_seconds() + Duration::from(request.duration);
        let payload = serde_json::to_vec(&Payload {
            channel: channel.arn.as_str(),
            viewer_id: request.viewer_id.as_ref().map(ViewerId::as_str),
            exp: expires_at.epoch_seconds(),
        });
        let text = self.key.sign(&self.header, &payload.map_err(Error::internal)?)?;
        let playback_url = PlaybackToken::new(format!("{}?token={text}", channel.playback_url));
        Ok(GivenPlayback { token: PlaybackToken::new(text), expires_at, playback_url })
    }
}
