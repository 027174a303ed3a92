//! What an encoder says of its media, as IVS shows it.

use rtmp::amf::Value;
use rtmp::flv::{Audio, Video};

use crate::aws::{AudioTrack, Tracks, VideoTrack};
use crate::media::cmaf::{AudioFormat, VideoFormat};

/// What is known so far.
#[derive(Default)]
pub(super) struct Known {
    tracks: Tracks,
    encoder: String,
    /// Bits a second, and frames a second.
    video_bitrate: u64,
    audio_bitrate: u64,
    framerate: u64,
}

impl Known {
    /// Nothing but what the encoder calls itself.
    pub(super) fn of(encoder: String) -> Self {
        Self { encoder, ..Self::default() }
    }

    pub(super) fn tracks(&self) -> &Tracks {
        &self.tracks
    }

    /// What `onMetaData` says. Numbers are as the encoder likes them.
    pub(super) fn metadata(&mut self, fields: &[(String, Value)]) {
        let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value);
        let number = |name: &str| field(name).and_then(Value::as_number).filter(|number| number.is_finite());
        let bits = |name: &str| number(name).map(|kilobits| (kilobits.max(0.0) * 1_000.0) as u64);
        self.video_bitrate = bits("videodatarate").unwrap_or(self.video_bitrate);
        self.audio_bitrate = bits("audiodatarate").unwrap_or(self.audio_bitrate);
        self.framerate = number("framerate").map_or(self.framerate, |rate| rate.round().max(0.0) as u64);
        if let Some(encoder) = field("encoder").and_then(Value::as_str) {
            self.encoder = encoder.chars().take(128).collect();
        }
        self.complete();
    }

    /// What was measured, for an encoder that says nothing of it; whether that is news.
    pub(super) fn measured(&mut self, frame_rate: Option<f64>, bits_per_second: u64) -> bool {
        let mut is_news = false;
        if self.framerate == 0
            && let Some(rate) = frame_rate
        {
            self.framerate = rate.round().max(0.0) as u64;
            is_news = true;
        }
        if self.video_bitrate == 0 && bits_per_second > 0 {
            self.video_bitrate = bits_per_second.saturating_sub(self.audio_bitrate);
            is_news = true;
        }
        self.complete();
        is_news
    }

    /// Takes what a video message says of the track; whether it said something.
    pub(super) fn video(&mut self, video: &Video) -> bool {
        let Video::Config { codec, record } = video else { return false };
        let Some(format) = VideoFormat::parse(*codec, record.clone()) else { return false };
        let (profile, level) = profile_and_level(&format.codecs());
        self.tracks.video = Some(VideoTrack {
            codec: format.codecs(),
            width: format.size.width.into(),
            height: format.size.height.into(),
            profile,
            level,
            ..VideoTrack::default()
        });
        self.complete();
        true
    }

    /// Takes what an audio message says of the track; whether it said something.
    pub(super) fn audio(&mut self, audio: &Audio) -> bool {
        let Audio::Config { record } = audio else { return false };
        let Some(format) = AudioFormat::parse(record) else { return false };
        self.tracks.audio = Some(AudioTrack {
            codec: format.codecs(),
            sample_rate: format.rate,
            channels: format.channels.into(),
            bitrate: 0,
        });
        self.complete();
        true
    }

    fn complete(&mut self) {
        if let Some(video) = &mut self.tracks.video {
            self.encoder.clone_into(&mut video.encoder);
            (video.bitrate, video.framerate) = (self.video_bitrate, self.framerate);
        }
        if let Some(audio) = &mut self.tracks.audio {
            audio.bitrate = self.audio_bitrate;
        }
    }
}

/// Those of an H.264 codec such as `avc1.64001F`.
fn profile_and_level(codec: &str) -> (String, String) {
    let digits = codec.strip_prefix("avc1.").and_then(|hex| u32::from_str_radix(hex, 16).ok());
    let Some(digits) = digits else { return Default::default() };
    let profile = match digits >> 16 {
        66 => "Baseline",
        77 => "Main",
        88 => "Extended",
        100 => "High",
        _ => "",
    };
    (profile.to_owned(), format!("{}.{}", (digits & 0xff) / 10, (digits & 0xff) % 10))
}
