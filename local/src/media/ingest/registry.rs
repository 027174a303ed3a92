//! The broadcasts under way, by stream id: one that is taken over goes on with the media of another encoder.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::aws::Seat;
use crate::media::hls::{Broadcast, Origin};
use crate::plumbing::sync::lock;

#[derive(Default)]
pub(super) struct Registry(Mutex<BTreeMap<String, Arc<Feed>>>);

/// What is fed to a broadcast, by the encoder that has its place.
pub(super) struct Feed {
    pub(super) broadcast: Arc<Broadcast>,
    /// That of the last encoder to come in. Others may not have heard yet that they have lost the place.
    seat: Mutex<u64>,
}

impl Feed {
    /// Does something with the broadcast, if the seat is still that of its encoder.
    pub(super) fn with<R>(&self, seat: &Seat, act: impl FnOnce(&Broadcast) -> R) -> Option<R> {
        let current = lock(&self.seat);
        (*current == seat.number()).then(|| act(&self.broadcast))
    }
}

impl Registry {
    /// The broadcast of a seat, which begins with its first encoder.
    pub(super) fn enter(&self, seat: &Seat, origin: &Origin) -> Arc<Feed> {
        let mut feeds = lock(&self.0);
        let begin = || {
            let broadcast = origin.begin(seat.channel_id(), seat.stream_id(), seat.begun());
            Arc::new(Feed { broadcast, seat: Mutex::default() })
        };
        let feed = Arc::clone(feeds.entry(seat.stream_id().to_owned()).or_insert_with(begin));
        let mut current = lock(&feed.seat);
        // Two that came in one after the other may get here in another order.
        *current = seat.number().max(*current);
        drop(current);
        feed
    }

    /// Ends a broadcast: its playlists say so.
    pub(super) fn end(&self, stream_id: &str) {
        if let Some(feed) = lock(&self.0).remove(stream_id) {
            feed.broadcast.end();
        }
    }
}
