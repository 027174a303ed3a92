//! What the ingest servers ask about an encoder.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use time::OffsetDateTime;

use super::{
    Ivs,
    on_air::OnAir,
    publisher::Publisher,
    seat::{Admission, Contender, Entry, Refusal, Seat},
    session::Target,
    state::{Addresses, State},
    track::Tracks,
};
use crate::plumbing::state_file::SaveError;

/// How an encoder asks to be let in.
pub(crate) struct Attempt<'a> {
    /// The stream key, a secret.
    pub(crate) key: &'a str,
    /// What the key's query says of `priority`.
    pub(crate) priority: Option<&'a str>,
    /// Whether it comes by TLS, or need not.
    pub(crate) is_secure: bool,
    /// After this much silence of the encoder on air, its place is free.
    pub(crate) grace: Duration,
}

impl Ivs {
    /// Says where the servers are found.
    ///
    /// # Errors
    /// A state file that cannot be written.
    pub(crate) fn set_addresses(&self, addresses: Addresses) -> Result<(), SaveError> {
        self.change(|state| {
            state.addresses = addresses;
            Ok(())
        })
    }

    /// What is on air.
    pub(crate) fn on_air(&self) -> Arc<OnAir> {
        self.read(|state| Arc::clone(&state.on_air))
    }

    /// What a log calls the channel of a current stream key.
    pub(crate) fn channel_of_key(&self, key: &str) -> Option<String> {
        self.read(|state| {
            let arn = channel_of(state, key)?;
            let name = state.channels.get(arn).map(|channel| channel.settings.name.clone())?;
            let id = || arn.rsplit('/').next().unwrap_or_default().to_owned();
            Some(if name.is_empty() { id() } else { name })
        })
    }

    /// Lets an encoder in that has one of the current stream keys.
    ///
    /// # Errors
    /// Why it may not broadcast.
    pub(crate) fn admit(
        &self,
        attempt: &Attempt<'_>,
        publisher: Publisher,
        now: OffsetDateTime,
    ) -> Result<Admission, Refusal> {
        let Attempt { key, priority, is_secure, grace } = *attempt;
        // Under the lock of the state, so that no channel is deleted meanwhile.
        self.read(|state| {
            let stream_key_arn = arn_of_key(state, key).ok_or(Refusal::UnknownKey)?;
            let target = target_of(state, stream_key_arn, is_secure)?;
            state.on_air.enter(Entry { target, stream_key_arn, is_secure, publisher, priority, grace }, now)
        })
    }

    /// The contender goes on in place of the encoder on air, if its media are like those. If nobody is on air any more, a
    /// session of its own begins.
    ///
    /// # Errors
    /// Why it may not broadcast. Its stream key may have been deleted since it came in.
    pub(crate) fn take_over(&self, by: Contender, tracks: &Tracks, now: OffsetDateTime) -> Result<Seat, Refusal> {
        self.read(|state| {
            let target = target_of(state, &by.stream_key_arn, by.is_secure)?;
            state.on_air.take_over(by, target, tracks, now)
        })
    }
}

/// The channel that an encoder with this stream key broadcasts to.
fn target_of(state: &State, stream_key_arn: &str, is_secure: bool) -> Result<Target, Refusal> {
    let stream_key = state.stream_keys.get(stream_key_arn).ok_or(Refusal::UnknownKey)?;
    let arn = &stream_key.channel_arn;
    let channel = state.channel(arn).map_err(|_| Refusal::UnknownKey)?;
    if !is_secure && !channel.settings.insecure_ingest {
        return Err(Refusal::Insecure);
    }
    state.target(arn).map_err(|_| Refusal::UnknownKey)
}

/// The ARN of the channel that a current stream key is for.
pub(super) fn channel_of<'a>(state: &'a State, key: &str) -> Option<&'a str> {
    let stream_key = state.stream_keys.get(arn_of_key(state, key)?)?;
    Some(&stream_key.channel_arn)
}

/// The ARN of a current stream key. Every key is compared, and each in a time that does not tell how much of it was right.
fn arn_of_key<'a>(state: &'a State, key: &str) -> Option<&'a str> {
    let is_it = |value: &str| verify_slices_are_equal(value.as_bytes(), key.as_bytes()).is_ok();
    let keys = state.stream_keys.iter();
    let found = keys.fold(None, |found, (arn, stream_key)| if is_it(&stream_key.value) { Some(arn) } else { found });
    found.map(String::as_str)
}
