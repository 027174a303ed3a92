//! What the mutations begin with: sessions of both sides, values and bodies, all valid.

use bytes::{Bytes, BytesMut};
use rtmp::{
    ClientSession, Limits, Output, ServerSession, StreamKey,
    amf::{self, Object, Value},
    chunk::{Message, Writer},
    flv::{Tag, TagKind, VideoCodec, aac_config, aac_frame, begin_file},
    server::Event,
};

/// A client's, of nothing but zeros.
const HANDSHAKE: [u8; 3073] = {
    let mut handshake = [0; 3073];
    handshake[0] = 3;
    handshake
};

/// What a publisher says, whole sessions from the first byte.
pub(crate) fn publishers() -> Vec<Vec<u8>> {
    let mut sessions = vec![talk().0];
    // And such as do not wait, in both forms of AMF, with what few say.
    for kind in [20, 17] {
        let (mut writer, mut out) = (Writer::default(), BytesMut::from(&HANDSHAKE[..]));
        for message in said(kind) {
            writer.write(if message.kind < 8 { 2 } else { 3 }, &message, &mut out);
        }
        sessions.push(out.to_vec());
    }
    sessions
}

/// Messages of a publisher, each as its kind, its length in two bytes, and its body.
pub(crate) fn messages() -> Vec<Vec<u8>> {
    let list = |kind| {
        let parts = said(kind).into_iter().flat_map(|message| {
            let [high, low] = (message.body.len() as u16).to_be_bytes();
            [&[message.kind, high, low][..], &message.body].concat()
        });
        parts.collect()
    };
    vec![list(20), list(17)]
}

/// A session of which such messages are made, whatever is in them.
pub(crate) fn session_of(mut messages: &[u8]) -> Vec<u8> {
    let (mut writer, mut out) = (Writer::default(), BytesMut::from(&HANDSHAKE[..]));
    while let [kind, high, low, rest @ ..] = messages {
        let (body, rest) = rest.split_at(usize::from(u16::from_be_bytes([*high, *low])).min(rest.len()));
        // Whatever it is about: what a chunk size says would part the writer from the reader.
        let kind = if *kind == 1 { 20 } else { *kind };
        writer.write(3 + u32::from(kind % 4), &message(0, kind, Bytes::copy_from_slice(body)), &mut out);
        messages = rest;
    }
    out.to_vec()
}

/// What a server says to a publisher.
pub(crate) fn servers() -> Vec<Vec<u8>> {
    vec![talk().1]
}

/// Sessions without their handshake, and messages with headers of all kinds.
pub(crate) fn chunks() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = publishers().iter().map(|session| session[3073..].to_vec()).collect();
    let (mut writer, mut out) = (Writer::default(), BytesMut::new());
    let body = |length| Bytes::from(vec![0x27; length]);
    // Two messages, chunk by chunk in turns; long timestamps; chunk streams of two and three bytes.
    let mut video = writer.begin(6, &message(0x100_0000, 9, body(600)));
    let mut audio = writer.begin(400, &message(0xffff_ff00, 8, body(300)));
    while writer.write_chunk(&mut audio, &mut out) {
        writer.write_chunk(&mut video, &mut out);
    }
    while writer.write_chunk(&mut video, &mut out) {}
    for timestamp in [0xffff_ff10, 0xffff_ff20, 0xffff_ff30, 5] {
        writer.write(70, &message(timestamp, 8, body(10)), &mut out);
    }
    writer.write(2, &message(0, 2, Bytes::from_static(&[0, 0, 0, 6])), &mut out);
    all.push(out.to_vec());
    all
}

/// Both sides of a session, from the first byte to the last.
fn talk() -> (Vec<u8>, Vec<u8>) {
    let mut client = ClientSession::new("app", "rtmp://localhost/app", StreamKey::new("sk_key?x=1".into()));
    let mut server = ServerSession::new(Limits::default());
    let (mut said, mut answered) = (Vec::new(), Vec::new());
    let exchange =
        |client: &mut ClientSession, said: &mut Vec<u8>, server: &mut ServerSession, answered: &mut Vec<u8>| {
            loop {
                let before = said.len() + answered.len();
                while let Some(output) = client.poll() {
                    if let Output::Transmit(bytes) = output {
                        said.extend_from_slice(&bytes);
                        server.input(&bytes).unwrap();
                    }
                }
                while let Some(output) = server.poll() {
                    match output {
                        Output::Transmit(bytes) => {
                            answered.extend_from_slice(&bytes);
                            client.input(&bytes).unwrap();
                        }
                        Output::Event(Event::Publish { .. }) => server.accept_publish(),
                        _ => {}
                    }
                }
                if said.len() + answered.len() == before {
                    return;
                }
            }
        };
    exchange(&mut client, &mut said, &mut server, &mut answered);
    client.metadata(metadata()).unwrap();
    for (timestamp, body) in (0..).step_by(20).zip(video()) {
        client.video(timestamp, body.into()).unwrap();
    }
    for (timestamp, body) in (0..).step_by(23).zip(audio()) {
        client.audio(timestamp, body.into()).unwrap();
    }
    exchange(&mut client, &mut said, &mut server, &mut answered);
    server.stop();
    client.unpublish();
    exchange(&mut client, &mut said, &mut server, &mut answered);
    (said, answered)
}

/// Messages that come without waiting, in AMF0 (20) or AMF3 (17).
fn said(kind: u8) -> Vec<Message> {
    let text = |text: &str| Value::String(text.to_owned());
    let connect = Value::Object(Object { class: String::new(), fields: vec![("app".into(), text("app/?x"))] });
    let key = || text("sk_key");
    let mut messages = Vec::new();
    for (transaction, name, arguments) in [
        (1.0, "connect", vec![connect]),
        (2.0, "releaseStream", vec![Value::Null, key()]),
        (3.0, "FCPublish", vec![Value::Null, key()]),
        (4.0, "createStream", vec![Value::Null]),
        (0.0, "publish", vec![Value::Null, key(), text("live")]),
        (0.0, "publish", vec![Value::Null, key()]),
        (6.0, "FCUnpublish", vec![Value::Null, key()]),
        (0.0, "publish", vec![Value::Null, text("/sk_other?y")]),
        (7.0, "deleteStream", vec![Value::Null, key()]),
    ] {
        let values = [&[text(name), Value::Number(transaction)][..], &arguments].concat();
        let data = [text("@setDataFrame"), text("onMetaData"), Value::Map(metadata())];
        let write = if kind == 17 { amf::amf3::write } else { amf::amf0::write };
        messages.push(message(0, kind, write(&values)));
        messages.push(message(0, kind - 2, write(&data)));
        messages.push(message(40, 9, Bytes::from_static(b"\x17\x01\0\0\0\0\0\0\x01e")));
        messages.push(message(43, 8, aac_frame(b"\x21\x10")));
        messages.push(message(0, 4, Bytes::from_static(b"\0\x06ping")));
        messages.push(message(0, 5, Bytes::from_static(&[0, 0, 4, 0])));
    }
    messages
}

fn message(timestamp: u32, kind: u8, body: Bytes) -> Message {
    Message { timestamp, kind, stream: 1, body }
}

fn metadata() -> Vec<(String, Value)> {
    let names = ["width", "height", "framerate", "videocodecid", "audiodatarate", "audiosamplesize"];
    let mut fields: Vec<_> = names.iter().map(|name| ((*name).to_owned(), Value::Number(30.0))).collect();
    fields.push(("stereo".into(), Value::Boolean(true)));
    fields.push(("encoder".into(), Value::String("obs-output module (libobs version 29.0.2)".into())));
    fields
}

/// Of each kind one, nested.
fn all_values() -> Vec<Value> {
    let leaves = vec![
        Value::Undefined,
        Value::Null,
        Value::Boolean(true),
        Value::Number(-5.0),
        Value::Number(0.1),
        Value::String("text".into()),
        Value::String("text".into()),
        Value::Date(1e12),
        Value::Xml("<a/>".into()),
        Value::Bytes(Bytes::from_static(b"bytes")),
        Value::Reference(3),
    ];
    let named: Vec<_> = leaves.iter().enumerate().map(|(place, value)| (format!("n{place}"), value.clone())).collect();
    let mut deep = Value::Map(metadata());
    for _ in 1..amf::MAX_DEPTH {
        deep = Value::Array(vec![deep]);
    }
    vec![
        Value::String("onMetaData".into()),
        Value::Object(Object { class: "C".into(), fields: named.clone() }),
        Value::Map(named),
        Value::Dictionary(vec![(Value::Number(1.0), Value::Array(leaves))]),
        deep,
    ]
}

fn each_and_all() -> impl Iterator<Item = Vec<Value>> {
    all_values().into_iter().map(|value| vec![value]).chain([all_values()])
}

pub(crate) fn amf0() -> Vec<Vec<u8>> {
    each_and_all().map(|values| amf::amf0::write(&values).to_vec()).collect()
}

pub(crate) fn amf3() -> Vec<Vec<u8>> {
    let mut all: Vec<_> = each_and_all().map(|values| amf::amf3::write(&values).to_vec()).collect();
    // What the writer does not use: a class with fields, its number, vectors, an array with names and places.
    all.push(b"\x0a\x13\x03C\x03x\x04\x01\x0a\x01\x04\x02\x0a\x01\x04\x03".to_vec());
    all.push(b"\x0d\x05\x00\xff\xff\xff\xff\0\0\0\x02\x0e\x03\x01\0\0\0\x01\x0f\x03\x00\x40\x08\0\0\0\0\0\0".to_vec());
    all.push(b"\x10\x05\x00\x03C\x04\x07\x0a\x0b\x00\x01\x09\x03\x03a\x01\x01\x03".to_vec());
    all
}

pub(crate) fn video() -> Vec<Vec<u8>> {
    let (avcc, hvcc) = ([1, 0x42, 0xc0, 0x1f, 0xff, 0xe0, 0], [1; 23]);
    let mut bodies = Vec::new();
    for (codec, record) in [(VideoCodec::Avc, &avcc[..]), (VideoCodec::Hevc, &hvcc)] {
        bodies.push(codec.config(record));
        bodies.push(codec.frame(true, 0, b"\0\0\0\x03key"));
        bodies.push(codec.frame(false, -40, b"\0\0\0\x05frame"));
        bodies.push(codec.end());
    }
    let mut bodies: Vec<_> = bodies.iter().map(|body| body.to_vec()).collect();
    bodies.push(b"\xd4hvc1\x02\0\x09colorInfo".to_vec());
    bodies.push(b"\x96\x00avc1\x01".to_vec());
    bodies.push(b"\x97\x02\x01\x02\x03\x07\x02\x01\x02\x03\x03hvc1frame".to_vec());
    bodies.push(b"\x57\x00".to_vec());
    bodies
}

pub(crate) fn audio() -> Vec<Vec<u8>> {
    let mut bodies = vec![aac_config(b"\x12\x10").to_vec(), aac_frame(b"\x21\x10\x04frame").to_vec()];
    bodies.push(b"\x90mp4a\x12\x10".to_vec());
    bodies.push(b"\x91mp4aframe".to_vec());
    bodies.push(b"\x94Opus\x01\x02".to_vec());
    bodies.push(b"\x97\x00\x55\x01mp4aframe".to_vec());
    bodies
}

/// Files, whole.
pub(crate) fn tags() -> Vec<Vec<u8>> {
    let script = amf::amf0::write(&[Value::String("onMetaData".into()), Value::Map(metadata())]);
    let mut all = vec![Tag { kind: TagKind::Script, timestamp: 0, body: script }];
    for (kind, bodies) in [(TagKind::Video, video()), (TagKind::Audio, audio()), (TagKind::Other(15), vec![Vec::new()])]
    {
        all.extend((0..).step_by(1 << 20).zip(bodies).map(|(timestamp, body)| Tag {
            kind,
            timestamp,
            body: body.into(),
        }));
    }
    let file = |tags: &[Tag]| {
        let mut file = BytesMut::new();
        begin_file(true, true, &mut file);
        tags.iter().for_each(|tag| tag.write(&mut file));
        file.to_vec()
    };
    vec![file(&all), file(&all[1..3])]
}
