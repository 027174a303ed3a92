//! A connection to a chat room, as IVS Chat speaks to it: what a chat token opens.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http::HeaderValue;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::{Caller, TestApp};

/// How long anything may take on any machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection of somebody's.
pub struct ChatConnection(WebSocketStream<TcpStream>);

impl ChatConnection {
    /// Asks for a chat token there, and connects with it.
    ///
    /// # Panics
    /// When there is no token, or it opens nothing.
    pub async fn open(app: &TestApp, caller: &Caller, tokens: &str) -> Self {
        let given = caller.post(tokens, json!({})).await.expect(201).json();
        let (url, token) = (app.cloud().chat_url(), given["token"].as_str().expect("a token"));
        let stream = TcpStream::connect(url.trim_start_matches("ws://")).await.expect("the port is open");
        let mut request = url.as_str().into_client_request().expect("a URL");
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_str(token).expect("a header"));
        let (socket, _) = client_async(request, stream).await.expect("the token opens a connection");
        Self(socket)
    }

    /// Sends a message.
    ///
    /// # Panics
    /// When the connection is closed.
    pub async fn say(&mut self, content: &str) {
        let request = json!({"Action": "SEND_MESSAGE", "RequestId": "r", "Content": content});
        self.0.send(Message::text(request.to_string())).await.expect("the connection is open");
    }

    /// The next of what the room says; `null` once the connection is closed.
    ///
    /// # Panics
    /// When nothing comes for a minute.
    pub async fn hear(&mut self) -> Value {
        loop {
            match tokio::time::timeout(PATIENCE, self.0.next()).await.expect("the room says something") {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(text.as_str()).expect("JSON"),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => return Value::Null,
            }
        }
    }
}
