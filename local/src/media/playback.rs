//! The HLS server: what [`hls`](super::hls) answers, to those whom IVS lets watch.

use std::sync::Arc;

use time::OffsetDateTime;
use tokio::net::TcpListener;

use super::hls::{Access, Origin, View, Viewer};
use crate::aws::{Ivs, ViewerSession};
use crate::plumbing::clock;
use crate::plumbing::http_server;

/// Connections at a time: players hold theirs open, and there are file descriptors for no more than some.
const CONNECTIONS: usize = 500;

/// Serves until the future is dropped.
pub(super) async fn serve(listener: TcpListener, origin: Arc<Origin>, ivs: Arc<Ivs>) {
    let edge = Arc::new(Edge(ivs));
    http_server::serve_at_most(CONNECTIONS, listener, move |request| {
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
    fn play(&self, view: &View<'_>, now: OffsetDateTime) -> Result<Option<Viewer>, String> {
        let View { playback_url_path, token, origin, begins } = *view;
        let session = match begins {
            true => self.0.plays(playback_url_path, token, origin, now),
            false => self.0.would_play(playback_url_path, token, origin, now),
        }?;
        Ok(session.map(|ViewerSession { viewer_id, version }| Viewer { id: viewer_id, version }))
    }

    fn is_revoked(&self, playback_url_path: &str, Viewer { id, version }: &Viewer) -> bool {
        self.0.has_revoked(playback_url_path, id, *version)
    }
}
