//! Who is connected, and how they are told something.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::Value;
use time::OffsetDateTime;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::state::Order;
use crate::plumbing::sync::lock;
use crate::plumbing::token_bucket::TokenBucket;

/// What a connection is to do.
pub(super) enum Signal {
    /// Send this.
    Frame(String),
    /// Close.
    Close,
}

struct Connected {
    room: String,
    user_id: String,
    signals: UnboundedSender<Signal>,
}

/// Everybody who is connected.
#[derive(Default)]
pub(super) struct Hub {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    next: u64,
    connected: BTreeMap<u64, Connected>,
    /// How fast messages may come, by room.
    rates: BTreeMap<String, (i64, TokenBucket)>,
}

impl Hub {
    /// A connection, until it is left. `None`: there are as many as there may be.
    pub(super) fn join(&self, room: &str, user_id: &str, most: usize) -> Option<(u64, UnboundedReceiver<Signal>)> {
        let (signals, receiver) = unbounded_channel();
        let mut inner = lock(&self.inner);
        if inner.connected.len() >= most {
            return None;
        }
        inner.next += 1;
        let id = inner.next;
        inner.connected.insert(id, Connected { room: room.to_owned(), user_id: user_id.to_owned(), signals });
        Some((id, receiver))
    }

    pub(super) fn leave(&self, id: u64) {
        lock(&self.inner).connected.remove(&id);
    }

    /// Whether the room takes another message now.
    pub(super) fn takes_message(&self, room: &str, rate: i64, now: OffsetDateTime) -> bool {
        let mut inner = lock(&self.inner);
        #[expect(clippy::cast_precision_loss, reason = "a rate is at most 100")]
        let bucket = || TokenBucket::new(rate as f64, rate as f64);
        let (known, limit) = inner.rates.entry(room.to_owned()).or_insert_with(|| (rate, bucket()));
        if *known != rate {
            (*known, *limit) = (rate, bucket());
        }
        limit.take(now)
    }

    /// Tells everybody in a room.
    pub(super) fn tell(&self, room: &str, frame: &Value) {
        let text = frame.to_string();
        for connected in lock(&self.inner).connected.values().filter(|connected| connected.room == room) {
            // One that has just ended hears nothing more.
            drop(connected.signals.send(Signal::Frame(text.clone())));
        }
    }

    /// Sends a user away, after everybody was told.
    pub(super) fn disconnect(&self, room: &str, user_id: &str, frame: &Value) {
        self.tell(room, frame);
        self.close(|connected| connected.room == room && connected.user_id == user_id);
    }

    pub(super) fn carry_out(&self, order: &Order) {
        match order {
            Order::Tell { room, frame } => self.tell(room, frame),
            Order::Disconnect { room, user_id, frame } => self.disconnect(room, user_id, frame),
            Order::Close { room } => self.close(|connected| connected.room == *room),
        }
    }

    /// How many are connected to a room.
    pub(super) fn connected(&self, room: &str) -> usize {
        lock(&self.inner).connected.values().filter(|connected| connected.room == room).count()
    }

    /// Sends everybody away.
    pub(super) fn clear(&self) {
        self.close(|_| true);
    }

    fn close(&self, of: impl Fn(&Connected) -> bool) {
        for connected in lock(&self.inner).connected.values().filter(|connected| of(connected)) {
            drop(connected.signals.send(Signal::Close));
        }
    }
}
