//! The readers, and what must hold whatever they read. Each says whether it took the bytes.

use bytes::{Bytes, BytesMut};
use rtmp::{
    ClientSession, Error, Limits, Output, ServerSession, StreamKey,
    amf::{self, Value},
    chunk::Reader,
    client, flv, server,
};

use crate::mutate::Random;

/// A handshake is held beside what the limits speak of.
const HANDSHAKE: usize = 1537;
/// What may be said for each byte that was heard, and beside.
const ANSWERS: usize = 16;
const FIRST_ANSWERS: usize = 8 << 10;

/// Small ones, so that they are met.
fn limits() -> Limits {
    Limits { message: 6000, chunk_streams: 8, command: 600, buffered: 9000 }
}

/// Gives the bytes in pieces.
fn pieces<'a>(mut bytes: &'a [u8], random: &mut Random) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    // Byte by byte seldom, as it takes long.
    let most = [1, 40, 700, 700, usize::MAX, usize::MAX, usize::MAX, usize::MAX][random.below(8)];
    let mut seed = Random::new(random.next());
    std::iter::from_fn(move || {
        let (piece, rest) = bytes.split_at((1 + seed.below(most)).min(bytes.len()));
        bytes = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

pub(crate) fn server(bytes: &[u8], random: &mut Random) -> bool {
    let mut session = ServerSession::new(limits());
    let (mut heard, mut said, mut events, mut result) = (0, 0, 0, Ok(()));
    // From time to time the answer is late, or no.
    let manner = random.below(8);
    for piece in pieces(bytes, random) {
        heard += piece.len();
        result = session.input(piece);
        if manner == 1 {
            session.accept_publish();
        }
        let mut closed = false;
        while let Some(output) = session.poll() {
            assert!(!closed, "something follows Close");
            match output {
                Output::Transmit(bytes) => said += bytes.len(),
                Output::Event(event) => {
                    events += 1;
                    match event {
                        server::Event::Publish { .. } if manner > 2 => session.accept_publish(),
                        server::Event::Publish { .. } if manner == 2 => {
                            session.reject_publish(server::Reject::BadName, "no");
                        }
                        server::Event::Connect { .. } if manner == 3 && random.below(4) == 0 => {
                            session.reject_connect("no")
                        }
                        server::Event::Video { body, .. } => drop(flv::video(body)),
                        server::Event::Audio { body, .. } => drop(flv::audio(body)),
                        server::Event::Unpublish if manner == 4 => session.stop(),
                        _ => {}
                    }
                }
                Output::Close => closed = true,
            }
        }
        assert!(session.buffered() <= limits().buffered + HANDSHAKE, "{} bytes are held", session.buffered());
        assert!(events <= heard, "{events} events of {heard} bytes");
        assert!(said <= FIRST_ANSWERS + heard * ANSWERS, "{said} bytes are said for {heard}");
        if closed {
            assert_eq!(session.input(b"more").err(), session.error().cloned());
            break;
        }
    }
    shows_nothing(&result);
    result.is_ok()
}

pub(crate) fn client(bytes: &[u8], random: &mut Random) -> bool {
    let mut session = ClientSession::new("app", "rtmp://localhost/app", StreamKey::new("sk_key".into()));
    let (mut heard, mut said, mut result) = (0, 0, Ok(()));
    for piece in pieces(bytes, random) {
        heard += piece.len();
        result = session.input(piece);
        let mut closed = false;
        while let Some(output) = session.poll() {
            assert!(!closed, "something follows Close");
            match output {
                Output::Transmit(bytes) => said += bytes.len(),
                Output::Event(client::Event::Published) => {
                    // It may have been stopped by the same bytes.
                    drop(session.video(0, flv::VideoCodec::Avc.frame(true, 0, b"frame")));
                }
                Output::Event(event) => assert!(!format!("{event:?}").contains("sk_key")),
                Output::Close => closed = true,
            }
        }
        assert!(session.buffered() <= Limits::default().buffered + HANDSHAKE);
        assert!(said <= FIRST_ANSWERS + heard * ANSWERS, "{said} bytes are said for {heard}");
        if closed {
            break;
        }
    }
    shows_nothing(&result);
    result.is_ok()
}

pub(crate) fn chunks(bytes: &[u8], random: &mut Random) -> bool {
    let mut reader = Reader::new(limits());
    let (mut count, mut length) = (0, 0);
    for mut piece in pieces(bytes, random) {
        loop {
            match reader.read(&mut piece) {
                Err(error) => {
                    shows_nothing(&Err(error));
                    return false;
                }
                Ok(None) => break assert!(piece.is_empty(), "input is left"),
                Ok(Some(message)) => {
                    count += 1;
                    length += message.body.len();
                    assert!(message.body.len() <= limits().message);
                    let number = message.body.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
                    match message.kind {
                        1 if reader.set_chunk_size(number).is_err() => return false,
                        2 => reader.abort(number),
                        _ => {}
                    }
                }
            }
            assert!(reader.buffered() <= limits().buffered);
        }
    }
    assert!(count <= bytes.len() && length <= bytes.len(), "{count} messages of {length} bytes in {}", bytes.len());
    true
}

pub(crate) fn values(values: Result<Vec<Value>, amf::Error>) -> bool {
    let Ok(values) = values else { return false };
    let (mut count, mut text) = (0, 0);
    for value in &values {
        weigh(value, 0, &mut count, &mut text);
    }
    assert!(count <= amf::MAX_VALUES, "{count} values");
    // A byte that is no text becomes three.
    assert!(text <= amf::MAX_TEXT * 3, "{text} bytes of text");
    true
}

fn weigh(value: &Value, depth: usize, count: &mut usize, text: &mut usize) {
    *count += 1;
    let within = match value {
        Value::Object(_) | Value::Map(_) | Value::Array(_) | Value::Dictionary(_) => depth + 1,
        _ => depth,
    };
    assert!(within <= amf::MAX_DEPTH, "nested {within} deep");
    match value {
        Value::String(string) | Value::Xml(string) => *text += string.len(),
        Value::Array(values) => values.iter().for_each(|value| weigh(value, within, count, text)),
        Value::Dictionary(pairs) => {
            for (key, value) in pairs {
                weigh(key, within, count, text);
                weigh(value, within, count, text);
            }
        }
        _ => {
            for (name, value) in value.fields().unwrap_or_default() {
                *text += name.len();
                weigh(value, within, count, text);
            }
        }
    }
}

pub(crate) fn video(bytes: &[u8], _: &mut Random) -> bool {
    match flv::video(Bytes::copy_from_slice(bytes)) {
        Ok(flv::Video::Frame { data, composition_offset_ms, .. }) => {
            assert!(!data.is_empty() && bytes.ends_with(&data));
            assert!((-0x80_0000..0x80_0000).contains(&composition_offset_ms));
            true
        }
        Ok(flv::Video::Config { record, .. }) => bytes.ends_with(&record),
        Ok(_) => true,
        Err(_) => false,
    }
}

pub(crate) fn audio(bytes: &[u8], _: &mut Random) -> bool {
    match flv::audio(Bytes::copy_from_slice(bytes)) {
        Ok(flv::Audio::Frame { data } | flv::Audio::Config { record: data }) => bytes.ends_with(&data),
        Ok(_) => true,
        Err(_) => false,
    }
}

pub(crate) fn tags(bytes: &[u8], random: &mut Random) -> bool {
    let (mut reader, mut input, mut length) = (flv::TagReader::new(limits().command), BytesMut::new(), 0);
    for piece in pieces(bytes, random) {
        input.extend_from_slice(piece);
        loop {
            match reader.read(&mut input) {
                Err(_) => return false,
                Ok(None) => break,
                Ok(Some(tag)) => {
                    length += 15 + tag.body.len();
                    assert!(tag.body.len() <= limits().command);
                    drop(tag.metadata());
                }
            }
        }
        // A file's header, or a tag that lacks a byte.
        assert!(
            input.len() < limits().command + 15 || length == 0 && input.len() < 68,
            "{} bytes are left",
            input.len()
        );
    }
    assert!(length <= bytes.len(), "{length} bytes of tags in {}", bytes.len());
    true
}

/// No error repeats what was said; the key of the corpus would be in it.
fn shows_nothing(result: &Result<(), Error>) {
    if let Err(error) = result {
        assert!(!format!("{error} {error:?}").contains("sk_"));
    }
}
