//! What media an encoder sends, as `GetStreamSession` tells it.

use serde_json::{Value, json};

/// The tracks of a session, as far as they are known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tracks {
    pub(crate) video: Option<VideoTrack>,
    pub(crate) audio: Option<AudioTrack>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct VideoTrack {
    /// As in RFC 6381, such as `avc1.64001F`.
    pub(crate) codec: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Such as `High`; empty if unknown.
    pub(crate) profile: String,
    /// Such as `3.1`; empty if unknown.
    pub(crate) level: String,
    /// What the encoder calls itself.
    pub(crate) encoder: String,
    /// Bits a second that the encoder aims at.
    pub(crate) bitrate: u64,
    pub(crate) framerate: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AudioTrack {
    /// As in RFC 6381, such as `mp4a.40.2`.
    pub(crate) codec: String,
    pub(crate) sample_rate: u32,
    pub(crate) channels: u32,
    /// Bits a second that the encoder aims at.
    pub(crate) bitrate: u64,
}

impl Tracks {
    /// Whether an encoder with these tracks may go on where one with the others was: codec and resolution are the same.
    pub(super) fn match_those_of(&self, other: &Self) -> bool {
        // A stream does not lose its picture. Else, what is not known yet is not held against anybody: sound is often
        // described after the first picture.
        let audio = [self.sound(), other.sound()];
        let same_picture = other.picture().is_none() || self.picture() == other.picture();
        same_picture && (audio.contains(&None) || audio[0] == audio[1])
    }

    fn picture(&self) -> Option<(&str, u32, u32)> {
        self.video.as_ref().map(|video| (family(&video.codec), video.width, video.height))
    }

    fn sound(&self) -> Option<&str> {
        self.audio.as_ref().map(|audio| family(&audio.codec))
    }

    /// As an `IngestConfiguration`.
    pub(super) fn view(&self) -> Value {
        let mut view = json!({});
        if let Some(video) = &self.video {
            view["video"] = video.view();
            view["video"]["avcProfile"] = json!(video.profile);
            view["video"]["avcLevel"] = json!(video.level);
        }
        if let Some(audio) = &self.audio {
            view["audio"] = audio.view();
        }
        view
    }

    /// As `IngestConfigurations`, which has the same in lists.
    pub(super) fn list(&self) -> Value {
        let video: Vec<_> = self.video.iter().map(VideoTrack::view).collect();
        let audio: Vec<_> = self.audio.iter().map(AudioTrack::view).collect();
        json!({"videoConfigurations": video, "audioConfigurations": audio})
    }
}

impl VideoTrack {
    fn view(&self) -> Value {
        json!({
            "codec": self.codec,
            "profile": self.profile,
            "level": self.level,
            "encoder": self.encoder,
            "targetBitrate": self.bitrate,
            "targetFramerate": self.framerate,
            "videoWidth": self.width,
            "videoHeight": self.height,
            "track": "Track0",
        })
    }
}

impl AudioTrack {
    fn view(&self) -> Value {
        json!({
            "codec": self.codec,
            "targetBitrate": self.bitrate,
            "sampleRate": self.sample_rate,
            "channels": self.channels,
            "track": "Track0",
        })
    }
}

/// The codec without its profile and level.
fn family(codec: &str) -> &str {
    codec.split('.').next().unwrap_or_default()
}
