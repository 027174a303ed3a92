//! Segments that have left their playlist, for players that are a little behind.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::segment::{SECOND, Segment, Ticks};
use crate::plumbing::sync::lock;

/// How long a segment is served after it left its playlist, if there is room: one that is missing ends Amazon's player.
const KEPT: Duration = Duration::from_secs(120);

/// What all broadcasts hold together beside [`PROMISED`], playlists included: 16 s each of four broadcasts at 3 Mbit/s, or a
/// minute of one. Two minutes of four would be 180 MB.
const ROOM: usize = 24_000_000;

/// What stays of each broadcast however little room there is: as much as a playlist lists at least, as RFC 8216 wants it
/// (6.2.2).
const PROMISED: Ticks = 6 * SECOND;

/// The segments of all broadcasts that no playlist lists.
#[derive(Debug)]
pub(super) struct Archive {
    room: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    segments: VecDeque<Archived>,
    /// Bytes in `segments`.
    size: usize,
    /// Bytes in the playlists of all broadcasts.
    listed: usize,
}

#[derive(Debug)]
struct Archived {
    broadcast: u64,
    since: Instant,
    segment: Arc<Segment>,
}

impl Default for Archive {
    fn default() -> Self {
        Self::with_room(ROOM)
    }
}

impl Archive {
    /// One that keeps `room` bytes, playlists included, and more where it is promised.
    pub(super) fn with_room(room: usize) -> Self {
        Self { room, held: Mutex::default() }
    }

    /// Takes the number of bytes that a playlist holds from `before` to `after`.
    pub(super) fn listed(&self, before: usize, after: usize) {
        let mut held = lock(&self.held);
        held.listed = held.listed.saturating_sub(before) + after;
        held.make_room(self.room);
    }

    /// Takes a segment that left the playlist of a broadcast.
    pub(super) fn push(&self, broadcast: u64, segment: Arc<Segment>) {
        let mut held = lock(&self.held);
        held.size += segment.size();
        held.segments.push_back(Archived { broadcast, since: Instant::now(), segment });
        held.make_room(self.room);
    }

    /// Lets go of what there is of a broadcast, whose playlist held so many bytes: nobody can ask for it any more.
    pub(super) fn forget(&self, broadcast: u64, listed: usize) {
        let mut held = lock(&self.held);
        held.segments.retain(|archived| archived.broadcast != broadcast);
        held.size = held.segments.iter().map(|archived| archived.segment.size()).sum();
        held.listed = held.listed.saturating_sub(listed);
    }

    /// The segment of this number, if it is still there.
    pub(super) fn find(&self, broadcast: u64, is_it: impl Fn(&Segment) -> bool) -> Option<Arc<Segment>> {
        let held = lock(&self.held);
        let found = held.segments.iter().find(|archived| archived.broadcast == broadcast && is_it(&archived.segment));
        found.map(|archived| archived.segment.clone())
    }

    /// Bytes held, playlists included.
    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        let held = lock(&self.held);
        held.size + held.listed
    }
}

impl Held {
    fn make_room(&mut self, room: usize) {
        let mut place = 0;
        while let Some(oldest) = self.segments.get(place) {
            let is_over = oldest.since.elapsed() > KEPT;
            if !is_over && self.size + self.listed <= room {
                break;
            }
            if !is_over && self.later(place) < PROMISED {
                place += 1;
                continue;
            }
            self.size -= oldest.segment.size();
            self.segments.remove(place);
        }
    }

    /// How much there is of the same broadcast after the segment at this place.
    fn later(&self, place: usize) -> Ticks {
        let mut segments = self.segments.range(place..);
        let broadcast = segments.next().map(|archived| archived.broadcast);
        let later = segments.filter(|archived| Some(archived.broadcast) == broadcast);
        later.map(|archived| archived.segment.duration()).sum()
    }
}
