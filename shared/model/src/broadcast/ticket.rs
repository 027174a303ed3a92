//! Tickets: what a page opens a server with, once.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::id::random_bytes;
use crate::{BroadcastId, Error};

/// Random bytes in a ticket.
const SECRET_BYTES: usize = 32;

/// `<broadcast>.<secret>`: whoever holds it can broadcast once. It is legal in a URL and in the name of a WebSocket
/// subprotocol.
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket {
    broadcast: BroadcastId,
    text: String,
}

impl Ticket {
    /// A new one for a broadcast.
    ///
    /// # Errors
    /// Only when the operating system has no randomness to give.
    pub fn draw(broadcast: &BroadcastId) -> Result<Self, Error> {
        let secret = BASE64_URL_SAFE_NO_PAD.encode(random_bytes::<SECRET_BYTES>()?);
        Ok(Self { broadcast: broadcast.clone(), text: format!("{broadcast}.{secret}") })
    }

    /// Reads what a browser brings; `None` of what no ticket looks like.
    pub fn parse(text: &str) -> Option<Self> {
        let (broadcast, secret) = text.split_once('.')?;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(secret).ok()?;
        let broadcast = broadcast.parse().ok()?;
        (bytes.len() == SECRET_BYTES).then(|| Self { broadcast, text: text.to_owned() })
    }

    /// The broadcast that it is for.
    pub fn broadcast(&self) -> &BroadcastId {
        &self.broadcast
    }

    /// What the table keeps of it.
    pub fn hash(&self) -> TicketHash {
        TicketHash(BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, self.text.as_bytes())))
    }

    /// The text itself, for the answer to the user it belongs to.
    pub fn expose(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ticket({}, redacted)", self.broadcast)
    }
}

/// The SHA-256 of a ticket, which opens nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketHash(String);

/// The text is not the hash of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a SHA-256 in unpadded base64url")]
pub struct InvalidTicketHash;

impl FromStr for TicketHash {
    type Err = InvalidTicketHash;

    fn from_str(text: &str) -> Result<Self, InvalidTicketHash> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidTicketHash)?;
        if bytes.len() == SHA256.output_len() { Ok(Self(text.to_owned())) } else { Err(InvalidTicketHash) }
    }
}

impl fmt::Display for TicketHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
