//! Which server a broadcast goes to, and how many places a server has left.
//!
//! A ticket takes a place at once: by a conditional write on the server's row, which counts it in `promised` as well. The
//! server's heartbeat writes the places anew, from what it knows better, its sessions; so it has to know the tickets
//! that are on their way to it. It learns of them by how far `promised` has risen, and lets go of each when it is
//! redeemed, or has expired.

use std::collections::VecDeque;

use super::TICKET_LASTS;
use crate::id::random_bytes;
use crate::server::Server;
use crate::{Error, Timestamp};

/// A server that says it has room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Which.
    pub server: Server,
    /// How many places it has left.
    pub places: u32,
    /// Until when that counts.
    pub lease_until: Timestamp,
}

/// Two random numbers, for one choice.
#[derive(Debug, Clone, Copy)]
pub struct Draw(pub(super) u64, pub(super) u64);

impl Draw {
    /// New ones.
    ///
    /// # Errors
    /// Only when the operating system has no randomness to give.
    pub fn random() -> Result<Self, Error> {
        let draw = || random_bytes().map(u64::from_le_bytes);
        Ok(Self(draw()?, draw()?))
    }
}

/// Two of the candidates at random, and of those the one with more room. Everybody taking the best one would send all to
/// the same server; one at random would fill some long before others. The place of the choice; `None` if there is none.
pub fn choose(candidates: &[Candidate], Draw(one, other): Draw) -> Option<usize> {
    let many = candidates.len() as u64;
    let at = |random: u64, below: u64| usize::try_from(random % below).unwrap_or_default();
    match many {
        0 => None,
        1 => Some(0),
        _ => {
            let first = at(one, many);
            // Of the rest, so that the two differ.
            let second = (first + 1 + at(other, many - 1)) % candidates.len();
            Some(if candidates[second].places > candidates[first].places { second } else { first })
        }
    }
}

/// What a server knows of the tickets that were given out for it.
#[derive(Debug, Clone, Default)]
pub struct PromiseLedger {
    /// The counter when it was last seen. A row has none before its server's first heartbeat, and nobody gives a ticket out then: so
    /// whatever it is at is this server's.
    seen: u64,
    /// How many tickets were first seen when, and are not redeemed.
    waiting: VecDeque<(Timestamp, u64)>,
    /// Tickets that were redeemed before the counter told of them.
    ahead: u64,
    /// When the tickets were issued that were redeemed while a heartbeat was at work on a copy.
    meanwhile: Vec<Timestamp>,
}

impl PromiseLedger {
    /// Of a server that has just begun.
    pub fn new() -> Self {
        Self::default()
    }

    /// The counter when it was last seen.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// A copy for a heartbeat, which takes its time; tickets are redeemed meanwhile. There is one at a time.
    pub fn lend(&mut self) -> Self {
        self.meanwhile.clear();
        self.clone()
    }

    /// Takes back what a heartbeat has made of the copy, whatever came of it: what it has seen of the counter is not seen again.
    pub fn take_back(&mut self, lent: Self) {
        let meanwhile = std::mem::replace(self, lent).meanwhile;
        for issued_at in meanwhile {
            self.settle(issued_at);
        }
    }

    /// The counter is at `promised` now. It begins anew when the task tracker writes the row.
    pub fn observe(&mut self, promised: u64, now: Timestamp) {
        // After a new beginning, all is new.
        let risen = promised.checked_sub(self.seen).unwrap_or(promised);
        self.seen = promised;
        self.waiting.push_back((now, risen));
        // It tells of every ticket that was redeemed: if not just now, then before, and the clocks differ.
        for (_, count) in self.waiting.iter_mut().rev() {
            let redeemed = self.ahead.min(*count);
            (*count, self.ahead) = (*count - redeemed, self.ahead - redeemed);
        }
        self.ahead = 0;
    }

    /// A ticket that was issued at this time has been redeemed here.
    pub fn redeemed(&mut self, issued_at: Timestamp) {
        self.meanwhile.push(issued_at);
        self.settle(issued_at);
    }

    fn settle(&mut self, issued_at: Timestamp) {
        // The first look at the counter after it was issued has told of it.
        match self.waiting.iter_mut().find(|(seen_at, count)| *seen_at >= issued_at && *count > 0) {
            Some((_, count)) => *count -= 1,
            None => self.ahead += 1,
        }
    }

    /// How many tickets are on their way.
    pub fn outstanding(&self) -> u64 {
        self.waiting.iter().map(|(_, count)| count).sum()
    }

    /// The free places of a server: what it can hold, without its sessions and the tickets on their way. Both are of `now`: a ticket
    /// that is redeemed later is one of its sessions later.
    pub fn places(&mut self, capacity: u32, sessions: u32, now: Timestamp) -> u32 {
        self.forget(now);
        let taken = u64::from(sessions) + self.outstanding();
        u32::try_from(u64::from(capacity).saturating_sub(taken)).unwrap_or(u32::MAX)
    }

    /// A ticket was issued before it was seen, so by now it has expired.
    fn forget(&mut self, now: Timestamp) {
        while self.waiting.front().is_some_and(|(seen_at, count)| *count == 0 || *seen_at + TICKET_LASTS <= now) {
            self.waiting.pop_front();
        }
    }
}
