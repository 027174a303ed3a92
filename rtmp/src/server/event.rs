//! What a publisher does.

use std::fmt;

use bytes::Bytes;

use crate::{StreamKey, amf::Value};

/// What a publisher does.
#[derive(Clone, PartialEq)]
pub enum Event {
    /// The peer names the application. It is welcome unless [`ServerSession::reject_connect`](crate::ServerSession::reject_connect) is called before anything else.
    Connect {
        /// The application, without slashes around it and without a query. Some clients put part of the key here.
        app: String,
        /// The URL as the peer has it.
        tc_url: Option<String>,
        /// What the peer says it is (`flashVer`).
        encoder: Option<String>,
    },
    /// The peer asks to publish. It is answered by [`ServerSession::accept_publish`](crate::ServerSession::accept_publish) or [`ServerSession::reject_publish`](crate::ServerSession::reject_publish); until then,
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

/// Shows nothing that may hold a key.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
