//! Where browsers, and load balancers, connect.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::handshake::answer;
use crate::admission::{Admissions, Connection};
use crate::config::Listen;
use crate::session::Shared;

/// How long a handshake of TLS, or a request's head, may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long to wait after an accept that failed: without file descriptors, the next one fails at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Opens the socket.
///
/// # Errors
/// The address cannot be had, or the standard input is no listening socket.
pub fn bind(listen: &Listen) -> io::Result<TcpListener> {
    let listener = match listen {
        Listen::Address(address) => std::net::TcpListener::bind(address)?,
        Listen::Inherited => std::net::TcpListener::from(io::stdin().as_fd().try_clone_to_owned()?),
    };
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

/// Serves until it is dropped; connections that have become broadcasts go on.
pub async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    // Whatever has the certificate is what browsers connect to.
    let admissions = Arc::new(Admissions::new(shared.roster.capacity(), tls.is_some()));
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let Some(connection) = admissions.connect(peer.ip(), Instant::now()) else { continue };
        let (tls, shared) = (tls.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            serve_stream(stream, tls, shared, Arc::new(connection)).await;
        });
    }
}

async fn serve_stream(stream: TcpStream, tls: Option<TlsAcceptor>, shared: Arc<Shared>, connection: Arc<Connection>) {
    // Messages are small, and are to be there now.
    let _ = stream.set_nodelay(true);
    match tls {
        None => serve_connection(stream, shared, connection).await,
        Some(tls) => {
            if let Ok(Ok(stream)) = timeout(HANDSHAKE, tls.accept(stream)).await {
                serve_connection(stream, shared, connection).await;
            }
        }
    }
}

async fn serve_connection<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    shared: Arc<Shared>,
    connection: Arc<Connection>,
) {
    let service = service_fn(move |request| answer(Arc::clone(&shared), Arc::clone(&connection), request));
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HANDSHAKE).max_buf_size(16 << 10);
    // It ends in an error when the client goes away: nothing to tell anyone.
    let _ = server.serve_connection(TokioIo::new(stream), service).with_upgrades().await;
}
