//! Playback tokens for private channels: what they say, and the key that signs them here.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::channel::Channel;
use super::participant::TokenDuration;
use super::secret::secret;
use super::signing::{InvalidSigningKey, PrivateKey, Signer};
use super::{PlaybackKeyArn, Timestamp, ViewerId};
use crate::aws::Signers;
use crate::error::{Conflict, Error};

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
pub struct RequestPlayback {
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

/// Signs a playback token for a private channel. IVS is not called.
///
/// # Errors
/// [`Conflict::NotPrivate`]: anybody may watch a public channel without one. [`Conflict::PlaybackNotSupported`] while no
/// playback key is configured.
pub async fn request_token(
    signers: &Signers<PlaybackSigner>,
    channel: &Channel,
    now: Timestamp,
    request: RequestPlayback,
) -> Result<GivenPlayback, Error> {
    #[derive(Serialize)]
    struct Payload<'a> {
        #[serde(rename = "aws:channel-arn")]
        channel: &'a str,
        #[serde(rename = "aws:viewer-id", skip_serializing_if = "Option::is_none")]
        viewer_id: Option<&'a str>,
        exp: i64,
    }
    if !channel.options.private {
        return Err(Error::Conflict(Conflict::NotPrivate));
    }
    let signer = signers.current(now).await?.ok_or(Error::Conflict(Conflict::PlaybackNotSupported))?;
    let expires_at = now.whole_seconds() + Duration::from(request.duration);
    let payload = serde_json::to_vec(&Payload {
        channel: channel.arn.as_str(),
        viewer_id: request.viewer_id.as_ref().map(ViewerId::as_str),
        exp: expires_at.epoch_seconds(),
    });
    let text = signer.key.sign(&signer.header, &payload.map_err(Error::internal)?)?;
    let playback_url = PlaybackToken::new(format!("{}?token={text}", channel.playback_url));
    Ok(GivenPlayback { token: PlaybackToken::new(text), expires_at, playback_url })
}
