//! CMAF (ISO/IEC 23000-19): the initialization segment and fragments of one H.264 or HEVC track and one AAC track.
//!
//! Configurations and frames are not looked into any further than the boxes around them need; they go from the
//! publisher to the player as they are.

mod audio;
mod boxes;
mod emsg;
mod fragment;
mod init;
#[cfg(test)]
mod tests;
mod video;

pub(crate) use self::audio::AudioFormat;
pub(crate) use self::emsg::Event;
pub(crate) use self::fragment::{Sample, fragment};
pub(crate) use self::init::init;
pub(crate) use self::video::VideoFormat;

/// Ticks of the video track a second: RTMP's milliseconds are whole numbers of them.
pub(crate) const VIDEO_TIMESCALE: u32 = 90_000;
const VIDEO_TRACK: u32 = 1;
const AUDIO_TRACK: u32 = 2;
