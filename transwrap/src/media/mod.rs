//! Recordings of a browser, and the FFmpeg that makes FLV of each.

mod arguments;
mod ffmpeg;
mod matroska;

pub use arguments::arguments;
pub use ffmpeg::{Ffmpeg, RecordingFailure};
pub use matroska::{Header, HeaderError, VideoTrack, header};
