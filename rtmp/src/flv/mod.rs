//! The bodies of RTMP's audio and video messages, which are those of FLV tags: the legacy form, and enhanced RTMP; and the tags.

mod audio;
mod extended;
mod tag;
#[cfg(test)]
mod tests;
mod video;

pub use audio::{Audio, aac_config, aac_frame, audio};
pub use tag::{Tag, TagError, TagKind, TagReader, begin_file};
pub use video::{Video, VideoCodec, video};

/// Why a body cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A codec that is not taken, by its name.
    #[error("{0} is not taken: send H.264 or HEVC video, and AAC audio")]
    Unsupported(&'static str),
    /// A body that ends too early, or a configuration that is none.
    #[error("malformed media: {0}")]
    Malformed(&'static str),
}
