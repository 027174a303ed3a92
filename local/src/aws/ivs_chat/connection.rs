//! One client's connection to a room.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http::header::{HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::sleep;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};

use super::IvsChat;
use super::hub::Signal;
use super::message::{check_attributes, deletion, disconnection, error, id, message};
use super::review::{Draft, Verdict, review};
use super::state::{Room, Token};
use super::token::redeem;
use crate::aws::lambda::Lambda;
use crate::plumbing::clock;
use crate::plumbing::state_file::SaveError;
use crate::plumbing::token_bucket::TokenBucket;

/// Requests a second that a connection may make.
const REQUESTS: f64 = 10.0;

pub(super) struct Connection {
    pub(super) chat: Arc<IvsChat>,
    pub(super) lambda: Arc<Lambda>,
    pub(super) token: Token,
    pub(super) ip: String,
}

/// The handshake. `None`: there is no good token, and the client was told so.
pub(super) async fn accept(stream: TcpStream, chat: &IvsChat) -> Option<(WebSocketStream<TcpStream>, Token)> {
    let mut redeemed = None;
    #[expect(clippy::result_large_err, reason = "the library's signature")]
    let check = |request: &Request, mut response: Response| {
        let offered = request.headers().get(SEC_WEBSOCKET_PROTOCOL).and_then(|offered| offered.to_str().ok());
        let offered = offered.and_then(|offered| offered.split(',').next()).unwrap_or_default().trim().to_owned();
        let token = chat.rooms.change(|state| Ok::<_, SaveError>(redeem(state, &offered, clock::now())));
        match (token.ok().flatten(), HeaderValue::from_str(&offered)) {
            (Some(token), Ok(chosen)) => {
                // A client whose protocol is not chosen ends the connection.
                response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, chosen);
                redeemed = Some(token);
                Ok(response)
            }
            _ => {
                let mut refusal = ErrorResponse::new(Some("the token is not valid, or was used".to_owned()));
                *refusal.status_mut() = http::StatusCode::UNAUTHORIZED;
                Err(refusal)
            }
        }
    };
    let socket = tokio_tungstenite::accept_hdr_async(stream, check).await.ok()?;
    Some((socket, redeemed?))
}

impl Connection {
    /// Serves a client until the session ends, the client goes, or is sent away.
    pub(super) async fn serve(self, mut socket: WebSocketStream<TcpStream>) {
        let most = self.chat.rooms.lock_quotas().limits.connections;
        let Some((id, mut signals)) = self.chat.hub.join(&self.token.room, &self.token.user_id, most) else {
            drop(socket.close(None).await);
            return;
        };
        // The room may have gone between the handshake and here.
        if self.room().is_none() {
            self.chat.hub.leave(id);
            drop(socket.close(None).await);
            return;
        }
        let left = Duration::try_from(self.token.session_ends - clock::now()).unwrap_or_default();
        let mut end = pin!(sleep(left));
        let mut requests = TokenBucket::new(REQUESTS, REQUESTS);
        loop {
            tokio::select! {
                () = &mut end => break,
                signal = signals.recv() => match signal {
                    Some(Signal::Frame(text)) => {
                        if socket.send(Message::text(text)).await.is_err() {
                            break;
                        }
                    }
                    Some(Signal::Close) | None => break,
                },
                received = socket.next() => match received {
                    Some(Ok(Message::Text(text))) => {
                        let is_in_time = requests.take(clock::now());
                        let refusal = self.answer(text.as_str(), is_in_time).await;
                        if let Some(refusal) = refusal
                            && socket.send(Message::text(refusal.to_string())).await.is_err()
                        {
                            break;
                        }
                    }
                    Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                    Some(Ok(_)) => {}
                },
            }
        }
        self.chat.hub.leave(id);
        drop(socket.close(None).await);
    }

    fn room(&self) -> Option<Room> {
        self.chat.rooms.read(|state| state.rooms.get(&self.token.room).cloned())
    }

    /// Carries out a client's request; what it answers besides what everybody is told is a refusal.
    async fn answer(&self, text: &str, is_in_time: bool) -> Option<Value> {
        let Ok(request) = serde_json::from_str::<Value>(text) else {
            return Some(error(400, "the request is no JSON", ""));
        };
        let id = request["RequestId"].as_str().unwrap_or_default();
        if !is_in_time {
            return Some(error(429, "Too many requests of this connection", id));
        }
        let done = match request["Action"].as_str() {
            Some("SEND_MESSAGE") => self.send(&request, id).await,
            Some("DELETE_MESSAGE") => self.delete(&request, id),
            Some("DISCONNECT_USER") => self.disconnect(&request, id),
            _ => Err((400, "the Action is unknown".to_owned())),
        };
        done.err().map(|(code, what)| error(code, &what, id))
    }

    fn may(&self, capability: &str) -> Result<(), (u16, String)> {
        if self.token.capabilities.iter().any(|has| has == capability) {
            return Ok(());
        }
        Err((403, format!("the token has no capability {capability}")))
    }

    async fn send(&self, request: &Value, request_id: &str) -> Result<(), (u16, String)> {
        self.may("SEND_MESSAGE")?;
        let room = self.room().ok_or((404, "the room is gone".to_owned()))?;
        let content = request["Content"].as_str().filter(|content| !content.is_empty());
        let content = content.ok_or((400, "the Content is missing".to_owned()))?;
        let length = content.chars().count();
        if i64::try_from(length).unwrap_or(i64::MAX) > room.longest {
            return Err((413, format!("the message has {length} characters, more than {}", room.longest)));
        }
        let attributes = attributes(&request["Attributes"])?;
        if !self.chat.hub.takes_message(&self.token.room, room.rate, clock::now()) {
            return Err((429, "Too many messages in this room".to_owned()));
        }
        let message_id = id();
        let verdict = match &room.review {
            None => Verdict::Allow { content: content.to_owned(), attributes },
            Some(handler) => {
                let draft = Draft { id: &message_id, content, attributes: &attributes, ip: &self.ip };
                let limit = self.chat.rooms.lock_quotas().limits.review;
                let limit = Duration::from_millis(u64::try_from(limit).unwrap_or(u64::MAX));
                review(&self.lambda, handler, &self.token, &draft, limit).await
            }
        };
        match verdict {
            Verdict::Allow { content, attributes } => {
                let frame = message(&message_id, &self.token, &content, &attributes, request_id, clock::now());
                self.chat.hub.tell(&self.token.room, &frame);
                Ok(())
            }
            Verdict::Deny(reason) => Err((406, reason.unwrap_or_else(|| "the message was denied".to_owned()))),
        }
    }

    fn delete(&self, request: &Value, request_id: &str) -> Result<(), (u16, String)> {
        self.may("DELETE_MESSAGE")?;
        let message = request["Id"].as_str().filter(|id| id.len() == 12);
        let message = message.ok_or((400, "the Id is not that of a message".to_owned()))?;
        let frame = deletion(message, request["Reason"].as_str(), request_id, clock::now());
        self.chat.hub.tell(&self.token.room, &frame);
        Ok(())
    }

    fn disconnect(&self, request: &Value, request_id: &str) -> Result<(), (u16, String)> {
        self.may("DISCONNECT_USER")?;
        let user_id = request["UserId"].as_str().filter(|id| (1..=128).contains(&id.chars().count()));
        let user_id = user_id.ok_or((400, "the UserId is missing".to_owned()))?;
        let frame = disconnection(user_id, request["Reason"].as_str(), request_id, clock::now());
        self.chat.hub.disconnect(&self.token.room, user_id, &frame);
        Ok(())
    }
}

/// The attributes of a message, which are texts.
fn attributes(given: &Value) -> Result<Value, (u16, String)> {
    if given.is_null() {
        return Ok(json!({}));
    }
    let attributes: BTreeMap<String, String> =
        serde_json::from_value(given.clone()).map_err(|_| (400, "the Attributes are not texts".to_owned()))?;
    check_attributes(&attributes).map_err(|what| (413, what))?;
    Ok(given.clone())
}
