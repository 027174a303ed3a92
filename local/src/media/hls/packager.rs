//! Frames in, parts and segments out.
//!
//! Video tells the time as long as it comes: a frame lasts until the next one, so one is held back. When there is none, or it
//! stays away, audio does. Parts and segments are cut where that time has come to:
//!
//! - a segment at a key frame, once it is a second long. When key frames are rare, at a part's end before it would last longer
//!   than [`TARGET_DURATION`](super::window::TARGET_DURATION) once rounded: only players that come then have to wait for a key
//!   frame, whereas a target that is not kept breaks the playlist for all. The time between the last two key frames is
//!   divided evenly. After such a cut the next key frame begins a segment at once.
//! - a part after some 200 ms: as many frames as that takes, found out with the first part and never changed.

use hyper::body::Bytes;
use rtmp::flv::{Audio, Video};
use time::OffsetDateTime;

use super::MediaError;
use super::cut::Cutter;
use super::format::Formats;
use super::segment::{MILLISECOND, SECOND, Ticks};
use super::timeline::{AudioClock, Kind, Timeline};
use super::window::Window;
use crate::media::cmaf::{AudioFormat, Sample, VideoFormat};

/// How long the first track waits for the other to be announced.
const OTHER_TRACK: u64 = 1_000;
/// How far audio may run ahead of a video frame before it goes on alone: more than encoders interleave.
const PATIENCE: Ticks = SECOND / 2;
const MOST_PATIENCE: Ticks = 3 * SECOND / 2;
/// No frame is shown for longer; what is beyond is a gap, or sound alone.
const LONGEST_FRAME: Ticks = 2 * SECOND;
/// How long the only frame lasts.
const USUAL_STEP: u32 = 33 * MILLISECOND as u32;
/// How long sound waits for the first key frame.
const FIRST_KEY_FRAME: Ticks = 2 * SECOND;
/// In what steps the sound that waited is then taken: a few frames each.
const STEP_OF_SOUND: usize = 100 * MILLISECOND as usize;
/// Bytes that wait for a part to be complete: far more than 200 ms of anything that IVS takes.
const MOST_WAITING: usize = 8 << 20;
/// Composition offsets further out are no video.
const FARTHEST_OFFSET: i32 = 10_000;

/// Makes segments of what a publisher sends.
#[derive(Debug)]
pub(super) struct Packager {
    formats: Formats,
    cutter: Cutter,
    timeline: Timeline,
    audio_clock: AudioClock,
    /// What came before it was known which tracks there are; None afterwards.
    waiting: Option<Vec<Waiting>>,
    /// The video frame whose duration is not known yet.
    held: Option<Sample>,
    /// How long the video frame before that lasted.
    step: u32,
    /// Frames are of no use until a key frame comes.
    needs_key: bool,
    /// Audio tells the time although there is a video track.
    stalled: bool,
    patience: Ticks,
    last_decode: Option<u64>,
    first_sound: Option<Ticks>,
}

#[derive(Debug)]
struct Waiting {
    kind: Kind,
    milliseconds: u64,
    /// The date, if the publisher's clock jumped here.
    jump: Option<OffsetDateTime>,
    key: bool,
    offset: i32,
    data: Bytes,
}

impl Packager {
    pub(super) fn new(window: Window, start: OffsetDateTime) -> Self {
        Self {
            formats: Formats::default(),
            cutter: Cutter::new(window, start),
            timeline: Timeline::default(),
            audio_clock: AudioClock::default(),
            waiting: Some(Vec::new()),
            held: None,
            step: 0,
            needs_key: true,
            stalled: false,
            patience: PATIENCE,
            last_decode: None,
            first_sound: None,
        }
    }

    pub(super) fn video(&mut self, timestamp: u32, video: Video, now: OffsetDateTime) -> Result<(), MediaError> {
        match video {
            Video::Config { codec, record } => {
                if self.formats.video.as_ref().is_some_and(|known| known.codec == codec && known.record == record) {
                    return Ok(());
                }
                let format = VideoFormat::parse(codec, record).ok_or(MediaError::VideoConfiguration)?;
                self.change(|formats| formats.video = Some(format));
                // What is held is not of this format.
                self.needs_key = true;
                self.stalled = self.cutter.has_begun() && self.formats.audio.is_some();
                self.forget_waiting(Kind::Video);
                self.cutter.within_bounds()
            }
            Video::Frame { key, composition_offset_ms, data } if self.formats.video.is_some() && !data.is_empty() => {
                let offset = composition_offset_ms.clamp(-FARTHEST_OFFSET, FARTHEST_OFFSET);
                self.frame(Kind::Video, timestamp, (key, offset), data, now)
            }
            Video::Frame { .. } | Video::End | Video::Other => Ok(()),
        }
    }

    pub(super) fn audio(&mut self, timestamp: u32, audio: Audio, now: OffsetDateTime) -> Result<(), MediaError> {
        match audio {
            Audio::Config { record } => {
                if self.formats.audio.as_ref().is_some_and(|known| known.record == record) {
                    return Ok(());
                }
                let format = AudioFormat::parse(&record).ok_or(MediaError::AudioConfiguration)?;
                if let Some(known) = &self.formats.audio {
                    self.audio_clock.change_rate(known.rate, format.rate);
                }
                self.change(|formats| formats.audio = Some(format));
                self.forget_waiting(Kind::Audio);
                self.cutter.within_bounds()
            }
            Audio::Frame { data } if self.formats.audio.is_some() && !data.is_empty() => {
                self.frame(Kind::Audio, timestamp, (true, 0), data, now)
            }
            Audio::Frame { .. } | Audio::Other => Ok(()),
        }
    }

    /// Timed metadata, due now.
    pub(super) fn metadata(&mut self, text: &str) {
        self.cutter.metadata(self.timeline.latest() * MILLISECOND, text);
    }

    /// Nothing follows.
    pub(super) fn end(&mut self) {
        self.settle();
        self.cutter.set_apart(self.held.is_some());
        self.release_at_end();
        self.cutter.end();
    }

    fn frame(
        &mut self,
        kind: Kind,
        timestamp: u32,
        (key, offset): (bool, i32),
        data: Bytes,
        now: OffsetDateTime,
    ) -> Result<(), MediaError> {
        let placed = self.timeline.place(kind, timestamp);
        self.cutter.waiting += data.len();
        let jump = placed.jump.then_some(now);
        let frame = Waiting { kind, milliseconds: placed.milliseconds, jump, key, offset, data };
        match &mut self.waiting {
            None => self.take(frame),
            Some(waiting) => {
                let first = waiting.first().map_or(placed.milliseconds, |first| first.milliseconds);
                waiting.push(frame);
                let both = self.formats.video.is_some() && self.formats.audio.is_some();
                if both || placed.milliseconds >= first + OTHER_TRACK {
                    self.settle();
                }
            }
        }
        if self.cutter.waiting > MOST_WAITING { Err(MediaError::TooMuch) } else { self.cutter.within_bounds() }
    }

    /// What waits is of a format that is not used.
    fn forget_waiting(&mut self, kind: Kind) {
        let Some(waiting) = &mut self.waiting else { return };
        let forgotten = waiting.extract_if(.., |frame| frame.kind == kind);
        self.cutter.waiting -= forgotten.map(|frame| frame.data.len()).sum::<usize>();
    }

    /// From now on it is known which tracks there are.
    fn settle(&mut self) {
        for frame in self.waiting.take().unwrap_or_default() {
            self.take(frame);
        }
    }

    fn take(&mut self, frame: Waiting) {
        self.cutter.use_formats(&self.formats);
        match frame.kind {
            Kind::Video => self.take_video(frame),
            Kind::Audio => self.take_audio(frame),
        }
    }

    fn take_video(&mut self, frame: Waiting) {
        let Waiting { milliseconds, jump, key, offset, data, .. } = frame;
        if self.needs_key && !key {
            self.cutter.waiting -= data.len();
            return;
        }
        self.needs_key = false;
        let decode = (milliseconds * MILLISECOND).max(self.last_decode.map_or(0, |last| last + 1));
        self.last_decode = Some(decode);
        match self.held.take() {
            Some(mut held) => {
                // Sound that ran ahead may have hidden how long the picture stayed away.
                let end = decode.min(held.decode + LONGEST_FRAME);
                held.duration = u32::try_from(end - held.decode).unwrap_or(u32::MAX);
                self.step = held.duration;
                self.cutter.extend(end, Some(held), key && end == decode);
                if end < decode {
                    self.cutter.extend(decode, None, key);
                }
            }
            None => {
                if self.stalled {
                    // Late rather than missing: wait for longer from now on.
                    let lag = self.cutter.covered().saturating_sub(decode);
                    self.patience = self.patience.max((lag + PATIENCE).min(MOST_PATIENCE));
                }
                self.cutter.resume(decode, key);
            }
        }
        if let Some(now) = jump {
            self.cutter.jump(now);
        }
        self.stalled = false;
        let composition_offset = offset * MILLISECOND as i32;
        self.held = Some(Sample { decode, duration: 0, composition_offset, key, data });
    }

    fn take_audio(&mut self, frame: Waiting) {
        let Some(format) = &self.formats.audio else { return };
        let (rate, length) = (format.rate, format.frame);
        let Some(decode) = self.audio_clock.place(frame.milliseconds, rate, length) else {
            self.cutter.waiting -= frame.data.len();
            return;
        };
        if let Some(now) = frame.jump {
            self.cutter.jump(now);
        }
        let sample = Sample { decode, duration: length, composition_offset: 0, key: true, data: frame.data };
        let (start, end) = self.cutter.sound(sample, rate);
        let first = *self.first_sound.get_or_insert(start);
        if self.formats.video.is_none() || self.stalled {
            self.cutter.resume(start, false);
            self.cutter.extend(end, None, false);
            return;
        }
        match &self.held {
            Some(held)
                if end.saturating_sub(held.decode)
                    > self.patience.max(2 * Ticks::from(self.step)).min(MOST_PATIENCE) =>
            {
                let until = end.min(held.decode + MOST_PATIENCE);
                if let Some(mut held) = self.held.take() {
                    held.duration = u32::try_from(until - held.decode).unwrap_or(u32::MAX);
                    self.cutter.extend(until, Some(held), false);
                }
                self.cutter.extend(end, None, false);
                self.stalled = true;
            }
            None if !self.cutter.has_begun() && end - first > FIRST_KEY_FRAME => {
                self.stalled = true;
                self.cutter.resume(first, false);
                // Not in one step, which would be one part.
                for at in (first..end).step_by(STEP_OF_SOUND).skip(1) {
                    self.cutter.extend(at, None, false);
                }
                self.cutter.extend(end, None, false);
            }
            _ => {}
        }
    }

    /// Lets go of the frame that is held without knowing the next. The part stays as it is, for sound that goes on.
    fn release_at_end(&mut self) {
        if let Some(mut held) = self.held.take() {
            held.duration = if self.step == 0 { USUAL_STEP } else { self.step };
            self.cutter.add(held.decode + Ticks::from(held.duration), Some(held));
        }
    }

    /// Another format, for what comes from now on.
    fn change(&mut self, change: impl FnOnce(&mut Formats)) {
        if self.waiting.is_none() {
            self.release_at_end();
            self.cutter.finish_format();
        }
        change(&mut self.formats);
    }
}

impl Packager {
    /// What is served.
    pub(super) fn window(&self) -> &Window {
        &self.cutter.window
    }

    /// Frames of video a second, as far as can be said.
    pub(super) fn frame_rate(&self) -> Option<f64> {
        self.cutter.frame_rate()
    }

    /// The formats that the segments are of.
    pub(super) fn formats(&self) -> &Formats {
        &self.formats
    }

    /// How long a part lasts at most, once that is known.
    pub(super) fn part_target(&self) -> Option<Ticks> {
        self.cutter.part_target()
    }
}
