//! The server's side of a session: takes one publisher.

use bytes::Bytes;

use crate::{Error, Limits, Output, StreamKey, amf::Value};

/// The server's side of a connection, which takes what a publisher sends.
#[derive(Debug)]
pub struct ServerSession {
    limits: Limits,
}

/// What a publisher does.
#[derive(Clone, PartialEq)]
pub enum Event {
    /// The peer names the application. It is welcome unless [`ServerSession::reject_connect`] is called before anything else.
    Connect {
        /// The application, without slashes around it and without a query. Some clients put part of the key here.
        app: String,
        /// The URL as the peer has it.
        tc_url: Option<String>,
        /// What the peer says it is (`flashVer`).
        encoder: Option<String>,
    },
    /// The peer asks to publish. It is answered by [`ServerSession::accept_publish`] or [`ServerSession::reject_publish`]; until then,
    /// the session goes no further.
    Publish {
        /// As in `Connect`.
        app: String,
        /// The key, without leading slashes and without what follows a `?`.
        key: StreamKey,
        /// What follows the `?`; a secret, too.
        arguments: String,
    },
    /// What `onMetaData` says of the stream. Some encoders repeat it all the time.
    Metadata(Vec<(String, Value)>),
    /// A video message: see [`flv::video`](crate::flv::video).
    Video {
        /// Milliseconds; wraps after 49 days.
        timestamp: u32,
        /// The body.
        body: Bytes,
    },
    /// An audio message: see [`flv::audio`](crate::flv::audio).
    Audio {
        /// Milliseconds; wraps after 49 days.
        timestamp: u32,
        /// The body.
        body: Bytes,
    },
    /// The peer has ended the publish that was accepted.
    Unpublish,
}

/// Why a publish is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reject {
    /// `NetStream.Publish.BadName`: the name cannot be published, such as one that is on air.
    BadName,
    /// `NetStream.Publish.Denied`: not with this key.
    Unauthorized,
}

impl ServerSession {
    /// A session whose peer has not said anything yet.
    pub fn new(limits: Limits) -> Self {
        Self { limits }
    }

    /// Takes bytes of the peer. After an error, send what is still to be sent and close.
    pub fn input(&mut self, _bytes: &[u8]) -> Result<(), Error> {
        Ok(())
    }

    /// What is to be done next, until there is nothing.
    pub fn poll(&mut self) -> Option<Output<Event>> {
        let _ = self.limits;
        None
    }

    /// Refuses the connection of the last [`Event::Connect`].
    pub fn reject_connect(&mut self, _description: &str) {}

    /// Lets the peer publish that asked to.
    pub fn accept_publish(&mut self) {}

    /// Refuses the publish that was asked for, and closes. The peer shows the description to its user, and writes it into its log.
    pub fn reject_publish(&mut self, _reject: Reject, _description: &str) {}

    /// Ends the publish from this side, and closes.
    pub fn stop(&mut self) {}

    /// Why the session ended, if it was by an error. One that comes to light after an answer is reported here and by `input`.
    pub fn error(&self) -> Option<&Error> {
        None
    }
}

/// Shows nothing that may hold a key.
impl std::fmt::Debug for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Connect { encoder, .. } => {
                f.debug_struct("Connect").field("encoder", encoder).finish_non_exhaustive()
            }
            Self::Publish { key, .. } => f.debug_struct("Publish").field("key", key).finish_non_exhaustive(),
            Self::Metadata(fields) => f.debug_tuple("Metadata").field(&fields.len()).finish(),
            Self::Video { timestamp, body } => write!(f, "Video({timestamp} ms, {} bytes)", body.len()),
            Self::Audio { timestamp, body } => write!(f, "Audio({timestamp} ms, {} bytes)", body.len()),
            Self::Unpublish => f.write_str("Unpublish"),
        }
    }
}
