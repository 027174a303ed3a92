//! How patient the ingest servers are.

use std::time::Duration;

/// Times and counts that bound what an encoder may do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// For the handshakes, of TLS and of RTMP, up to `connect`.
    pub(crate) handshake: Duration,
    /// From there to a publish. OBS leaves connections open that were not answered, some clients wait for ever.
    pub(crate) publish: Duration,
    /// Without media, a stream starves.
    pub(crate) starvation: Duration,
    /// Without media, a stream ends.
    pub(crate) silence: Duration,
    /// For one write. A peer that reads nothing holds nobody.
    pub(crate) write: Duration,
    /// Once the encoder on air has not been heard for so long, another one gets its place: its connection is lost, though
    /// TCP has not said so. OBS comes back two seconds after it has seen the loss; one that only stalls for a moment keeps
    /// its place.
    pub(crate) grace: Duration,
    /// Between the last word to a peer and the end of the connection, so that the peer reads it.
    pub(crate) linger: Duration,
    /// How often health, viewers and bitrate are looked at.
    pub(crate) tick: Duration,
    /// Over which bits are counted.
    pub(crate) bitrate_window: Duration,
    /// Connections at a time.
    pub(crate) connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            publish: Duration::from_secs(10),
            starvation: Duration::from_millis(2_500),
            silence: Duration::from_secs(10),
            write: Duration::from_secs(10),
            grace: Duration::from_millis(1_800),
            linger: Duration::from_millis(500),
            tick: Duration::from_millis(250),
            bitrate_window: Duration::from_secs(10),
            connections: 200,
        }
    }
}
