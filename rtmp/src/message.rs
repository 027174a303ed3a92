//! What messages mean.

use bytes::{BufMut, Bytes, BytesMut};

use crate::{
    Error,
    amf::{Object, Value, amf0, amf3},
    chunk::Message,
    cursor::Cursor,
};

const SET_CHUNK_SIZE: u8 = 1;
const ABORT: u8 = 2;
const ACKNOWLEDGEMENT: u8 = 3;
const USER_CONTROL: u8 = 4;
const WINDOW: u8 = 5;
const PEER_BANDWIDTH: u8 = 6;
const AUDIO: u8 = 8;
const VIDEO: u8 = 9;
const DATA_AMF3: u8 = 15;
const COMMAND_AMF3: u8 = 17;
const DATA: u8 = 18;
const COMMAND: u8 = 20;
/// User control: is somebody there?
const PING_REQUEST: u16 = 6;
const PING_RESPONSE: u16 = 7;

/// What a peer says.
#[derive(Clone, PartialEq)]
pub(crate) enum Said {
    /// How long its chunks are from now on.
    ChunkSize(u32),
    /// A chunk stream's unfinished message will not be finished.
    Abort(u32),
    /// After how many bytes it wants to hear that they came.
    Window(u32),
    /// After how many bytes it would say so itself.
    PeerBandwidth(u32),
    /// It wants these bytes back.
    Ping([u8; 4]),
    Command(Command),
    Data(Vec<Value>),
    Audio {
        timestamp: u32,
        body: Bytes,
    },
    Video {
        timestamp: u32,
        body: Bytes,
    },
    /// What needs no answer and tells nothing, such as Go Away (32) and shared objects.
    Other,
}

/// A call, or the answer to one.
#[derive(Clone, PartialEq)]
pub(crate) struct Command {
    /// In which kind of message it came; so does the answer.
    pub(crate) kind: u8,
    pub(crate) stream: u32,
    pub(crate) name: String,
    pub(crate) transaction: f64,
    /// The command's object (or null), and what follows.
    pub(crate) arguments: Vec<Value>,
}

/// Reads a message. Fails for a control message that is too short and a command that cannot be read or is too long.
pub(crate) fn read(message: Message, longest_command: usize) -> Result<Said, Error> {
    let Message { timestamp, kind, stream, body } = message;
    let number = || Cursor(&body).u32().ok_or(Error::ControlTooShort);
    if matches!(kind, DATA_AMF3 | DATA | COMMAND_AMF3 | COMMAND) && body.len() > longest_command {
        return Err(Error::CommandTooLong { length: body.len(), limit: longest_command });
    }
    Ok(match kind {
        SET_CHUNK_SIZE => Said::ChunkSize(number()?),
        ABORT => Said::Abort(number()?),
        WINDOW => Said::Window(number()?),
        PEER_BANDWIDTH => Said::PeerBandwidth(number()?),
        USER_CONTROL => ping(Cursor(&body)).map_or(Said::Other, Said::Ping),
        // Empty ones keep a connection alive.
        AUDIO if !body.is_empty() => Said::Audio { timestamp, body },
        VIDEO if !body.is_empty() => Said::Video { timestamp, body },
        COMMAND | COMMAND_AMF3 => Said::Command(command(kind, stream, values(kind, &body)?)?),
        // What is said of the media is of less use than the media.
        DATA | DATA_AMF3 => values(kind, &body).map_or(Said::Other, Said::Data),
        _ => Said::Other,
    })
}

fn ping(mut body: Cursor<'_>) -> Option<[u8; 4]> {
    if body.u16()? == PING_REQUEST { body.array() } else { None }
}

fn values(kind: u8, body: &[u8]) -> Result<Vec<Value>, Error> {
    Ok(match (kind, body) {
        // The format's number, 0, then AMF0, which may go over to AMF3 in each value. So Flash does it.
        (COMMAND_AMF3 | DATA_AMF3, [0, amf0 @ ..]) => amf0::read(amf0)?,
        // Without that number: a name of AMF0, or of AMF3.
        (COMMAND_AMF3 | DATA_AMF3, [first, ..]) if *first != 2 => amf3::read(body)?,
        _ => amf0::read(body)?,
    })
}

fn command(kind: u8, stream: u32, values: Vec<Value>) -> Result<Command, Error> {
    let mut values = values.into_iter();
    let Some(Value::String(name)) = values.next() else { return Err(Error::Unexpected("a command has no name")) };
    let transaction = values.next().and_then(|value| value.as_number()).unwrap_or_default();
    Ok(Command { kind, stream, name, transaction, arguments: values.collect() })
}

impl Command {
    /// A command of AMF0.
    pub(crate) fn new(stream: u32, name: &str, transaction: f64, arguments: Vec<Value>) -> Self {
        Self { kind: COMMAND, stream, name: name.to_owned(), transaction, arguments }
    }

    /// An answer or a notice about this command.
    pub(crate) fn answer(&self, name: &str, transaction: f64, arguments: Vec<Value>) -> Self {
        Self { kind: self.kind, stream: self.stream, name: name.to_owned(), transaction, arguments }
    }

    pub(crate) fn message(self) -> Message {
        let Self { kind, stream, name, transaction, arguments } = self;
        let mut values = vec![Value::String(name), Value::Number(transaction)];
        values.extend(arguments);
        let mut body = BytesMut::new();
        if kind == COMMAND_AMF3 {
            body.put_u8(0);
        }
        body.put_slice(&amf0::write(&values));
        Message { timestamp: 0, kind, stream, body: body.freeze() }
    }
}

/// What an answer says about success or failure.
pub(crate) fn information(level: &str, code: &str, description: &str) -> Vec<(String, Value)> {
    [("level", level), ("code", code), ("description", description)]
        .map(|(name, text)| (name.to_owned(), Value::String(text.to_owned())))
        .into()
}

/// A plain object.
pub(crate) fn object(fields: Vec<(String, Value)>) -> Value {
    Value::Object(Object { class: String::new(), fields })
}

pub(crate) fn chunk_size(size: u32) -> Message {
    control(SET_CHUNK_SIZE, &size.to_be_bytes())
}

pub(crate) fn acknowledgement(received: u32) -> Message {
    control(ACKNOWLEDGEMENT, &received.to_be_bytes())
}

pub(crate) fn window(size: u32) -> Message {
    control(WINDOW, &size.to_be_bytes())
}

pub(crate) fn peer_bandwidth(size: u32) -> Message {
    let [a, b, c, d] = size.to_be_bytes();
    // 2: dynamic.
    control(PEER_BANDWIDTH, &[a, b, c, d, 2])
}

pub(crate) fn pong([a, b, c, d]: [u8; 4]) -> Message {
    let [kind, response] = PING_RESPONSE.to_be_bytes();
    control(USER_CONTROL, &[kind, response, a, b, c, d])
}

fn control(kind: u8, body: &[u8]) -> Message {
    Message { timestamp: 0, kind, stream: 0, body: Bytes::copy_from_slice(body) }
}

pub(crate) fn data(stream: u32, values: &[Value]) -> Message {
    Message { timestamp: 0, kind: DATA, stream, body: amf0::write(values) }
}

pub(crate) fn audio(stream: u32, timestamp: u32, body: Bytes) -> Message {
    Message { timestamp, kind: AUDIO, stream, body }
}

pub(crate) fn video(stream: u32, timestamp: u32, body: Bytes) -> Message {
    Message { timestamp, kind: VIDEO, stream, body }
}
