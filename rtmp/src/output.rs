//! What a session wants of its caller.

use std::fmt;

use bytes::Bytes;

/// One thing that a session wants done, in order.
#[derive(Clone, PartialEq)]
pub enum Output<E> {
    /// Send these bytes to the peer.
    Transmit(Bytes),
    /// Something happened.
    Event(E),
    /// Send what was to be sent, then close the connection. Nothing follows.
    Close,
}

/// Shows no byte: a publisher sends its key.
impl<E: fmt::Debug> fmt::Debug for Output<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transmit(bytes) => write!(f, "Transmit({} bytes)", bytes.len()),
            Self::Event(event) => f.debug_tuple("Event").field(event).finish(),
            Self::Close => f.write_str("Close"),
        }
    }
}
