//! The sockets.

use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::{Ingest, connection};
use crate::plumbing::http_server::ACCEPT_PAUSE;

/// Takes plain RTMP until the future is dropped; every connection is dropped with it.
pub(crate) async fn serve_rtmp(ingest: Arc<Ingest>, listener: TcpListener) {
    serve(Arc::clone(&ingest), listener, move |stream| {
        let ingest = Arc::clone(&ingest);
        async move {
            let is_secure = ingest.takes_plain;
            connection::drive(&ingest, stream, is_secure).await;
        }
    })
    .await;
}

/// Takes RTMPS until the future is dropped; every connection is dropped with it.
pub(crate) async fn serve_rtmps(ingest: Arc<Ingest>, listener: TcpListener, acceptor: TlsAcceptor) {
    serve(Arc::clone(&ingest), listener, move |stream| {
        let (ingest, acceptor) = (Arc::clone(&ingest), acceptor.clone());
        async move {
            match timeout(ingest.limits.handshake, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => connection::drive(&ingest, stream, true).await,
                Ok(Err(error)) => ingest.log(format!(
                    "an encoder did not get in: no TLS on the port of RTMPS ({error}); it may not trust the certificate, or \
                     mean the port of plain RTMP"
                )),
                Err(_) => {}
            }
        }
    })
    .await;
}

/// A connection that panicked is a bug of this program: it must not go unseen.
fn report(ingest: &Ingest, ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        ingest.log(format!("an encoder's connection was lost by a fault of the local cloud: {error}"));
    }
}

async fn serve<H, F>(ingest: Arc<Ingest>, listener: TcpListener, handle: H)
where
    H: Fn(TcpStream) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(ingest.limits.connections));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else {
                    // For want of file descriptors, say. The next one may succeed, but not at once.
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                };
                // Without a place, the connection is closed at once.
                let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
                let _ = stream.set_nodelay(true);
                let connection = handle(stream);
                connections.spawn(async move {
                    connection.await;
                    drop(place);
                });
            }
            Some(ended) = connections.join_next() => report(&ingest, ended),
        }
    }
}
