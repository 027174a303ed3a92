//! The HLS server: what [`hls`](super::hls) answers, to those whom IVS lets watch.

use std::sync::Arc;

use time::OffsetDateTime;
use tokio::net::TcpListener;

use super::hls::{Access, Origin};
use crate::aws::Ivs;
use crate::plumbing::clock;
use crate::plumbing::http_server;

/// Serves until the future is dropped.
pub(super) async fn serve(listener: TcpListener, origin: Arc<Origin>, ivs: Arc<Ivs>) {
    let edge = Arc::new(Edge(ivs));
    http_server::serve(listener, move |request| {
        let (origin, edge) = (Arc::clone(&origin), Arc::clone(&edge));
        async move {
            // No request has a body that counts.
            let (parts, _) = request.into_parts();
            Ok(origin.handle(&parts, edge.as_ref(), clock::now()).await)
        }
    })
    .await;
}

/// IVS's own rules about who may watch.
struct Edge(Arc<Ivs>);

impl Access for Edge {
    fn play(&self, path: &str, token: Option<&str>, origin: Option<&str>, now: OffsetDateTime) -> Result<(), String> {
        self.0.plays(path, token, origin, now)
    }
}
