//! The encoder of a session, as far as IVS knows it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use crate::plumbing::sync::lock;

/// What IVS asks of the connection that brings the media of a session.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Close: the stream was stopped, or another encoder has its place.
    Stop,
    /// Insert timed metadata.
    Metadata(String),
}

/// A connection that brings media.
pub(crate) struct Publisher {
    pub(crate) orders: UnboundedSender<Order>,
    pub(crate) last_heard: LastHeard,
}

impl Publisher {
    /// Whether its place is free: the connection is closed, or has not been heard for so long.
    pub(super) fn is_gone(&self, grace: Duration) -> bool {
        self.orders.is_closed() || self.last_heard.silence() >= grace
    }

    /// A connection that is gone heeds nothing, and needs not.
    pub(super) fn order(&self, order: Order) {
        let _ = self.orders.send(order);
    }
}

/// When a connection was last heard. Clones share it.
#[derive(Clone)]
pub(crate) struct LastHeard(Arc<Mutex<Instant>>);

impl LastHeard {
    /// Of a connection that is heard now.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    /// It is heard now.
    pub(crate) fn update(&self) {
        *lock(&self.0) = Instant::now();
    }

    /// For how long it has not been heard.
    fn silence(&self) -> Duration {
        lock(&self.0).elapsed()
    }
}
