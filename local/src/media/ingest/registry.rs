//! The broadcasts under way, by stream id: one that is taken over goes on with the media of another encoder.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::aws::Seat;
use crate::media::hls::{Broadcast, Origin};
use crate::plumbing::sync::lock;

#[derive(Default)]
pub(super) struct Registry(Mutex<BTreeMap<String, Arc<Broadcast>>>);

impl Registry {
    /// The broadcast of a seat, which begins with its first encoder.
    pub(super) fn enter(&self, seat: &Seat, origin: &Origin) -> Arc<Broadcast> {
        let mut broadcasts = lock(&self.0);
        let begin = || origin.begin(seat.channel_id(), seat.stream_id(), seat.begun());
        Arc::clone(broadcasts.entry(seat.stream_id().to_owned()).or_insert_with(begin))
    }

    /// Ends a broadcast: its playlists say so.
    pub(super) fn end(&self, stream_id: &str) {
        if let Some(broadcast) = lock(&self.0).remove(stream_id) {
            broadcast.end();
        }
    }
}
