//! What a session wants of its caller.

use bytes::Bytes;

/// One thing that a session wants done, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Output<E> {
    /// Send these bytes to the peer.
    Transmit(Bytes),
    /// Something happened.
    Event(E),
    /// Send what was to be sent, then close the connection. Nothing follows.
    Close,
}
