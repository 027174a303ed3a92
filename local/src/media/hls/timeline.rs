//! From a publisher's timestamps to the broadcast's own time, which never goes back.

/// Which track a timestamp is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Video,
    Audio,
}

/// Where the broadcast begins, in milliseconds: late enough for the first frames to be shown before they are decoded,
/// as negative composition offsets say.
const START: i64 = 10_000;
/// A frame further ahead of all media than this is no gap in the broadcast but another clock.
const FARTHEST_AHEAD: i64 = 2_000;
/// So is a frame further behind the one before it. Less is an encoder that lost its footing for a moment.
const FARTHEST_BACK: i64 = 500;
/// The first frame of a track may be this far behind the other track.
const FARTHEST_BEHIND: i64 = 5_000;
/// How long a frame lasts until two have been seen.
const USUAL_STEP: i64 = 33;

/// RTMP's timestamps count milliseconds in 32 bits, wrap after 49.7 days, and start where the publisher likes. When they jump,
/// the broadcast goes on without a gap; the second track to follow the jump keeps its distance from the first.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    /// The last timestamp of any track, as sent and as a number that does not wrap.
    last: Option<(u32, i64)>,
    /// What turns those numbers into the broadcast's time, since the latest jump.
    offset: i64,
    /// The latest time given out.
    clock: i64,
    tracks: [Track; 2],
}

#[derive(Debug, Clone, Copy, Default)]
struct Track {
    /// Its own offset: it may not have come to the jump yet.
    offset: i64,
    last: Option<i64>,
    step: i64,
}

/// A time in the broadcast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) milliseconds: u64,
    /// The publisher's clock jumped here.
    pub(super) jump: bool,
}

impl Timeline {
    /// The time of a frame.
    pub(super) fn place(&mut self, kind: Kind, timestamp: u32) -> Placed {
        let first = self.last.is_none();
        let source = self.unwrap(timestamp);
        if first {
            self.offset = START - source;
            self.clock = START;
        }
        let index = match kind {
            Kind::Video => 0,
            Kind::Audio => 1,
        };
        let mut track = self.tracks[index];
        let earliest = track.last.map_or(self.clock - FARTHEST_BEHIND, |last| last - FARTHEST_BACK);
        let fits = |offset: i64| (earliest..=self.clock + FARTHEST_AHEAD).contains(&(source + offset));
        let mut jump = false;
        if track.last.is_none() || !fits(track.offset) {
            if !fits(self.offset) {
                let step = if track.step > 0 { track.step } else { USUAL_STEP };
                let expected = track.last.map_or(self.clock, |last| last + step);
                self.offset = expected.max(self.clock) - source;
                jump = true;
            }
            track.offset = self.offset;
        }
        let time = (source + track.offset).max(0);
        if let Some(last) = track.last.filter(|last| time > *last) {
            track.step = time - last;
        }
        track.last = Some(track.last.map_or(time, |last| last.max(time)));
        self.tracks[index] = track;
        self.clock = self.clock.max(time);
        Placed { milliseconds: u64::try_from(time).unwrap_or_default(), jump }
    }

    /// The latest time of any track.
    pub(super) fn latest(&self) -> u64 {
        u64::try_from(self.clock.max(START)).unwrap_or_default()
    }

    /// The timestamp as a number that does not wrap, next to the one before it.
    fn unwrap(&mut self, timestamp: u32) -> i64 {
        let source = match self.last {
            None => i64::from(timestamp),
            Some((last, source)) => source + i64::from(timestamp.wrapping_sub(last).cast_signed()),
        };
        self.last = Some((timestamp, source));
        source
    }
}

/// The time of audio frames, in samples. Timestamps of whole milliseconds jitter around the samples that there are; counting
/// samples keeps the sound whole, and only a real gap moves the count.
#[derive(Debug, Default)]
pub(super) struct AudioClock {
    next: Option<u64>,
    /// More samples came than time went by: frames are left out until it is right again.
    catching_up: bool,
}

impl AudioClock {
    /// When the frame that is due at `milliseconds` begins; None if it is one too many.
    pub(super) fn place(&mut self, milliseconds: u64, rate: u32, frame: u32) -> Option<u64> {
        let due = milliseconds * u64::from(rate) / 1000;
        let tolerance = u64::from(rate) / 10;
        let next = self.next.unwrap_or(due);
        let time = if due > next + tolerance { due } else { next };
        self.catching_up = due < time && (self.catching_up || due + tolerance < time);
        if self.catching_up {
            return None;
        }
        self.next = Some(time + u64::from(frame));
        Some(time)
    }

    /// Counts on in another rate.
    pub(super) fn change_rate(&mut self, from: u32, to: u32) {
        self.next = self.next.map(|next| (next * u64::from(to)).div_ceil(u64::from(from)));
    }
}
