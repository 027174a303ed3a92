//! Channels that an organisation's own RTMP server hosts: their qualities, their stream keys, what nginx-rtmp calls
//! their streams, and when they are on air ([`broadcast`]).
//!
//! A broadcaster publishes under the stream key, or `<key>_<quality>` if it sends each quality itself. The key tells the
//! channel: `<channel>_<40 hexadecimal digits>`. The hook has nginx rename the stream to `<channel>` or
//! `<channel>.<quality>`, since names become paths of HLS and command lines; so does nginx's own ffmpeg, which publishes
//! the qualities that it makes from one source.

use crate::channel::{StreamKey, StreamKeyText};
use crate::id::random_bytes;
use crate::{ChannelName, Error, Quality, StreamKeyArn};

pub mod broadcast;
#[cfg(test)]
mod tests;

/// The length of a key's random end: longer than any quality, so that the two are never mistaken for one another.
const SECRET_DIGITS: usize = 40;

/// A new stream key of a channel.
///
/// # Errors
/// Only when the operating system has no randomness to give.
pub fn draw_key(channel: &ChannelName) -> Result<StreamKey, Error> {
    let digits: String = random_bytes::<{ SECRET_DIGITS / 2 }>()?.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(StreamKey { arn: StreamKeyArn::self_hosted()?, text: StreamKeyText::new(format!("{channel}_{digits}")) })
}

/// Where self-hosted channels are broadcast to and watched.
#[derive(Debug, Clone)]
pub struct Site {
    /// What a broadcaster's encoder connects to.
    pub ingest_url: String,
    /// What viewers play, with `{channel}` in the place of the channel's name.
    pub playback_url: String,
}

impl Site {
    /// What viewers of a channel play.
    pub fn playback_url_of(&self, channel: &ChannelName) -> String {
        self.playback_url.replace("{channel}", channel.as_str())
    }
}

/// Who publishes a stream, by what nginx calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamName {
    /// The channel that it is of.
    pub channel: ChannelName,
    /// Which of its qualities.
    pub quality: Quality,
    /// The stream key, if it was published under one; else nginx or its ffmpeg publishes it.
    pub key: Option<StreamKeyText>,
}

impl StreamName {
    /// Reads the name of a published stream; `None` if no stream of ours can be called so.
    pub fn read(name: &str) -> Option<Self> {
        Self::with_key(name).or_else(|| Self::inside(name))
    }

    /// `<channel>_<digits>` and perhaps `_<quality>`. Channels and qualities may have `_`, too; but no quality is as long
    /// as the digits, so there is one way to read it.
    fn with_key(name: &str) -> Option<Self> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        name.match_indices('_').find_map(|(at, _)| {
            let end = at + 1 + SECRET_DIGITS;
            name.get(at + 1..end).filter(|digits| digits.bytes().all(is_digit))?;
            let quality = match name.get(end..)? {
                "" => Quality::source(),
                rest => rest.strip_prefix('_')?.parse().ok()?,
            };
            let key = StreamKeyText::new(name[..end].to_owned());
            Some(Self { channel: name[..at].parse().ok()?, quality, key: Some(key) })
        })
    }

    /// `<channel>` or `<channel>.<quality>`.
    fn inside(name: &str) -> Option<Self> {
        let (channel, quality) = match name.split_once('.') {
            Some((channel, quality)) => (channel, quality.parse().ok()?),
            None => (name, Quality::source()),
        };
        Some(Self { channel: channel.parse().ok()?, quality, key: None })
    }

    /// What nginx is to call the stream from here on: without the key.
    pub fn public(&self) -> String {
        if self.quality.is_source() { self.channel.to_string() } else { format!("{}.{}", self.channel, self.quality) }
    }
}
