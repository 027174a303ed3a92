//! From an HTTP request to a WebSocket.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_TYPE, RETRY_AFTER, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::admission::Connection;
use crate::protocol::{LARGEST_CHUNK, Offer, SUBPROTOCOL};
use crate::session::{self, Drain, Shared};

/// Answers a request: `GET /health` for load balancers, and the handshake of RFC 6455 at any other path.
pub(crate) async fn answer(
    shared: Arc<Shared>,
    connection: Arc<Connection>,
    mut request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.uri().path() == "/health" {
        let drains = *shared.roster.drain().borrow() != Drain::No;
        return Ok(match drains {
            true => plain(StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
            false => plain(StatusCode::OK, "ok\n"),
        });
    }
    let headers = request.headers();
    if request.method() != Method::GET || !has(headers, &UPGRADE, "websocket") {
        let mut answer =
            plain(StatusCode::UPGRADE_REQUIRED, "this is a WebSocket server: see docs/broadcast-protocol.md\n");
        answer.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
        return Ok(answer);
    }
    let key = headers.get(SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes()));
    let accept = key.and_then(|key| HeaderValue::from_str(&key).ok());
    let (Some(accept), true) = (accept, has(headers, &SEC_WEBSOCKET_VERSION, "13")) else {
        return Ok(plain(StatusCode::BAD_REQUEST, "this is no handshake of RFC 6455\n"));
    };
    // Several such headers are one list.
    let offered: Vec<_> =
        headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok()).collect();
    let Some(offer) = Offer::read(&offered.join(",")) else {
        return Ok(plain(StatusCode::BAD_REQUEST, "the subprotocol greenroom.broadcast.v1 is not offered\n"));
    };
    let Some(newcomer) = connection.newcomer(Instant::now()) else {
        let mut answer = plain(StatusCode::SERVICE_UNAVAILABLE, "too many handshakes at once\n");
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        return Ok(answer);
    };
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        if let Ok(upgraded) = upgrade.await {
            let config = WebSocketConfig::default()
                .max_message_size(Some(LARGEST_CHUNK))
                .max_frame_size(Some(LARGEST_CHUNK))
                // A connection holds as much, whether it uses it or not.
                .read_buffer_size(16 << 10)
                .write_buffer_size(0)
                .max_write_buffer_size(64 << 10);
            let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
            session::serve(shared, socket, offer.ticket, newcomer).await;
        }
        drop(connection);
    });
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    answer.headers_mut().extend([
        (UPGRADE, HeaderValue::from_static("websocket")),
        (CONNECTION, HeaderValue::from_static("Upgrade")),
        (SEC_WEBSOCKET_ACCEPT, accept),
        (SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL)),
    ]);
    Ok(answer)
}

/// Whether a header's list has this word.
fn has(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|value| value.trim().eq_ignore_ascii_case(word))
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}
