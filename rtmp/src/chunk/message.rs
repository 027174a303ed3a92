//! The unit that chunks carry.

use std::fmt;

use bytes::Bytes;

/// A size of chunks that both sides begin with.
pub(super) const FIRST_CHUNK_SIZE: usize = 128;
/// The value of a timestamp's field that says that the timestamp is elsewhere.
pub(super) const EXTENDED: u32 = 0xff_ffff;

/// A message of either side.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Milliseconds; wraps.
    pub timestamp: u32,
    /// What it is: 8 audio, 9 video, 20 a command...
    pub kind: u8,
    /// The message stream; 0 for what is about the connection.
    pub stream: u32,
    /// Its contents.
    pub body: Bytes,
}

/// Says what it is, and nothing of what is in it: a command holds the stream key.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { timestamp, kind, stream, body } = self;
        write!(f, "Message(kind {kind}, {timestamp} ms, stream {stream}, {} bytes)", body.len())
    }
}
