//! What the tracks of a broadcast are.

use crate::media::cmaf::{self, AudioFormat, VideoFormat};

/// The formats of both tracks, as far as they are announced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Formats {
    pub(super) video: Option<VideoFormat>,
    pub(super) audio: Option<AudioFormat>,
}

impl Formats {
    /// Their names, for `CODECS`.
    pub(super) fn codecs(&self) -> String {
        let video = self.video.as_ref().map(VideoFormat::codecs);
        let names: Vec<_> = video.into_iter().chain(self.audio.as_ref().map(AudioFormat::codecs)).collect();
        names.join(",")
    }

    /// The initialization segment.
    pub(super) fn init(&self) -> Vec<u8> {
        cmaf::init(self.video.as_ref(), self.audio.as_ref())
    }
}
