//! The ingest servers: encoders come by RTMPS or plain RTMP, with a stream key.
//!
//! `listener` takes connections, `connection` drives one, `publication` is what it brings once its key was accepted. Who may
//! broadcast, and what is told of it, is IVS's to say (`aws::ivs`).

mod connection;
mod limits;
mod listener;
mod publication;
mod refusal;
mod registry;
#[cfg(test)]
mod tests;
mod tracks;

use std::sync::Arc;

pub(crate) use self::limits::Limits;
pub(crate) use self::listener::{serve_rtmp, serve_rtmps};
use self::registry::Registry;
use super::hls::Origin;
use crate::aws::Ivs;
use crate::program::log::{Lines, LogLine};

/// What every connection needs.
pub(crate) struct Ingest {
    pub(crate) ivs: Arc<Ivs>,
    pub(crate) origin: Arc<Origin>,
    pub(crate) limits: Limits,
    /// Whether plain RTMP is taken for every channel, and not only for those with `insecureIngest`.
    pub(crate) takes_plain: bool,
    pub(crate) lines: Arc<Lines>,
    registry: Registry,
}

impl Ingest {
    pub(crate) fn new(
        ivs: Arc<Ivs>,
        origin: Arc<Origin>,
        limits: Limits,
        takes_plain: bool,
        lines: Arc<Lines>,
    ) -> Self {
        Self { ivs, origin, limits, takes_plain, lines, registry: Registry::default() }
    }

    /// Writes a line of the log. No stream key may be in it.
    fn log(&self, line: String) {
        self.lines.push(LogLine { function: "IVS".to_owned(), instance: String::new(), line });
    }
}
