//! Playback tokens for private channels.

use aws_signer::Signers;
use model::Timestamp;
use model::channel::Channel;
use model::error::{Conflict, Error};
use model::playback::{GivenPlayback, PlaybackRequest, PlaybackSigner, check_private};

/// Signs a playback token for a private channel. IVS is not called.
///
/// # Errors
/// [`Conflict::NotPrivate`]: anybody may watch a public channel without one. [`Conflict::PlaybackNotSupported`] while
/// no playback key is configured.
pub async fn request_token(
    signers: &Signers<PlaybackSigner>,
    channel: &Channel,
    now: Timestamp,
    request: &PlaybackRequest,
) -> Result<GivenPlayback, Error> {
    check_private(channel)?;
    let signer = signers.current(now).await?.ok_or(Error::Conflict(Conflict::PlaybackNotSupported))?;
    signer.sign(channel, now, request)
}
