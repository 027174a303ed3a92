//! Where parts and segments are cut; see [`packager`](super::packager).

use std::sync::Arc;

use time::OffsetDateTime;

use super::MediaError;
use super::format::Formats;
use super::segment::{Init, MILLISECOND, Part, SECOND, Ticks};
use super::window::{TARGET_DURATION, Window};
use crate::media::cmaf::{Event, Sample, fragment};

/// A segment is cut at a key frame once it is this long; a little less than a second, for timestamps are rounded.
const SHORTEST_SEGMENT: Ticks = 990 * MILLISECOND;
/// No segment is longer, unless by a single frame: rounded to seconds, it must not exceed the target duration.
const LONGEST_SEGMENT: Ticks = TARGET_DURATION * SECOND + 400 * MILLISECOND;
/// Key frames that are further apart say nothing about the next.
const LONGEST_GROUP: Ticks = 30 * SECOND;
/// Parts are as many frames as it takes to come to this.
const SHORTEST_PART: Ticks = 190 * MILLISECOND;
/// The longest part target: frames that last longer make longer parts.
const LONGEST_PART: Ticks = SECOND / 2;
/// The part target when there is no telling.
const USUAL_PART: Ticks = 210 * MILLISECOND;

/// Gathers frames into parts, and parts into segments.
#[derive(Debug)]
pub(super) struct Cutter {
    pub(super) window: Window,
    /// Bytes that came and are in no part yet.
    pub(super) waiting: usize,
    frames: Vec<Sample>,
    sounds: Vec<Sample>,
    sound_rate: u32,
    has_video: bool,
    /// Up to when it is settled what there is of the track that tells the time; None before the first frame.
    covered: Option<Ticks>,
    part_start: Ticks,
    segment_start: Ticks,
    /// Whether there is a key frame in the part.
    part_key: bool,
    /// Whether the segment began with a key frame.
    begun_by_key: bool,
    last_key: Option<Ticks>,
    /// The time between the last two key frames.
    group: Ticks,
    part_target: Option<Ticks>,
    /// A time of the broadcast and the date that it was.
    anchor: (Ticks, OffsetDateTime),
    init: Option<Arc<Init>>,
    formats: Formats,
    /// Whether the next segment is of another format.
    discontinuity: bool,
    events: Vec<Event>,
    event: u32,
    sequence: u32,
    /// Frames of video and how long they lasted.
    shown: (u64, Ticks),
    too_much: bool,
}

impl Cutter {
    pub(super) fn new(window: Window, start: OffsetDateTime) -> Self {
        Self {
            window,
            waiting: 0,
            frames: Vec::new(),
            sounds: Vec::new(),
            sound_rate: 1,
            has_video: false,
            covered: None,
            part_start: 0,
            segment_start: 0,
            part_key: false,
            begun_by_key: false,
            last_key: None,
            group: 0,
            part_target: None,
            anchor: (0, start),
            init: None,
            formats: Formats::default(),
            discontinuity: false,
            events: Vec::new(),
            event: 0,
            sequence: 0,
            shown: (0, 0),
            too_much: false,
        }
    }

    /// Says what the tracks are from here on. To be called between segments, or before the first.
    pub(super) fn use_formats(&mut self, formats: &Formats) {
        if self.init.is_some() && self.formats == *formats {
            return;
        }
        let version = self.init.as_ref().map_or(0, |init| init.version + 1);
        self.discontinuity = self.init.is_some();
        self.init = Some(Arc::new(Init { version, data: formats.init().into() }));
        self.formats = formats.clone();
        self.has_video = formats.video.is_some();
        self.sound_rate = formats.audio.as_ref().map_or(1, |audio| audio.rate);
        self.last_key = None;
    }

    pub(super) fn has_begun(&self) -> bool {
        self.covered.is_some()
    }

    pub(super) fn covered(&self) -> Ticks {
        self.covered.unwrap_or_default()
    }

    pub(super) fn part_target(&self) -> Option<Ticks> {
        self.part_target
    }

    pub(super) fn within_bounds(&self) -> Result<(), MediaError> {
        if self.too_much { Err(MediaError::TooMuch) } else { Ok(()) }
    }

    /// Takes a frame of audio, and says from when to when it lasts.
    pub(super) fn sound(&mut self, sample: Sample, rate: u32) -> (Ticks, Ticks) {
        let ticks = |samples: u64| samples * SECOND / u64::from(rate);
        let span = (ticks(sample.decode), ticks(sample.decode + u64::from(sample.duration)));
        self.sounds.push(sample);
        span
    }

    /// Begins or goes on at `start`, after nothing or after the other track.
    pub(super) fn resume(&mut self, start: Ticks, key: bool) {
        match self.covered {
            Some(covered) if self.part_is_empty() && self.window.open.is_none() && start > covered => {
                self.begin(start);
            }
            Some(covered) => self.extend(start.max(covered), None, key),
            None => {
                self.anchor.0 = start;
                self.begin(start);
                // Sound of before the first frame would be heard over nothing.
                let rate = u64::from(self.sound_rate);
                let before = self.sounds.iter().take_while(|sound| sound.decode * SECOND / rate < start).count();
                self.waiting -= self.sounds.drain(..before).map(|sound| sound.data.len()).sum::<usize>();
            }
        }
    }

    fn begin(&mut self, start: Ticks) {
        self.covered = Some(start);
        self.part_start = start;
        self.segment_start = start;
    }

    fn part_is_empty(&self) -> bool {
        self.frames.is_empty() && self.sounds.is_empty()
    }

    /// Time has come to `end`, with this frame if it is video that tells it. `key` says whether a key frame follows.
    pub(super) fn extend(&mut self, end: Ticks, frame: Option<Sample>, key: bool) {
        let start = self.add(end, frame);
        self.cut(self.covered(), self.covered() - start, key);
    }

    /// Time has come to `end`, with this frame if it is video that tells it; says from when. Nothing need follow.
    pub(super) fn add(&mut self, end: Ticks, frame: Option<Sample>) -> Ticks {
        let end = end.max(self.covered());
        if self.covered() > self.segment_start && end - self.segment_start > LONGEST_SEGMENT {
            self.finish_segment();
        } else if self.part_target.is_some_and(|target| end - self.part_start > target) {
            self.finish_part();
        }
        if end - self.part_start > LONGEST_SEGMENT {
            // Nothing came of either track for so long that the playlist leaves some of it out.
            self.finish_segment();
            self.begin(end - LONGEST_SEGMENT);
        }
        let start = self.covered();
        if start == self.segment_start {
            self.begun_by_key = !self.has_video || frame.as_ref().is_some_and(|frame| frame.key);
        }
        if let Some(frame) = frame {
            if frame.key {
                let group = self.last_key.map_or(0, |last| frame.decode - last);
                self.group = if group <= LONGEST_GROUP { group } else { 0 };
                self.last_key = Some(frame.decode);
                self.part_key = true;
            }
            self.shown = (self.shown.0 + 1, self.shown.1 + Ticks::from(frame.duration));
            self.frames.push(frame);
        }
        self.covered = Some(end);
        start
    }

    /// Cuts at `end` if it is time to, where the last step took `step`.
    fn cut(&mut self, end: Ticks, step: Ticks, key: bool) {
        let in_part = end - self.part_start;
        let in_segment = end - self.segment_start;
        let at_key = key && (in_segment >= SHORTEST_SEGMENT || !self.begun_by_key);
        if self.part_target.is_none() && (in_part >= SHORTEST_PART || at_key) {
            // A twentieth more, since timestamps are rounded; in whole milliseconds, as the playlist says it.
            let target = (in_part + in_part / 20).div_ceil(MILLISECOND) * MILLISECOND;
            let enough = in_part >= SHORTEST_PART;
            self.part_target = Some(if enough { target.min(LONGEST_PART) } else { USUAL_PART });
        }
        let Some(target) = self.part_target else { return };
        if at_key {
            self.finish_segment();
        } else if in_part + step > target {
            self.finish_part();
            if in_segment + target > self.longest_segment(target) {
                self.finish_segment();
            }
        }
    }

    /// After how long a segment is cut without a key frame.
    fn longest_segment(&self, target: Ticks) -> Ticks {
        if !self.has_video {
            return TARGET_DURATION * SECOND;
        }
        if self.group <= LONGEST_SEGMENT {
            return LONGEST_SEGMENT;
        }
        let segments = self.group.div_ceil(LONGEST_SEGMENT - target);
        LONGEST_SEGMENT.min(self.group / segments + target)
    }

    /// The publisher's clock jumped: the next segment has another date.
    pub(super) fn jump(&mut self, now: OffsetDateTime) {
        self.finish_segment();
        self.anchor = (self.covered(), now);
    }

    /// Timed metadata, due at `time`.
    pub(super) fn metadata(&mut self, time: Ticks, text: &str) {
        self.event += 1;
        self.events.push(Event { id: self.event, time, text: text.to_owned() });
    }

    /// What is in no part yet, and the last frame if `more` is to come, becomes a segment of its own: hls.js (1.7) asks for
    /// no more parts of a segment that it has begun once the playlist has ended, and then waits for ever.
    pub(super) fn set_apart(&mut self, more: bool) {
        if more || self.covered() > self.part_start {
            self.close_segment();
        }
    }

    /// Nothing follows.
    pub(super) fn end(&mut self) {
        self.finish_format();
        self.window.ended = true;
    }

    /// Completes the segment, and leaves nothing for the next, whose format is another: sound that goes on after the last
    /// picture belongs to the last part.
    pub(super) fn finish_format(&mut self) {
        self.write_part(Ticks::MAX);
        // A picture of no length, where the sound had gone on without it, is in no part.
        let left = self.frames.drain(..).chain(self.sounds.drain(..));
        self.waiting -= left.map(|sample| sample.data.len()).sum::<usize>();
        self.finish_segment();
        self.window.changing = true;
    }

    /// Completes the segment; there need not be one.
    pub(super) fn finish_segment(&mut self) {
        self.finish_part();
        self.close_segment();
    }

    /// Completes the segment as far as its parts are complete.
    fn close_segment(&mut self) {
        self.too_much |= !self.window.close();
        self.segment_start = self.part_start;
    }

    fn finish_part(&mut self) {
        self.write_part(self.covered());
    }

    /// Completes the part, with the sound of before `end`; there need not be any.
    fn write_part(&mut self, end: Ticks) {
        let covered = self.covered();
        if covered == self.part_start {
            return;
        }
        let rate = u64::from(self.sound_rate);
        let heard = self.sounds.iter().take_while(|sound| sound.decode * SECOND / rate < end).count();
        let Some(init) = self.init.clone().filter(|_| heard > 0 || !self.frames.is_empty()) else { return };
        let sounds: Vec<_> = self.sounds.drain(..heard).collect();
        // A playlist says it from the first part on.
        self.part_target.get_or_insert(USUAL_PART);
        self.sequence += 1;
        let events: Vec<_> = self.events.drain(..).flat_map(|event| event.boxes(self.part_start)).collect();
        let data = fragment(&events, self.sequence, &self.frames, &sounds);
        self.waiting -= self.frames.iter().chain(&sounds).map(|sample| sample.data.len()).sum::<usize>();
        self.frames.clear();
        if self.window.open.is_none() {
            let since = (self.segment_start.saturating_sub(self.anchor.0)) / MILLISECOND;
            let date = self.anchor.1 + std::time::Duration::from_millis(since);
            self.window.open(date, init, std::mem::take(&mut self.discontinuity));
        }
        let independent = self.part_key || !self.has_video;
        self.window.push(Part { duration: covered - self.part_start, independent, data });
        self.part_start = covered;
        self.part_key = false;
    }

    /// Frames a second; one of the usual rates, if it is next to one.
    pub(super) fn frame_rate(&self) -> Option<f64> {
        const USUAL: [f64; 11] = [10.0, 12.0, 15.0, 20.0, 23.976, 24.0, 25.0, 29.97, 30.0, 50.0, 60.0];
        let (frames, duration) = self.shown;
        if !self.has_video || duration == 0 {
            return None;
        }
        let rate = frames as f64 * SECOND as f64 / duration as f64;
        let nearest = USUAL.into_iter().min_by(|a, b| (a - rate).abs().total_cmp(&(b - rate).abs()));
        nearest.filter(|usual| (usual - rate).abs() < rate / 100.0).or(Some(rate))
    }
}
