//! The publisher's side of a session.

use bytes::Bytes;

use crate::{Error, Output, StreamKey, amf::Value};

/// A publisher's side of a connection.
#[derive(Debug)]
pub struct ClientSession {
    key: StreamKey,
}

/// What the server says.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The server has taken the connection; a publish is asked for.
    Connected,
    /// Media can be sent.
    Published,
    /// The server refuses the connection or the publish; `Close` follows.
    Rejected {
        /// Such as `NetStream.Publish.BadName`.
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

impl ClientSession {
    /// A session that connects to an application and publishes under the key. Drain it at once: the client speaks first.
    pub fn new(_app: &str, _tc_url: &str, key: StreamKey) -> Self {
        Self { key }
    }

    /// Takes bytes of the server. After an error, close.
    pub fn input(&mut self, _bytes: &[u8]) -> Result<(), Error> {
        let _ = &self.key;
        Ok(())
    }

    /// What is to be done next, until there is nothing.
    pub fn poll(&mut self) -> Option<Output<Event>> {
        None
    }

    /// Sends `onMetaData`. Fails unless published.
    pub fn metadata(&mut self, _fields: Vec<(String, Value)>) -> Result<(), Error> {
        Ok(())
    }

    /// Sends the body of a video message: see [`VideoCodec`](crate::flv::VideoCodec). Fails unless published.
    pub fn video(&mut self, _timestamp: u32, _body: Bytes) -> Result<(), Error> {
        Ok(())
    }

    /// Sends the body of an audio message: see [`aac_frame`](crate::flv::aac_frame). Fails unless published.
    pub fn audio(&mut self, _timestamp: u32, _body: Bytes) -> Result<(), Error> {
        Ok(())
    }

    /// Ends the publish, and closes.
    pub fn unpublish(&mut self) {}
}
