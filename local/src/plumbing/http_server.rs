//! A small HTTP/1.1 server that can close a connection without an answer, which the AWS endpoint needs to stage a
//! dropped connection. Its connections end with it.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Bytes, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// An answer, or the beginning of one that goes on.
pub(crate) type Answer = Response<Body>;

/// What an answer carries.
#[derive(Debug)]
pub(crate) enum Body {
    /// All of it; nothing once it has been sent.
    Complete(Bytes),
    /// Pieces as they come, until nobody sends any more.
    Pieces(mpsc::Receiver<Bytes>),
}

impl Body {
    /// A body of which there is no more.
    pub(crate) fn complete(bytes: impl Into<Bytes>) -> Self {
        Self::Complete(bytes.into())
    }

    /// What there is of it so far.
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Complete(bytes) => bytes,
            Self::Pieces(_) => &[],
        }
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::complete(Bytes::new())
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match self.get_mut() {
            Self::Complete(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Complete(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Pieces(pieces) => pieces.poll_recv(context).map(|piece| piece.map(|piece| Ok(Frame::data(piece)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Complete(bytes) => bytes.is_empty(),
            Self::Pieces(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Complete(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Pieces(_) => SizeHint::default(),
        }
    }
}

/// Instead of an answer: the connection is closed.
#[derive(Debug)]
pub(crate) struct HangUp;

impl fmt::Display for HangUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("connection closed without an answer")
    }
}

impl std::error::Error for HangUp {}

/// How long a server waits after an accept that failed: without file descriptors, the next one fails at once.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until the returned future is dropped; every open connection is dropped with it.
pub(crate) async fn serve<H, F>(listener: TcpListener, handler: H)
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Answer, HangUp>> + Send + 'static,
{
    serve_at_most(Semaphore::MAX_PERMITS, listener, handler).await;
}

/// As [`serve`], so many connections at a time. One more is closed at once.
pub(crate) async fn serve_at_most<H, F>(connections: usize, listener: TcpListener, handler: H)
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Answer, HangUp>> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(connections));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else {
                    // For want of file descriptors, say. The next one may succeed, but not at once.
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                };
                let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
                let _ = stream.set_nodelay(true);
                let service = service_fn(handler.clone());
                connections.spawn(async move {
                    // Ends in an error when the client goes away, or with `HangUp`: nothing to tell anyone.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                    drop(place);
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Why a request's body could not be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// It is longer than the limit.
    TooLarge,
    /// The client went away.
    Interrupted,
}

/// Reads a whole body of at most `limit` bytes. A longer one is read to its end (up to 64 MB) and discarded, since a
/// client that is still sending would otherwise see a reset in place of the answer.
pub(crate) async fn read_body(body: Incoming, limit: usize) -> Result<Bytes, BodyError> {
    const DISCARD_LIMIT: usize = 64 << 20;
    let mut body = Limited::new(body, DISCARD_LIMIT);
    let mut bytes = Vec::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Err(if length > limit { BodyError::TooLarge } else { BodyError::Interrupted });
        };
        if let Some(data) = frame.data_ref() {
            length += data.len();
            if length <= limit {
                bytes.extend_from_slice(data);
            }
        }
    }
    if length > limit { Err(BodyError::TooLarge) } else { Ok(bytes.into()) }
}

/// An answer of status, content type and body.
pub(crate) fn answer(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Body::complete(body));
    *answer.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    answer.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    answer
}

/// An answer of server-sent events, which goes on until its sender is dropped or the client is gone.
pub(crate) fn events() -> (Answer, mpsc::Sender<Bytes>) {
    /// Pieces that wait for a slow client.
    const WAITING: usize = 16;
    let (tx, rx) = mpsc::channel(WAITING);
    let mut answer = Response::new(Body::Pieces(rx));
    let headers = answer.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("text/event-stream"));
    headers.insert(http::header::CACHE_CONTROL, http::HeaderValue::from_static("no-store"));
    (answer, tx)
}

/// An answer whose body is JSON.
pub(crate) fn json(status: u16, body: &serde_json::Value) -> Answer {
    answer(status, "application/json", body.to_string())
}

/// Sets one header; a value that HTTP cannot carry is left out.
pub(crate) fn set_header(answer: &mut Answer, name: &'static str, value: &str) {
    if let Ok(value) = http::HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    /// Asks on a connection that stays open; whether it is answered.
    async fn is_answered(client: &mut TcpStream) -> bool {
        let mut first = [0];
        client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.is_ok()
            && client.read(&mut first).await.is_ok_and(|read| read > 0)
    }

    #[tokio::test]
    async fn a_connection_too_many_is_closed_until_another_one_ends() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = serve_at_most(1, listener, async |_| Ok(answer(200, "text/plain", "here")));
        let server = tokio::spawn(server);
        let connect = async || TcpStream::connect(address).await.unwrap();
        let mut first = connect().await;
        assert!(is_answered(&mut first).await);
        assert!(!is_answered(&mut connect().await).await);
        drop(first);
        while !is_answered(&mut connect().await).await {}
        server.abort();
    }

    #[tokio::test]
    async fn pieces_arrive_one_by_one_and_their_sender_learns_that_the_client_is_gone() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (senders, mut sender) = mpsc::channel(1);
        let server = tokio::spawn(serve(listener, move |_| {
            let senders = senders.clone();
            async move {
                let (answer, tx) = events();
                senders.send(tx).await.unwrap();
                Ok(answer)
            }
        }));
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let pieces = sender.recv().await.unwrap();
        let mut said = Vec::new();
        for piece in [&b"data: one\n\n"[..], b"data: two\n\n"] {
            pieces.send(Bytes::from_static(piece)).await.unwrap();
            while !said.windows(piece.len()).any(|part| part == piece) {
                assert!(client.read_buf(&mut said).await.unwrap() > 0, "it goes on");
            }
        }
        assert!(String::from_utf8_lossy(&said).contains("transfer-encoding: chunked"));
        drop(client);
        pieces.closed().await;
        server.abort();
    }
}
