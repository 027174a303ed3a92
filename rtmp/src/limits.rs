//! What a peer may make a session hold.

/// Bounds of what a peer may send. A session ends with an error when one is passed. Until a server accepts a publish, a message
/// has at most 64 kB there, and 256 kB are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one message.
    pub message: usize,
    /// Chunk streams of one connection.
    pub chunk_streams: usize,
    /// Bytes of one command or data message.
    pub command: usize,
    /// Bytes held in all: parts of messages, and what came while an answer was awaited.
    pub buffered: usize,
}

impl Limits {
    /// Those of a peer that nobody has let publish: it has commands to say, and whoever it is may say them.
    pub(crate) fn of_stranger(self) -> Self {
        Self { message: self.message.min(64 << 10), buffered: self.buffered.min(256 << 10), ..self }
    }
}

impl Default for Limits {
    /// 4 MB a message, 32 chunk streams, 64 kB a command, 8 MB in all.
    fn default() -> Self {
        Self { message: 4 << 20, chunk_streams: 32, command: 64 << 10, buffered: 8 << 20 }
    }
}
