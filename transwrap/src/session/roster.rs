//! Which broadcasts are on this server, and whether it takes more.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::broadcast::PromiseLedger;
use model::{BroadcastId, Timestamp};
use tokio::sync::{mpsc, watch};

use super::command::Command;

/// Places that a broadcast takes whose video is transcoded. It costs 29 to 30 % of a core where a copy costs 2 to 3 (720p30,
/// libx264 veryfast).
const TRANSCODED: u32 = 10;

/// How far the end of the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Drain {
    /// It takes broadcasts.
    No,
    /// Pages are told to move.
    Moving,
    /// Whoever is still here is cut off.
    Over,
}

/// Which broadcasts are here.
pub struct Roster {
    capacity: u32,
    drain: watch::Sender<Drain>,
    state: Mutex<State>,
    /// How many there are, for who waits for the last one.
    count: watch::Sender<usize>,
}

#[derive(Default)]
struct State {
    broadcasts: HashMap<BroadcastId, Entry>,
    entries: u64,
    ledger: PromiseLedger,
}

struct Entry {
    /// Tells it from a later one of the same broadcast.
    number: u64,
    commands: mpsc::Sender<Command>,
    places: u32,
}

/// A broadcast's place; it is free when this is dropped.
pub(crate) struct Place<'a> {
    roster: &'a Roster,
    id: BroadcastId,
    number: u64,
}

impl Roster {
    /// Of a server that can hold so many.
    pub fn new(capacity: u32) -> Self {
        Self { capacity, drain: watch::Sender::new(Drain::No), state: Mutex::default(), count: watch::Sender::new(0) }
    }

    /// What it can hold.
    pub fn capacity(&self) -> u32 {
        self.capacity
    }

    /// How many places are taken.
    pub fn taken(&self) -> u32 {
        self.lock().broadcasts.values().map(|entry| entry.places).sum()
    }

    /// How many broadcasts are here.
    pub fn count(&self) -> usize {
        self.lock().broadcasts.len()
    }

    /// Whether another one would be too many.
    pub fn is_full(&self) -> bool {
        self.taken() >= self.capacity
    }

    /// Begins or ends the drain.
    pub fn set_drain(&self, drain: Drain) {
        self.drain.send_replace(drain);
    }

    /// Whether the server drains, and when that changes.
    pub fn drain(&self) -> watch::Receiver<Drain> {
        self.drain.subscribe()
    }

    /// Waits until no broadcast is here.
    pub async fn emptied(&self) {
        // It lives as long as this.
        drop(self.count.subscribe().wait_for(|count| *count == 0).await);
    }

    /// A ticket that was issued then has been redeemed here.
    pub fn redeemed(&self, issued_at: Timestamp) {
        self.lock().ledger.redeemed(issued_at);
    }

    /// What is known of the tickets on their way, to be worked on and put back.
    pub fn ledger(&self) -> PromiseLedger {
        self.lock().ledger.clone()
    }

    /// Puts it back, unless a ticket was redeemed meanwhile that `before` does not know of.
    pub fn put_ledger(&self, before: &PromiseLedger, ledger: PromiseLedger) {
        let mut state = self.lock();
        if state.ledger.outstanding() == before.outstanding() {
            state.ledger = ledger;
        }
    }

    /// How to reach the broadcast, if it is here.
    pub(crate) fn find(&self, id: &BroadcastId) -> Option<mpsc::Sender<Command>> {
        self.lock().broadcasts.get(id).map(|entry| entry.commands.clone())
    }

    /// Enters a broadcast.
    pub(crate) fn enter(&self, id: &BroadcastId, commands: mpsc::Sender<Command>) -> Place<'_> {
        let mut state = self.lock();
        state.entries += 1;
        let number = state.entries;
        state.broadcasts.insert(id.clone(), Entry { number, commands, places: 1 });
        self.count.send_replace(state.broadcasts.len());
        Place { roster: self, id: id.clone(), number }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place<'_> {
    /// Whether its video is passed on as it is.
    pub(crate) fn set_copies_video(&self, copies: bool) {
        let mut state = self.roster.lock();
        if let Some(entry) = state.broadcasts.get_mut(&self.id).filter(|entry| entry.number == self.number) {
            entry.places = if copies { 1 } else { TRANSCODED };
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.roster.lock();
        if state.broadcasts.get(&self.id).is_some_and(|entry| entry.number == self.number) {
            state.broadcasts.remove(&self.id);
        }
        self.roster.count.send_replace(state.broadcasts.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transcoded_broadcast_takes_ten_places_and_gives_them_back() {
        let roster = Roster::new(10);
        let id = BroadcastId::random().unwrap();
        let place = roster.enter(&id, mpsc::channel(1).0);
        assert_eq!((roster.taken(), roster.is_full()), (1, false));
        place.set_copies_video(false);
        assert_eq!((roster.taken(), roster.is_full()), (10, true));
        place.set_copies_video(true);
        assert_eq!(roster.taken(), 1);
        drop(place);
        assert_eq!((roster.taken(), roster.count()), (0, 0));
    }

    #[test]
    fn a_broadcast_that_has_come_anew_does_not_go_with_the_old_one() {
        let roster = Roster::new(10);
        let id = BroadcastId::random().unwrap();
        let old = roster.enter(&id, mpsc::channel(1).0);
        let new = roster.enter(&id, mpsc::channel(1).0);
        old.set_copies_video(false);
        drop(old);
        assert_eq!((roster.taken(), roster.find(&id).is_some()), (1, true));
        drop(new);
        assert!(roster.find(&id).is_none());
    }
}
