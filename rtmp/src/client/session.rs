//! The session.

use std::fmt;

use bytes::Bytes;

use crate::{
    Error, Limits, Output, StreamKey,
    amf::Value,
    chunk::Message,
    connection::{Connection, Incoming},
    message::{self, Command, Said},
};

use super::event::Event;

/// The chunk streams of media, as FFmpeg has them.
const DATA: u32 = 5;
const AUDIO: u32 = 4;
const VIDEO: u32 = 6;
/// Few headers, and audio need not wait long for video that is being sent.
const CHUNK_SIZE: u32 = 4096;
/// Transactions.
const CONNECT: f64 = 1.0;
const RELEASE_STREAM: f64 = 2.0;
const FC_PUBLISH: f64 = 3.0;
const CREATE_STREAM: f64 = 4.0;
const PUBLISH: f64 = 5.0;
const FC_UNPUBLISH: f64 = 6.0;
const DELETE_STREAM: f64 = 7.0;

/// A publisher's side of a connection.
pub struct ClientSession {
    connection: Connection<Event>,
    state: State,
    app: String,
    tc_url: String,
    key: StreamKey,
    error: Option<Error>,
}

/// What is awaited of the server, and the message stream once there is one.
#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Handshake,
    Connect,
    CreateStream,
    Publish(u32),
    Published(u32),
    Closed,
}

impl ClientSession {
    /// A session that connects to an application and publishes under the key. `tc_url` is the URL up to the application. Poll it
    /// at once: the client speaks first.
    pub fn new(app: &str, tc_url: &str, key: StreamKey) -> Self {
        Self {
            connection: Connection::client(Limits::default()),
            state: State::Handshake,
            app: app.to_owned(),
            tc_url: tc_url.to_owned(),
            key,
            error: None,
        }
    }

    /// Takes bytes of the server. After an error, close.
    pub fn input(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        while !self.connection.is_closed() {
            match self.connection.read(&mut bytes) {
                Ok(Some(Incoming::Ready)) => self.connect(),
                Ok(Some(Incoming::Said(said))) => self.handle_message(said),
                Ok(None) => break,
                Err(error) => {
                    self.error = Some(error);
                    self.close();
                }
            }
        }
        self.error.clone().map_or(Ok(()), Err)
    }

    /// What is to be done next, until there is nothing.
    pub fn poll(&mut self) -> Option<Output<Event>> {
        self.connection.poll()
    }

    /// Sends `onMetaData`. Fails unless published.
    pub fn metadata(&mut self, fields: Vec<(String, Value)>) -> Result<(), Error> {
        let stream = self.published()?;
        let values = [Value::String("@setDataFrame".into()), Value::String("onMetaData".into()), Value::Map(fields)];
        self.send(DATA, &message::data(stream, &values))
    }

    /// Sends the body of a video message: see [`VideoCodec`](crate::flv::VideoCodec). Fails unless published, and for a body
    /// that no server would take.
    pub fn video(&mut self, timestamp: u32, body: Bytes) -> Result<(), Error> {
        let stream = self.published()?;
        self.send(VIDEO, &message::video(stream, timestamp, body))
    }

    /// Sends the body of an audio message: see [`aac_frame`](crate::flv::aac_frame). Fails as `video` does.
    pub fn audio(&mut self, timestamp: u32, body: Bytes) -> Result<(), Error> {
        let stream = self.published()?;
        self.send(AUDIO, &message::audio(stream, timestamp, body))
    }

    /// Ends the publish, and closes.
    pub fn unpublish(&mut self) {
        if let State::Publish(stream) | State::Published(stream) = self.state {
            self.call("FCUnpublish", FC_UNPUBLISH, vec![Value::Null, self.key_value()]);
            self.call("deleteStream", DELETE_STREAM, vec![Value::Null, Value::Number(stream.into())]);
        }
        self.close();
    }

    /// How many bytes of the server it holds.
    pub fn buffered(&self) -> usize {
        self.connection.buffered()
    }

    fn published(&self) -> Result<u32, Error> {
        if let State::Published(stream) = self.state { Ok(stream) } else { Err(Error::NotPublishing) }
    }

    fn send(&mut self, chunk_stream: u32, message: &Message) -> Result<(), Error> {
        let (length, limit) = (message.body.len(), self.connection.limits().message);
        if length > limit {
            return Err(Error::MessageTooLong { length, limit });
        }
        self.connection.send(chunk_stream, message);
        Ok(())
    }

    fn handle_message(&mut self, said: Said) {
        match said {
            // It is answered with a window of ours, as by FFmpeg.
            Said::PeerBandwidth(size) => self.connection.control(&message::window(size)),
            Said::Command(command) => self.handle_command(&command),
            _ => {}
        }
    }

    /// Takes an answer or a notice.
    fn handle_command(&mut self, command: &Command) {
        let transaction = command.transaction;
        match (command.name.as_str(), self.state) {
            ("_result", State::Connect) if transaction == CONNECT => self.create_stream(),
            ("_result", State::CreateStream) if transaction == CREATE_STREAM => {
                let stream = command.arguments.get(1).and_then(Value::as_number).unwrap_or(1.0);
                self.publish(stream as u32);
            }
            ("_error", State::Connect) if transaction == CONNECT => self.end(command, true),
            ("_error", State::CreateStream) if transaction == CREATE_STREAM => self.end(command, true),
            ("onStatus", State::Publish(stream)) => match self.status(command) {
                (_, code, _) if code == "NetStream.Publish.Start" => {
                    self.state = State::Published(stream);
                    self.connection.event(Event::Published);
                }
                (true, ..) => self.end(command, true),
                _ => {}
            },
            ("onStatus", State::Published(_)) => match self.status(command) {
                (error, code, _) if error || code == "NetStream.Unpublish.Success" => self.end(command, false),
                _ => {}
            },
            _ => {}
        }
    }

    fn connect(&mut self) {
        self.state = State::Connect;
        self.connection.set_chunk_size(CHUNK_SIZE);
        let fields = [
            ("app", self.app.as_str()),
            ("type", "nonprivate"),
            ("flashVer", "FMLE/3.0 (compatible; Greenroom)"),
            ("tcUrl", self.tc_url.as_str()),
        ];
        let fields = fields.map(|(name, text)| (name.to_owned(), Value::String(text.to_owned())));
        let object = message::object(fields.into());
        self.connection.command(Command::new(0, "connect", CONNECT, vec![object]));
    }

    fn create_stream(&mut self) {
        self.state = State::CreateStream;
        self.connection.event(Event::Connected);
        self.call("releaseStream", RELEASE_STREAM, vec![Value::Null, self.key_value()]);
        self.call("FCPublish", FC_PUBLISH, vec![Value::Null, self.key_value()]);
        self.call("createStream", CREATE_STREAM, vec![Value::Null]);
    }

    fn publish(&mut self, stream: u32) {
        self.state = State::Publish(stream);
        let arguments = vec![Value::Null, self.key_value(), Value::String("live".into())];
        self.connection.command(Command::new(stream, "publish", PUBLISH, arguments));
    }

    fn end(&mut self, command: &Command, rejected: bool) {
        let (_, code, description) = self.status(command);
        self.connection.event(match rejected {
            true => Event::Rejected { code, description },
            false => Event::Stopped { code, description },
        });
        self.close();
    }

    fn close(&mut self) {
        self.state = State::Closed;
        self.connection.close();
    }

    fn call(&mut self, name: &str, transaction: f64, arguments: Vec<Value>) {
        self.connection.command(Command::new(0, name, transaction, arguments));
    }

    fn key_value(&self) -> Value {
        Value::String(self.key.expose().to_owned())
    }

    /// Whether a notice is of an error, its code, and its description. Servers may repeat the key in them.
    fn status(&self, command: &Command) -> (bool, String, String) {
        let information = command.arguments.iter().find(|value| value.field("code").is_some());
        let text = |name| information.and_then(|value| value.field(name)?.as_str()).unwrap_or_default();
        let key = self.key.expose();
        let bare = key.split_once('?').map_or(key, |(bare, _)| bare);
        let redacted = |text: &str| match bare {
            "" => text.to_owned(),
            _ => text.replace(key, "(the stream key)").replace(bare, "(the stream key)"),
        };
        (text("level") == "error", redacted(text("code")), redacted(text("description")))
    }
}

/// Shows nothing of what was said, which holds the key.
impl fmt::Debug for ClientSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientSession({:?}, {} bytes)", self.state, self.buffered())
    }
}
