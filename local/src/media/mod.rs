//! The media plane: IVS's low-latency ingest and HLS.
//!
//! An encoder comes to `ingest` by RTMP or RTMPS; what it sends is packed by `cmaf` and served by `hls`. Who may broadcast
//! and watch, and what is told of it, is said by [`Ivs`].

mod cmaf;
pub(crate) mod hls;
mod ingest;
mod playback;
mod sps;
#[cfg(test)]
mod testing;
pub(crate) mod tls;

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use self::hls::Origin;
use self::ingest::{Ingest, Limits};
use crate::aws::Ivs;
use crate::plumbing::jobs::Jobs;
use crate::program::log::Lines;

/// Where the media plane listens.
pub(crate) struct Listeners {
    /// HLS.
    pub(crate) playback: TcpListener,
    pub(crate) rtmps: TcpListener,
    /// Plain RTMP.
    pub(crate) rtmp: TcpListener,
}

/// Starts the media plane, which ends with the jobs. `takes_plain`: plain RTMP is taken for every channel.
pub(crate) fn start(
    listeners: Listeners,
    acceptor: TlsAcceptor,
    ivs: Arc<Ivs>,
    takes_plain: bool,
    lines: Arc<Lines>,
    jobs: &Jobs,
) {
    let origin = Arc::new(Origin::default());
    let ingest = Ingest::new(Arc::clone(&ivs), Arc::clone(&origin), Limits::default(), takes_plain, lines);
    let ingest = Arc::new(ingest);
    jobs.spawn(ingest::serve_rtmps(Arc::clone(&ingest), listeners.rtmps, acceptor));
    jobs.spawn(ingest::serve_rtmp(ingest, listeners.rtmp));
    jobs.spawn(playback::serve(listeners.playback, origin, ivs));
}
