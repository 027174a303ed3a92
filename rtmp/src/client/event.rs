//! What a server says to a publisher.

/// What the server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The server has taken the connection; it is asked whether it takes the publish.
    Connected,
    /// Media can be sent.
    Published,
    /// The server refuses the connection or the publish; `Close` follows.
    Rejected {
        /// Such as `NetStream.Publish.BadName`; empty if the server gives none.
        code: String,
        /// What the server says about it, without the stream key.
        description: String,
    },
    /// The server has ended the publish; `Close` follows.
    Stopped {
        /// Such as `NetStream.Unpublish.Success`.
        code: String,
        /// What the server says about it, without the stream key.
        description: String,
    },
}
