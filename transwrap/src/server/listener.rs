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

#[cfg(test)]
mod tests {
    use aws_broadcast::{BroadcastTable, IngestTargets};
    use aws_client::{Aws, AwsConfig, Trust};
    use aws_credential_types::Credentials;
    use model::BroadcastId;
    use model::broadcast::Ticket;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::ingest;
    use crate::session::Roster;

    /// Longer than anything here takes.
    const LIMIT: Duration = Duration::from_secs(30);

    /// Places of the server: more than the tickets that are asked about at a time, so that nobody is refused for want of one.
    const PLACES: u32 = 20;

    /// A server whose tables never answer, and they.
    async fn server() -> (std::net::SocketAddr, TcpListener) {
        let tables = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let aws = Aws::new(AwsConfig {
            region: "us-east-1".to_owned(),
            credentials: Credentials::new("id", "secret", None, None, "test"),
            endpoint: Some(format!("http://{}", tables.local_addr().unwrap())),
            endpoints: Default::default(),
            trust: Trust::System,
        });
        let shared = Shared {
            server: "0f1e2d".parse().unwrap(),
            table: BroadcastTable::new(&aws, "broadcasts".to_owned()),
            targets: IngestTargets::new(&aws, "channels".to_owned(), "settings".to_owned()),
            tls: ingest::client_config().unwrap(),
            ffmpeg: "/nowhere/ffmpeg".into(),
            roster: Arc::new(Roster::new(PLACES)),
        };
        let listener = bind(&Listen::Address(([127, 0, 0, 1], 0).into())).unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, None, Arc::new(shared)));
        (address, tables)
    }

    /// Asks, and gives the connection and the status.
    async fn ask(server: std::net::SocketAddr, request: &str) -> (TcpStream, String) {
        let mut stream = TcpStream::connect(server).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        timeout(LIMIT, stream.read_exact(&mut answer)).await.unwrap().unwrap();
        (stream, String::from_utf8_lossy(&answer[9..]).into_owned())
    }

    #[tokio::test]
    async fn those_whose_tickets_are_not_known_to_be_good_are_bounded_and_health_checks_get_through() {
        let (server, _tables) = server().await;
        let mut connections = Vec::new();
        loop {
            assert!(connections.len() < 16 * PLACES as usize, "they are not bounded");
            let ticket = Ticket::draw(&BroadcastId::random().unwrap()).unwrap();
            let handshake = format!(
                "GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                 sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                 sec-websocket-protocol: greenroom.broadcast.v1, greenroom.ticket.{}\r\n\r\n",
                ticket.expose()
            );
            let (stream, status) = ask(server, &handshake).await;
            if status == "503" {
                break;
            }
            assert_eq!(status, "101");
            connections.push(stream);
        }
        assert_eq!(ask(server, "GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await.1, "200");
    }
}
