//! Somebody who chats, as the clients of IVS Chat do: over its messaging API.

use std::collections::VecDeque;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{ClientRequestBuilder, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::app::{TestApp, WAIT_LIMIT};
use crate::http::Caller;

/// A connection to a chat room.
pub struct Chatter {
    socket: WebSocketStream<TcpStream>,
    requests: usize,
    /// What came while the answer to a request was waited for.
    heard: VecDeque<Value>,
}

impl Chatter {
    /// Connects with a token of a user's: `path` is where it comes from, such as `/stages/demo/chat-tokens`.
    ///
    /// # Panics
    /// When there is no token, or no connection by it.
    pub async fn enter(app: &TestApp, caller: &Caller, path: &str) -> Self {
        let given = caller.post(path, json!({})).await.expect(201).json();
        let token = given["token"].as_str().expect("there is a token");
        let url = app.cloud().chat_url();
        let address = url.strip_prefix("ws://").expect("no TLS on one machine");
        let stream = TcpStream::connect(address).await.expect("the chat is there");
        let request = ClientRequestBuilder::new(url.parse().expect("a URL")).with_sub_protocol(token);
        let (socket, _) = client_async(request, stream).await.expect("the token opens a connection");
        Self { socket, requests: 0, heard: VecDeque::new() }
    }

    /// Sends a message: how it came back to its sender, or the number and the text of the refusal.
    ///
    /// # Errors
    /// What was refused.
    ///
    /// # Panics
    /// When nothing is answered.
    pub async fn say(&mut self, text: &str) -> Result<Value, (u64, String)> {
        self.say_with(text, json!({})).await
    }

    /// The same with attributes.
    ///
    /// # Errors
    /// As [`Self::say`].
    ///
    /// # Panics
    /// As [`Self::say`].
    pub async fn say_with(&mut self, text: &str, attributes: Value) -> Result<Value, (u64, String)> {
        self.requests += 1;
        let id = format!("request-{}", self.requests);
        let request = json!({"Action": "SEND_MESSAGE", "RequestId": id, "Content": text, "Attributes": attributes});
        self.socket.send(Message::text(request.to_string())).await.expect("the connection is open");
        loop {
            let frame = self.next().await;
            if frame["RequestId"] != id.as_str() {
                self.heard.push_back(frame);
            } else if frame["Type"] == "ERROR" {
                let code = frame["ErrorCode"].as_u64().expect("a number");
                return Err((code, frame["ErrorMessage"].as_str().expect("a text").to_owned()));
            } else {
                return Ok(frame);
            }
        }
    }

    /// What is heard next.
    ///
    /// # Panics
    /// When there is nothing more to be heard.
    pub async fn hear(&mut self) -> Value {
        match self.heard.pop_front() {
            Some(frame) => frame,
            None => self.next().await,
        }
    }

    async fn next(&mut self) -> Value {
        let frame = timeout(WAIT_LIMIT, self.socket.next()).await.expect("something is heard");
        let frame = frame.expect("the connection is open").expect("the connection is whole");
        serde_json::from_str(frame.to_text().expect("a text")).expect("JSON")
    }
}
