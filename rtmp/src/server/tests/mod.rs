//! The server's session with peers that say what real encoders say, and worse.

mod connect;
mod media;
mod publish;
mod strangers;

use bytes::{Bytes, BytesMut};

use crate::{
    Error, Limits, Output, StreamKey,
    amf::Value,
    chunk::{Message, Reader, Writer},
    message::{self, Command, Said},
};

use super::*;

const KEY: &str = "sk_us-east-1_abcdef";

/// A peer made by hand, and what it has heard.
struct Peer {
    session: ServerSession,
    writer: Writer,
    reader: Reader,
    /// Answers of the handshake that are still to come.
    handshake: usize,
    events: Vec<Event>,
    heard: Vec<Command>,
    control: Vec<Message>,
    closed: bool,
    /// What it answers to a publish.
    answer: Option<Result<(), (Reject, &'static str)>>,
}

impl Peer {
    /// One that has shaken hands.
    fn new() -> Self {
        let mut peer = Self {
            session: ServerSession::new(Limits::default()),
            writer: Writer::default(),
            reader: Reader::new(Limits::default()),
            handshake: 1 + 2 * 1536,
            events: Vec::new(),
            heard: Vec::new(),
            control: Vec::new(),
            closed: false,
            answer: Some(Ok(())),
        };
        peer.bytes(&[&[3][..], &[7; 1536], &[0; 1536]].concat()).unwrap();
        assert_eq!(peer.handshake, 0);
        peer
    }

    /// One that has connected to the application `app`.
    fn connected() -> Self {
        let mut peer = Self::new();
        peer.connect("app");
        peer
    }

    /// One that is on air.
    fn publishing() -> Self {
        let mut peer = Self::connected();
        peer.publish(KEY);
        assert_eq!(peer.codes(), ["NetStream.Publish.Start"]);
        peer.events.clear();
        peer
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let result = self.session.input(bytes);
        self.drain();
        result
    }

    fn drain(&mut self) {
        while let Some(output) = self.session.poll() {
            assert!(!self.closed, "something follows Close");
            match output {
                Output::Transmit(bytes) => self.hear(&bytes),
                Output::Event(event) => {
                    let asks = matches!(event, Event::Publish { .. });
                    self.events.push(event);
                    match self.answer {
                        Some(Ok(())) if asks => self.session.accept_publish(),
                        Some(Err((reject, why))) if asks => self.session.reject_publish(reject, why),
                        _ => {}
                    }
                }
                Output::Close => self.closed = true,
            }
        }
    }

    fn hear(&mut self, mut bytes: &[u8]) {
        let handshake = self.handshake.min(bytes.len());
        self.handshake -= handshake;
        bytes = &bytes[handshake..];
        while let Some(message) = self.reader.read(&mut bytes).unwrap() {
            match message::read(message.clone(), usize::MAX).unwrap() {
                Said::Command(command) => self.heard.push(command),
                _ => self.control.push(message),
            }
        }
    }

    fn send(&mut self, chunk_stream: u32, message: &Message) -> Result<(), Error> {
        let mut bytes = BytesMut::new();
        self.writer.write(chunk_stream, message, &mut bytes);
        self.bytes(&bytes)
    }

    fn command(&mut self, command: Command) -> Result<(), Error> {
        self.send(3, &command.message())
    }

    fn call(&mut self, name: &str, transaction: f64, arguments: &[Value]) {
        self.command(Command::new(0, name, transaction, arguments.to_vec())).unwrap();
    }

    fn connect(&mut self, app: &str) {
        self.call("connect", 1.0, &[object(&[("app", text(app))])]);
        self.heard.clear();
    }

    fn publish(&mut self, name: &str) {
        self.heard.clear();
        self.command(publish(name)).unwrap();
    }

    /// The codes of what was heard.
    fn codes(&self) -> Vec<&str> {
        self.heard.iter().filter_map(|command| command.arguments.get(1)?.field("code")?.as_str()).collect()
    }

    /// The description of the last thing that was heard.
    fn description(&self) -> &str {
        self.heard.last().and_then(|command| command.arguments.get(1)?.field("description")?.as_str()).unwrap()
    }
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn object(fields: &[(&str, Value)]) -> Value {
    message::object(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
}

fn publish(name: &str) -> Command {
    Command::new(1, "publish", 5.0, vec![Value::Null, text(name), text("live")])
}

fn frame(timestamp: u32) -> Message {
    message::video(1, timestamp, Bytes::from_static(b"\x27\x01\x00\x00\x00\x00\x00\x00\x01\x41"))
}
