//! Against servers that are less kind than ours.

use bytes::{Bytes, BytesMut};

use crate::{
    Error, Limits, Output,
    amf::Value,
    chunk::{Message, Reader, Writer},
    handshake,
    message::{self, Command, Said},
};

use super::*;

/// A server made by hand: shakes hands, then says what it is given.
struct Server {
    client: ClientSession,
    writer: Writer,
    reader: Reader,
    heard: Vec<Message>,
    happened: Vec<Event>,
    closed: bool,
}

impl Server {
    fn new() -> Self {
        let client = session();
        let (writer, reader) = (Writer::default(), Reader::new(Limits::default()));
        let mut server = Self { client, writer, reader, heard: Vec::new(), happened: Vec::new(), closed: false };
        assert_eq!(server.client.poll(), Some(Output::Transmit(handshake::hello())));
        server.client.input(&[&[3][..], &[7; 1536]].concat()).unwrap();
        assert_eq!(server.client.poll(), Some(Output::Transmit(Bytes::from(vec![7; 1536]))));
        server.client.input(&[0; 1536]).unwrap();
        server.drain();
        server
    }

    fn drain(&mut self) {
        while let Some(output) = self.client.poll() {
            match output {
                Output::Transmit(bytes) => {
                    let mut bytes = &bytes[..];
                    while let Some(message) = self.reader.read(&mut bytes).unwrap() {
                        if let Said::ChunkSize(size) = message::read(message.clone(), usize::MAX).unwrap() {
                            self.reader.set_chunk_size(size).unwrap();
                        }
                        self.heard.push(message);
                    }
                }
                Output::Event(event) => self.happened.push(event),
                Output::Close => self.closed = true,
            }
        }
    }

    fn say(&mut self, message: &Message) {
        let mut bytes = BytesMut::new();
        self.writer.write(3, message, &mut bytes);
        self.client.input(&bytes).unwrap();
        self.drain();
    }

    fn answer(&mut self, name: &str, transaction: f64, arguments: &[Value]) {
        self.say(&Command::new(0, name, transaction, arguments.to_vec()).message());
    }

    fn refuse(&mut self, name: &str, transaction: f64, code: &str, description: &str) {
        let information = message::object(message::information("error", code, description));
        self.answer(name, transaction, &[Value::Null, information]);
    }

    /// The names of the commands that were heard.
    fn names(&self) -> Vec<String> {
        let name = |message: &Message| match message::read(message.clone(), usize::MAX) {
            Ok(Said::Command(command)) => Some(command.name),
            _ => None,
        };
        self.heard.iter().filter_map(name).collect()
    }
}

#[test]
fn a_publisher_says_what_publishers_say() {
    let mut server = Server::new();
    assert_eq!(server.names(), ["connect"]);
    server.answer("onBWDone", 0.0, &[Value::Null]);
    server.answer("_result", 1.0, &[Value::Null, Value::Null]);
    // The answers to the others are of no interest, nor is their lack.
    server.answer("_error", 2.0, &[Value::Null, Value::Null]);
    server.answer("_result", 4.0, &[Value::Null, Value::Number(3.0)]);
    assert_eq!(server.names(), ["connect", "releaseStream", "FCPublish", "createStream", "publish"]);
    assert_eq!(server.heard.last().map(|message| message.stream), Some(3));
    server.heard.clear();
    server.client.unpublish();
    server.drain();
    assert_eq!(server.names(), ["FCUnpublish", "deleteStream"]);
    assert!(server.closed);
}

#[test]
fn a_refused_connection_is_told() {
    let mut server = Server::new();
    server.refuse("_error", 1.0, "NetConnection.Connect.Rejected", "no");
    let (code, description) = ("NetConnection.Connect.Rejected".to_owned(), "no".to_owned());
    assert_eq!(server.happened, [Event::Rejected { code, description }]);
    assert!(server.closed);
}

#[test]
fn a_refusal_that_gives_no_reason_is_one() {
    let mut server = Server::new();
    server.answer("_result", 1.0, &[]);
    server.answer("_error", 4.0, &[]);
    let rejected = Event::Rejected { code: String::new(), description: String::new() };
    assert_eq!(server.happened, [Event::Connected, rejected]);
}

#[test]
fn a_description_of_the_server_loses_the_key() {
    for description in ["no stream sk_secret?token=1 here", "no stream sk_secret here"] {
        let mut server = Server::new();
        server.answer("_result", 1.0, &[]);
        server.answer("_result", 4.0, &[Value::Null, Value::Number(1.0)]);
        server.refuse("onStatus", 0.0, "NetStream.Publish.BadName", description);
        let rejected = format!("{:?} {:?}", server.happened, server.client);
        assert!(rejected.contains("no stream (the stream key) here") && !rejected.contains("sk_secret"), "{rejected}");
    }
}

#[test]
fn windows_pings_and_go_away_are_dealt_with() {
    let mut server = Server::new();
    server.heard.clear();
    server.say(&message::peer_bandwidth(5_000_000));
    server.say(&Message { timestamp: 0, kind: 4, stream: 0, body: Bytes::from_static(b"\x00\x06abcd") });
    server.say(&Message { timestamp: 0, kind: 32, stream: 0, body: Bytes::new() });
    assert_eq!(server.heard, [message::window(5_000_000), message::pong(*b"abcd")]);
    assert!(!server.closed);
}

#[test]
fn a_server_that_speaks_something_else_is_an_error() {
    let mut client = session();
    assert_eq!(client.input(b"HTTP/1.1 400 Bad Request"), Err(Error::Http));
    assert!(matches!(client.poll(), Some(Output::Transmit(_))));
    assert_eq!(client.poll(), Some(Output::Close));
}
