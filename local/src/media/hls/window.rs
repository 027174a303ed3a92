//! What a playlist lists: the latest segments, and the one that grows.

use std::collections::VecDeque;
use std::sync::Arc;

use hyper::body::Bytes;
use time::OffsetDateTime;

use super::archive::Archive;
use super::segment::{Init, Part, SECOND, Segment, Ticks};

/// What `EXT-X-TARGETDURATION` says, in seconds, from the first playlist to the last. IVS recommends a key frame every two
/// seconds and cuts there. Players without low latency stay three of these behind, so a longer one would cost them
/// 3 s a second; a shorter one would cut segments where nothing can be decoded.
pub(super) const TARGET_DURATION: u64 = 2;

/// How much is listed at least: what players may stay behind (`HOLD-BACK`), and must be three target durations.
pub(super) const LISTED: Ticks = 3 * TARGET_DURATION * SECOND;

/// Listed bytes that one broadcast may hold: more than 30 Mbit/s, where IVS takes 8.5.
const MOST_BYTES: usize = 32 << 20;

/// How far a broadcast has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Progress {
    /// The segment that grows, or will when its first part comes.
    pub(super) number: u64,
    /// Its parts.
    pub(super) parts: usize,
    /// The parts of the segment before.
    pub(super) last_parts: usize,
    /// That was all.
    pub(super) ended: bool,
}

/// The segments of a broadcast.
#[derive(Debug)]
pub(super) struct Window {
    broadcast: u64,
    archive: Arc<Archive>,
    pub(super) complete: VecDeque<Arc<Segment>>,
    /// The one that grows; none before the first part, and after the end.
    pub(super) open: Option<Segment>,
    next: u64,
    /// Discontinuities that left the list.
    pub(super) discontinuities: u64,
    pub(super) ended: bool,
    /// The next segment is of another format: a player that fetched its first part by a hint would take it for one of this.
    pub(super) changing: bool,
    rate: Rate,
    /// Bytes that the archive was told of.
    listed: usize,
}

/// How many bits there are in a second.
#[derive(Debug, Default)]
struct Rate {
    bits: u64,
    duration: Ticks,
    /// The most in a segment.
    peak: u64,
}

impl Window {
    pub(super) fn new(broadcast: u64, archive: Arc<Archive>) -> Self {
        Self {
            broadcast,
            archive,
            complete: VecDeque::new(),
            open: None,
            next: 0,
            discontinuities: 0,
            ended: false,
            changing: false,
            rate: Rate::default(),
            listed: 0,
        }
    }

    /// Whether a part is there to play.
    pub(super) fn has_begun(&self) -> bool {
        self.open.is_some() || !self.complete.is_empty()
    }

    /// Begins a segment.
    pub(super) fn open(&mut self, date: OffsetDateTime, init: Arc<Init>, discontinuity: bool) {
        self.changing = false;
        self.open = Some(Segment { number: self.next, date, init, discontinuity, parts: Vec::new() });
    }

    /// Adds a part to the segment that grows.
    pub(super) fn push(&mut self, part: Part) {
        if let Some(open) = &mut self.open {
            open.parts.push(part);
        }
    }

    /// Completes the segment that grows. False if the playlist then holds more than a broadcast may.
    pub(super) fn close(&mut self) -> bool {
        let Some(segment) = self.open.take() else { return true };
        self.next = segment.number + 1;
        self.rate.add(&segment);
        self.complete.push_back(Arc::new(segment));
        let mut listed: Ticks = self.complete.iter().map(|segment| segment.duration()).sum();
        while let Some(oldest) = self.complete.front() {
            listed = listed.saturating_sub(oldest.duration());
            if listed < LISTED {
                break;
            }
            self.discontinuities += u64::from(oldest.discontinuity);
            if let Some(oldest) = self.complete.pop_front() {
                self.archive.push(self.broadcast, oldest);
            }
        }
        let size = self.complete.iter().map(|segment| segment.size()).sum();
        self.archive.listed(self.listed, size);
        self.listed = size;
        size <= MOST_BYTES
    }

    pub(super) fn progress(&self) -> Progress {
        let parts = self.open.as_ref().map_or(0, |open| open.parts.len());
        let last_parts = self.complete.back().map_or(0, |segment| segment.parts.len());
        Progress { number: self.next, parts, last_parts, ended: self.ended }
    }

    /// A complete segment, listed or not.
    pub(super) fn segment(&self, number: u64) -> Option<Arc<Segment>> {
        let listed = self.complete.iter().find(|segment| segment.number == number).cloned();
        listed.or_else(|| self.archive.find(self.broadcast, |segment| segment.number == number))
    }

    /// A part of a segment, complete or growing.
    pub(super) fn part(&self, number: u64, index: usize) -> Option<Bytes> {
        let part = match self.open.as_ref().filter(|open| open.number == number) {
            Some(open) => open.parts.get(index).cloned(),
            None => self.segment(number)?.parts.get(index).cloned(),
        };
        part.map(|part| part.data)
    }

    /// An initialization segment that a segment here or in the archive needs.
    pub(super) fn init(&self, version: u32) -> Option<Bytes> {
        let listed = self.open.iter().map(|open| &open.init).chain(self.complete.iter().map(|segment| &segment.init));
        let mut listed = listed.filter(|init| init.version == version);
        let data = listed.next().map(|init| init.data.clone());
        data.or_else(|| {
            let archived = self.archive.find(self.broadcast, |segment| segment.init.version == version);
            archived.map(|segment| segment.init.data.clone())
        })
    }

    /// The most bits in a second, and the average.
    pub(super) fn bit_rates(&self) -> (u64, u64) {
        match &self.open {
            // Until a segment is complete, its parts are all there is to go by; a key frame weighs more in them.
            Some(open) if self.rate.duration == 0 => {
                let mut rate = Rate::default();
                rate.add(open);
                (rate.peak, rate.average())
            }
            _ => (self.rate.peak, self.rate.average()),
        }
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        self.archive.forget(self.broadcast, self.listed);
    }
}

impl Rate {
    fn add(&mut self, segment: &Segment) {
        let (bits, duration) = (segment.size() as u64 * 8, segment.duration());
        self.bits += bits;
        self.duration += duration;
        // A short rest of a segment says nothing about a second.
        if self.peak == 0 || duration >= SECOND / 2 {
            self.peak = self.peak.max(bits * SECOND / duration.max(1));
        }
    }

    fn average(&self) -> u64 {
        (u128::from(self.bits) * u128::from(SECOND) / u128::from(self.duration.max(1))).try_into().unwrap_or(u64::MAX)
    }
}
