//! Low-latency HLS, as IVS serves it: from frames to answers, without sockets.
//!
//! ```text
//! publisher ── Broadcast ── packager ── cut ── window ── archive
//!                              │                 │          │
//!                        timeline, cmaf      playlist ── Origin ── player
//! ```
//!
//! A broadcast makes parts of some 200 ms and segments of them; the [`Origin`] serves both, and waits with the answer when a
//! player asks for what comes next.

mod answer;
mod archive;
mod broadcast;
mod cut;
mod format;
mod origin;
mod packager;
mod path;
mod playlist;
mod segment;
#[cfg(test)]
mod tests;
mod timeline;
mod viewers;
mod window;

use std::fmt;

pub(crate) use self::broadcast::Broadcast;
pub(crate) use self::origin::{Access, Origin, View};
pub(crate) use self::viewers::Viewer;

/// Why a broadcast cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MediaError {
    /// The video configuration is no avcC or hvcC record, or says no size.
    VideoConfiguration,
    /// The audio configuration is no AudioSpecificConfig, or not one of AAC.
    AudioConfiguration,
    /// More bytes in a time than any broadcast has.
    TooMuch,
}

impl fmt::Display for MediaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::VideoConfiguration => "the video configuration cannot be read",
            Self::AudioConfiguration => "the audio configuration cannot be read: only AAC is taken",
            Self::TooMuch => "there is too much data for the time that it lasts",
        })
    }
}

impl std::error::Error for MediaError {}
