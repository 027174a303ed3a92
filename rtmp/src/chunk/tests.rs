//! The reader against a writer that does all that is legal: any format that says enough, any interleaving, any chunk size.

use std::collections::{BTreeMap, VecDeque};

use bytes::{BufMut, Bytes, BytesMut};
use proptest::{collection::vec, prelude::*, sample::Index};

use crate::{Error, Limits};

use super::*;

/// Feeds the bytes in pieces of these sizes, over and over, and obeys kinds 1 and 2.
fn read_all(bytes: &[u8], pieces: &[usize]) -> Result<Vec<Message>, Error> {
    let mut reader = Reader::new(Limits::default());
    let mut messages = Vec::new();
    let mut pieces = pieces.iter().cycle();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (mut piece, after) = rest.split_at(rest.len().min(*pieces.next().unwrap()));
        rest = after;
        while let Some(message) = reader.read(&mut piece)? {
            let number = || u32::from_be_bytes(message.body[..4].try_into().unwrap());
            match message.kind {
                1 => reader.set_chunk_size(number())?,
                2 => reader.abort(number()),
                _ => messages.push(message),
            }
        }
        assert!(piece.is_empty(), "input is left");
    }
    assert_eq!(reader.buffered(), 0);
    Ok(messages)
}

fn message(timestamp: u32, kind: u8, stream: u32, body: impl Into<Bytes>) -> Message {
    Message { timestamp, kind, stream, body: body.into() }
}

fn control(kind: u8, number: u32) -> Message {
    message(0, kind, 0, number.to_be_bytes().to_vec())
}

/// What the last header on a chunk stream said.
struct Said {
    step: u32,
    message: Message,
}

/// Chunks, each with the shortest format that is allowed for it, or a longer one.
struct FreeWriter {
    chunk_size: usize,
    said: BTreeMap<u32, Said>,
    out: BytesMut,
}

/// A message of which chunks are written: the chunk stream, what is left of it, and the long timestamp if it has one.
type Unfinished = (u32, Bytes, Option<u32>);

impl FreeWriter {
    fn basic(&mut self, format: u8, chunk_stream: u32) {
        let format = format << 6;
        match chunk_stream {
            2..64 => self.out.put_u8(format | chunk_stream as u8),
            // Those up to 319 could be said in two bytes, too.
            64..200 => self.out.put_slice(&[format, (chunk_stream - 64) as u8]),
            _ => self.out.put_slice(&[format | 1, (chunk_stream - 64) as u8, ((chunk_stream - 64) >> 8) as u8]),
        }
    }

    fn begin(&mut self, chunk_stream: u32, message: &Message, longest: u8) -> Unfinished {
        let Message { timestamp, kind, stream, body } = message.clone();
        let said = self.said.get(&chunk_stream);
        let step = said.map_or(timestamp, |said| timestamp.wrapping_sub(said.message.timestamp));
        let format = match said {
            // A chunk stream may begin with a step from 0, in message stream 0.
            None if stream == 0 => 1,
            Some(said) if said.message.stream == stream => {
                let same = said.message.kind == kind && said.message.body.len() == body.len();
                if !same {
                    1
                } else if said.step != step {
                    2
                } else {
                    3
                }
            }
            _ => 0,
        };
        let format = format.min(longest);
        let step = if format == 0 { timestamp } else { step };
        self.basic(format, chunk_stream);
        if format < 3 {
            self.out.put_uint(u64::from(step.min(0xff_ffff)), 3);
        }
        if format < 2 {
            self.out.put_uint(body.len() as u64, 3);
            self.out.put_u8(kind);
        }
        if format == 0 {
            self.out.put_u32_le(stream);
        }
        self.said.insert(chunk_stream, Said { step, message: message.clone() });
        let mut unfinished = (chunk_stream, body, (step >= 0xff_ffff).then_some(step));
        self.part(&mut unfinished);
        unfinished
    }

    fn go_on(&mut self, unfinished: &mut Unfinished) {
        self.basic(3, unfinished.0);
        self.part(unfinished);
    }

    /// A control message, which nothing comes between.
    fn whole(&mut self, message: &Message) {
        let mut unfinished = self.begin(2, message, 0);
        self.finish(&mut unfinished);
    }

    fn finish(&mut self, unfinished: &mut Unfinished) {
        while !unfinished.1.is_empty() {
            self.go_on(unfinished);
        }
    }

    fn part(&mut self, (_, body, long): &mut Unfinished) {
        if let Some(long) = *long {
            self.out.put_u32(long);
        }
        let part = body.split_to(self.chunk_size.min(body.len()));
        self.out.put_slice(&part);
    }
}

/// What a writer does next.
#[derive(Debug, Clone)]
enum Step {
    Begin {
        chunk_stream: u32,
        message: Message,
        longest: u8,
    },
    GoOn(Index),
    ChunkSize(u32),
    /// Gives up an unfinished message.
    Abort(Index),
}

fn timestamps() -> impl Strategy<Value = u32> {
    prop_oneof![0u32..100, 0xff_fff0u32..0x100_0010, 0xffff_fff0u32..=u32::MAX, any::<u32>(), Just(40), Just(80)]
}

fn messages() -> impl Strategy<Value = Message> {
    let kinds = prop_oneof![Just(8u8), Just(9), Just(18), Just(20), 23u8..=255];
    (timestamps(), kinds, 0u32..3, prop_oneof![vec(any::<u8>(), 0..5), vec(any::<u8>(), 0..700)])
        .prop_map(|(timestamp, kind, stream, body)| message(timestamp, kind, stream, body))
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let chunk_streams = prop_oneof![3u32..6, Just(63), Just(64), Just(319), Just(320), Just(65_599)];
    let step = prop_oneof![
        4 => (chunk_streams, messages(), 0u8..4)
            .prop_map(|(chunk_stream, message, longest)| Step::Begin { chunk_stream, message, longest }),
        6 => any::<Index>().prop_map(Step::GoOn),
        1 => (1u32..300).prop_map(Step::ChunkSize),
        1 => any::<Index>().prop_map(Step::Abort),
    ];
    vec(step, 1..60)
}

/// What is written, and the messages in the order in which they end.
fn write_freely(steps: Vec<Step>) -> (Bytes, Vec<Message>) {
    let mut writer = FreeWriter { chunk_size: 128, said: BTreeMap::new(), out: BytesMut::new() };
    let mut unfinished = VecDeque::<(Message, Unfinished)>::new();
    let mut done = Vec::new();
    for step in steps {
        match step {
            Step::Begin { chunk_stream, message, longest } => {
                if unfinished.iter().all(|(_, (busy, ..))| *busy != chunk_stream) {
                    let begun = writer.begin(chunk_stream, &message, longest);
                    unfinished.push_back((message, begun));
                }
            }
            Step::GoOn(index) if !unfinished.is_empty() => {
                let place = index.index(unfinished.len());
                writer.go_on(&mut unfinished[place].1);
            }
            Step::ChunkSize(size) => {
                writer.whole(&control(1, size));
                writer.chunk_size = size as usize;
            }
            Step::Abort(index) if !unfinished.is_empty() => {
                let (_, (chunk_stream, ..)) = unfinished.remove(index.index(unfinished.len())).unwrap();
                writer.whole(&control(2, chunk_stream));
            }
            Step::GoOn(_) | Step::Abort(_) => {}
        }
        while let Some(place) = unfinished.iter().position(|(_, (_, left, _))| left.is_empty()) {
            done.extend(unfinished.remove(place).map(|(message, _)| message));
        }
    }
    for (message, mut rest) in unfinished {
        writer.finish(&mut rest);
        done.push(message);
    }
    (writer.out.freeze(), done)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_written_legally_is_read(steps in steps(), pieces in vec(1usize..200, 1..6)) {
        let (bytes, messages) = write_freely(steps);
        prop_assert_eq!(read_all(&bytes, &pieces)?, messages);
    }

    #[test]
    fn what_the_writer_writes_is_read(
        messages in vec((2u32..9, messages()), 0..20),
        chunk_size in 1usize..5000,
        pieces in vec(1usize..5000, 1..6),
    ) {
        let (mut writer, mut out) = (Writer::default(), BytesMut::new());
        writer.write(2, &control(1, chunk_size as u32), &mut out);
        writer.set_chunk_size(chunk_size);
        for (chunk_stream, message) in &messages {
            writer.write(*chunk_stream, message, &mut out);
        }
        let written = messages.into_iter().map(|(_, message)| message);
        prop_assert_eq!(read_all(&out, &pieces)?, written.collect::<Vec<_>>());
    }
}

#[test]
fn the_writer_interleaves() {
    let (mut writer, mut out) = (Writer::default(), BytesMut::new());
    let (video, audio) = (message(40, 9, 1, vec![9; 300]), message(41, 8, 1, vec![8; 130]));
    let (mut first, mut second) = (writer.begin(6, &video), writer.begin(4, &audio));
    assert!(writer.write_chunk(&mut first, &mut out));
    assert!(writer.write_chunk(&mut second, &mut out));
    assert!(writer.write_chunk(&mut first, &mut out));
    assert!(!writer.write_chunk(&mut second, &mut out));
    assert!(!writer.write_chunk(&mut first, &mut out));
    assert_eq!(read_all(&out, &[1000]), Ok(vec![audio, video]));
}

#[test]
fn the_writer_says_only_what_is_new() {
    let (mut writer, mut out) = (Writer::default(), BytesMut::new());
    let mut sizes = Vec::new();
    for timestamp in [0, 23, 46, 46, 10, 0x100_0010] {
        let before = out.len();
        writer.write(4, &message(timestamp, 8, 1, vec![0; 10]), &mut out);
        sizes.push(out.len() - before - 10);
    }
    // Whole; 23 ms later; again; 0 ms later; earlier, so whole; much later.
    assert_eq!(sizes, [12, 4, 1, 4, 12, 8]);
}

/// By the specification, format 3 after a whole timestamp repeats that as a step; nginx-rtmp adds nothing.
#[test]
fn the_writer_says_the_step_after_a_whole_timestamp() {
    let (mut writer, mut out) = (Writer::default(), BytesMut::new());
    for timestamp in [10, 20, 30] {
        writer.write(4, &message(timestamp, 8, 1, vec![0; 10]), &mut out);
    }
    let formats = [out[0] >> 6, out[12 + 10] >> 6, out[12 + 10 + 4 + 10] >> 6];
    assert_eq!(formats, [0, 2, 3]);
}

/// The first header of librtmp's pong has the second format.
#[test]
fn a_chunk_stream_may_begin_with_a_step() {
    let pong = b"\x42\x00\x00\x00\x00\x00\x06\x04\x00\x07\x00\x00\x00\x01";
    assert_eq!(read_all(pong, &[1]), Ok(vec![message(0, 4, 0, &b"\x00\x07\x00\x00\x00\x01"[..])]));
}

/// FFmpeg means it so: the step is that of the header before, even if that said the whole time.
#[test]
fn a_header_without_anything_repeats_the_step() {
    let bytes = b"\x04\x00\x00\x28\x00\x00\x01\x08\x01\x00\x00\x00A\xc4B\xc4C";
    let expected = [(40, "A"), (80, "B"), (120, "C")].map(|(time, body)| message(time, 8, 1, body));
    assert_eq!(read_all(bytes, &[100]), Ok(expected.into()));
}

#[test]
fn a_long_timestamp_is_in_each_chunk() {
    let first = b"\x04\xff\xff\xff\x00\x00\x82\x09\x01\x00\x00\x00\x01\x00\x00\x00";
    let bytes = [&first[..], &[7; 128], b"\xc4\x01\x00\x00\x00", &[7; 2]].concat();
    assert_eq!(read_all(&bytes, &[3]), Ok(vec![message(0x100_0000, 9, 1, vec![7; 130])]));
}

#[test]
fn a_message_without_a_body_is_one() {
    let bytes = b"\x04\x00\x00\x00\x00\x00\x00\x08\x01\x00\x00\x00\xc4";
    assert_eq!(read_all(bytes, &[1]), Ok(vec![message(0, 8, 1, ""), message(0, 8, 1, "")]));
}

#[test]
fn a_chunk_stream_that_never_began_is_an_error() {
    assert_eq!(read_all(b"\x84\x00\x00\x00", &[9]), Err(Error::ChunkStreamUnknown(4)));
    assert_eq!(read_all(b"\xc4", &[9]), Err(Error::ChunkStreamUnknown(4)));
}

#[test]
fn a_message_inside_another_is_an_error() {
    let bytes =
        [&b"\x04\x00\x00\x00\x00\x01\x00\x08\x01\x00\x00\x00"[..], &[0; 128], b"\x44\x00\x00\x00\x00\x00\x01\x08"]
            .concat();
    assert_eq!(read_all(&bytes, &[50]), Err(Error::MessageInsideMessage(4)));
}

#[test]
fn a_message_over_the_limit_is_an_error_before_it_is_there() {
    let header = b"\x04\x00\x00\x00\x40\x00\x01\x09\x01\x00\x00\x00";
    let error = Error::MessageTooLong { length: (4 << 20) + 1, limit: 4 << 20 };
    assert_eq!(read_all(header, &[4]), Err(error));
}

#[test]
fn chunk_streams_are_counted() {
    let begin = |id: u8| [id, 0, 0, 0, 0, 0, 0, 8, 1, 0, 0, 0];
    let bytes: Vec<u8> = (3..36).flat_map(begin).collect();
    assert!(read_all(&bytes[..32 * 12], &[100]).is_ok());
    assert_eq!(read_all(&bytes, &[100]), Err(Error::TooManyChunkStreams(32)));
}

#[test]
fn a_chunk_has_any_size_but_none_and_a_message_its_limit() {
    let whole = message(7, 9, 1, vec![9; 5000]);
    for size in [1, 4 << 20, 0x7fff_ffff] {
        let (mut writer, mut out) = (Writer::default(), BytesMut::new());
        writer.write(2, &control(1, size), &mut out);
        writer.set_chunk_size(size as usize);
        writer.write(6, &whole, &mut out);
        assert_eq!(read_all(&out, &[1000]), Ok(vec![whole.clone()]), "{size}");
        let long = [6, 0, 0, 0, 0x50, 0, 0, 9, 1, 0, 0, 0];
        let too_long = Error::MessageTooLong { length: 5 << 20, limit: 4 << 20 };
        assert_eq!(read_all(&[&out, &long[..]].concat(), &[1000]), Err(too_long));
    }
    assert_eq!(Reader::new(Limits::default()).set_chunk_size(0), Err(Error::NoChunkSize));
}

#[test]
fn unfinished_messages_are_bounded_together() {
    let limits = Limits { buffered: 1000, ..Limits::default() };
    let mut reader = Reader::new(limits);
    let mut result = Ok(None);
    for id in 3..12 {
        let chunk = [&[id, 0, 0, 0, 0x10, 0, 0, 9, 1, 0, 0, 0][..], &[0; 128]].concat();
        result = reader.read(&mut &chunk[..]);
        assert!(result.is_err() || reader.buffered() <= 1000);
    }
    assert_eq!(result, Err(Error::TooMuchBuffered(1000)));
}

#[test]
fn debug_shows_no_byte() {
    let secret = message(0, 20, 0, "sk_secret");
    let mut reader = Reader::new(Limits::default());
    let mut bytes = BytesMut::new();
    Writer::default().write(3, &secret, &mut bytes);
    reader.read(&mut &bytes[..bytes.len() - 1]).unwrap();
    assert_eq!(format!("{secret:?}"), "Message(kind 20, 0 ms, stream 0, 9 bytes)");
    assert_eq!(format!("{reader:?}"), "Reader(1 chunk streams, 8 bytes)");
}
