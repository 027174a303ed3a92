//! RTMP and FLV without I/O: no socket, no clock, no task. See README.md for what real encoders do.
//!
//! A session, of the server ([`ServerSession`]) or of a publisher ([`ClientSession`]), is fed with the bytes of its peer and then
//! drained: bytes to send, events, and the wish to close. The one thing that a caller must keep: after each call that takes
//! `&mut self`, call `poll` until it returns `None`, because answers and events wait there and are bounded only by what was fed.

pub mod amf;
pub mod chunk;
pub mod client;
mod connection;
mod cursor;
mod error;
pub mod flv;
mod handshake;
mod key;
mod limits;
mod message;
mod output;
pub mod server;

pub use client::ClientSession;
pub use error::Error;
pub use key::StreamKey;
pub use limits::Limits;
pub use output::Output;
pub use server::ServerSession;
