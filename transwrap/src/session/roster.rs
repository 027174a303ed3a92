//! Which broadcasts are on this server, and whether it takes more.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
    /// What each [`Place`] takes, by its number.
    places: HashMap<u64, u32>,
    numbers: u64,
    ledger: PromiseLedger,
}

impl State {
    fn taken(&self) -> u32 {
        self.places.values().sum()
    }
}

struct Entry {
    /// Of its place: tells it from a later one of the same broadcast.
    number: u64,
    commands: mpsc::Sender<Command>,
}

/// A broadcast's place, or that of one which may come of a ticket; it is free when this is dropped.
pub(crate) struct Place {
    roster: Arc<Roster>,
    number: u64,
    /// The broadcast, once it is here.
    id: Option<BroadcastId>,
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
        self.lock().taken()
    }

    /// How many broadcasts are here.
    pub fn count(&self) -> usize {
        self.lock().broadcasts.len()
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

    /// What is known of the tickets on their way, for a heartbeat to work on.
    pub fn lend_ledger(&self) -> PromiseLedger {
        self.lock().ledger.lend()
    }

    /// Takes it back, whatever came of the heartbeat.
    pub fn take_back_ledger(&self, ledger: PromiseLedger) {
        self.lock().ledger.take_back(ledger);
    }

    /// How to reach the broadcast, if it is here.
    pub(crate) fn find(&self, id: &BroadcastId) -> Option<mpsc::Sender<Command>> {
        self.lock().broadcasts.get(id).map(|entry| entry.commands.clone())
    }

    /// Takes a place, before it is known whether the ticket is good: of many that come at once, only so many get one. None: the
    /// server is full.
    pub(crate) fn reserve(self: &Arc<Self>) -> Option<Place> {
        let mut state = self.lock();
        if state.taken() >= self.capacity {
            return None;
        }
        state.numbers += 1;
        let number = state.numbers;
        state.places.insert(number, 1);
        Some(Place { roster: Arc::clone(self), number, id: None })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The broadcast is here now.
    pub(crate) fn enter(&mut self, id: &BroadcastId, commands: mpsc::Sender<Command>) {
        let mut state = self.roster.lock();
        state.broadcasts.insert(id.clone(), Entry { number: self.number, commands });
        self.roster.count.send_replace(state.broadcasts.len());
        self.id = Some(id.clone());
    }

    /// Its video is passed on as it is, or it is to be transcoded. False: the server has no places for that, and it keeps those
    /// that it has. It never has fewer than before: a camera that is switched off and on again finds its places.
    pub(crate) fn set_copies_video(&self, copies: bool) -> bool {
        let capacity = self.roster.capacity;
        let mut state = self.roster.lock();
        // A small server can do one, and nothing else.
        let needed = if copies { 1 } else { TRANSCODED.min(capacity) };
        let present = state.places.get(&self.number).copied().unwrap_or_default();
        let wanted = needed.max(present);
        let fits = state.taken() - present + wanted <= capacity;
        if fits {
            state.places.insert(self.number, wanted);
        }
        fits
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.roster.lock();
        state.places.remove(&self.number);
        if let Some(id) = &self.id
            && state.broadcasts.get(id).is_some_and(|entry| entry.number == self.number)
        {
            state.broadcasts.remove(id);
        }
        self.roster.count.send_replace(state.broadcasts.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roster(capacity: u32) -> Arc<Roster> {
        Arc::new(Roster::new(capacity))
    }

    fn enter(roster: &Arc<Roster>, id: &BroadcastId) -> Place {
        let mut place = roster.reserve().unwrap();
        place.enter(id, mpsc::channel(1).0);
        place
    }

    #[test]
    fn a_transcoded_broadcast_takes_ten_places_and_keeps_them_while_it_is_here() {
        let roster = roster(10);
        let place = enter(&roster, &BroadcastId::random().unwrap());
        assert_eq!(roster.taken(), 1);
        assert!(place.set_copies_video(false));
        assert_eq!((roster.taken(), roster.reserve().is_none()), (10, true));
        assert!(place.set_copies_video(true));
        assert_eq!(roster.taken(), 10);
        drop(place);
        assert_eq!((roster.taken(), roster.count()), (0, 0));
    }

    #[test]
    fn a_broadcast_is_not_transcoded_beyond_capacity_and_those_that_are_here_keep_their_places() {
        let roster = roster(40);
        let places: Vec<_> = (0..5).map(|_| enter(&roster, &BroadcastId::random().unwrap())).collect();
        let fits: Vec<_> = places.iter().map(|place| place.set_copies_video(false)).collect();
        assert_eq!(fits, [true, true, true, false, false]);
        assert_eq!(roster.taken(), 32);
    }

    #[test]
    fn a_broadcast_that_is_transcoded_already_is_refused_no_further_recording() {
        let roster = roster(10);
        let place = enter(&roster, &BroadcastId::random().unwrap());
        assert!(place.set_copies_video(false) && place.set_copies_video(false));
    }

    #[test]
    fn a_server_of_few_places_takes_a_transcoded_broadcast_if_there_is_no_other() {
        let roster = roster(4);
        let place = enter(&roster, &BroadcastId::random().unwrap());
        let other = enter(&roster, &BroadcastId::random().unwrap());
        assert!(!place.set_copies_video(false));
        drop(other);
        assert!(place.set_copies_video(false));
        assert_eq!(roster.taken(), 4);
    }

    #[test]
    fn of_many_that_come_at_once_only_as_many_get_a_place_as_there_are() {
        let roster = roster(3);
        let mut places: Vec<_> = (0..5).map(|_| roster.reserve()).collect();
        assert_eq!(places.iter().flatten().count(), 3);
        // Whatever became of its ticket.
        places.swap_remove(0);
        assert!(roster.reserve().is_some());
        assert_eq!((roster.taken(), roster.count()), (2, 0));
    }

    #[test]
    fn a_broadcast_that_has_come_anew_does_not_go_with_the_old_one() {
        let roster = roster(20);
        let id = BroadcastId::random().unwrap();
        let (old, new) = (enter(&roster, &id), enter(&roster, &id));
        assert!(old.set_copies_video(false));
        drop(old);
        assert_eq!((roster.taken(), roster.find(&id).is_some()), (1, true));
        drop(new);
        assert!(roster.find(&id).is_none());
    }
}
