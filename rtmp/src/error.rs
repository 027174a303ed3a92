//! Why a session ends.

use crate::amf;

/// What a peer did that ends the session. No text holds a byte of what the peer said: it may be a stream key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// An HTTP request.
    #[error("the peer speaks HTTP, not RTMP")]
    Http,
    /// A TLS handshake.
    #[error("the peer speaks TLS, and plain RTMP is spoken here")]
    Tls,
    /// RTMPE, or another version of RTMP.
    #[error("the peer wants another version of RTMP than the plain one (3)")]
    Version,
    /// Anything else.
    #[error("the peer does not speak RTMP")]
    NotRtmp,
    /// The first chunk of a chunk stream leaves out what only an earlier one could say.
    #[error("chunk stream {0} goes on without having begun")]
    ChunkStreamUnknown(u32),
    /// A chunk of an unfinished message has the header of another.
    #[error("a message began inside another on chunk stream {0}")]
    MessageInsideMessage(u32),
    /// More chunk streams than [`Limits::chunk_streams`](crate::Limits::chunk_streams).
    #[error("more than {0} chunk streams")]
    TooManyChunkStreams(usize),
    /// A message longer than [`Limits::message`](crate::Limits::message).
    #[error("a message of {length} bytes, and {limit} are allowed")]
    MessageTooLong {
        /// Its length in bytes.
        length: usize,
        /// How long it may be.
        limit: usize,
    },
    /// A command or data message longer than [`Limits::command`](crate::Limits::command).
    #[error("a command of {length} bytes, and {limit} are allowed")]
    CommandTooLong {
        /// Its length in bytes.
        length: usize,
        /// How long it may be.
        limit: usize,
    },
    /// More than [`Limits::buffered`](crate::Limits::buffered) would have to be held.
    #[error("more than {0} bytes of unfinished messages")]
    TooMuchBuffered(usize),
    /// A chunk size of 0.
    #[error("a chunk size of 0 bytes")]
    NoChunkSize,
    /// A control message of the wrong length.
    #[error("a control message is too short")]
    ControlTooShort,
    /// A command that cannot be read.
    #[error("a command cannot be read: {0}")]
    Command(#[from] amf::Error),
    /// Media before the server has said that it takes it.
    #[error("nothing is published")]
    NotPublishing,
    /// A command that has no place here, or lacks what it needs.
    #[error("{0}")]
    Unexpected(&'static str),
}
