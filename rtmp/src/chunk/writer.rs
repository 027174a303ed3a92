//! From messages to bytes.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::message::{EXTENDED, FIRST_CHUNK_SIZE, Message};

/// Cuts messages into chunks, with the shortest headers that say what is new.
#[derive(Debug)]
pub struct Writer {
    chunk_size: usize,
    streams: Vec<ChunkStream>,
}

/// What the reader knows of a chunk stream.
#[derive(Debug, Clone)]
struct ChunkStream {
    id: u32,
    timestamp: u32,
    step: u32,
    /// Whether the last header had a whole timestamp. By the specification, that is the step then; nginx-rtmp has none.
    whole: bool,
    length: usize,
    kind: u8,
    stream: u32,
}

/// A message on its way.
pub struct Chunks {
    chunk_stream: u32,
    /// The timestamp, or how much later it is; each chunk has it if it is long.
    step: u32,
    /// The header of the first chunk, until it is written.
    first: Option<Bytes>,
    body: Bytes,
}

impl Default for Writer {
    fn default() -> Self {
        Self { chunk_size: FIRST_CHUNK_SIZE, streams: Vec::new() }
    }
}

impl Writer {
    /// Sets the size of the chunks that follow. The peer is to be told of it before, by a message of kind 1. At least one byte.
    pub fn set_chunk_size(&mut self, size: usize) {
        self.chunk_size = size.max(1);
    }

    /// Writes a whole message on a chunk stream (2 to 65,599).
    pub fn write(&mut self, chunk_stream: u32, message: &Message, out: &mut BytesMut) {
        let mut chunks = self.begin(chunk_stream, message);
        while self.write_chunk(&mut chunks, out) {}
    }

    /// Begins a message on a chunk stream. It is to be written to its end before another begins there; chunks of messages on
    /// other chunk streams may come between.
    pub fn begin(&mut self, chunk_stream: u32, message: &Message) -> Chunks {
        let Message { timestamp, kind, stream, ref body } = *message;
        let length = body.len();
        let mut next = ChunkStream { id: chunk_stream, timestamp, step: timestamp, whole: true, length, kind, stream };
        let last = self.streams.iter_mut().find(|last| last.id == chunk_stream);
        let mut format = 0;
        // Only what is not earlier can be said as a step.
        if let Some(last) = last.as_ref().filter(|last| last.stream == stream && last.timestamp <= timestamp) {
            next.step = timestamp - last.timestamp;
            next.whole = false;
            let same_shape = last.length == next.length && last.kind == kind;
            format = if !same_shape {
                1
            } else if last.step != next.step || (last.whole && last.step != 0) {
                2
            } else {
                3
            };
        }
        let chunks = Chunks { chunk_stream, step: next.step, first: Some(next.header(format)), body: body.clone() };
        match last {
            Some(last) => *last = next,
            None => self.streams.push(next),
        }
        chunks
    }

    /// Writes the next chunk of a message. False once it was the last.
    pub fn write_chunk(&self, chunks: &mut Chunks, out: &mut BytesMut) -> bool {
        match chunks.first.take() {
            Some(header) => out.put_slice(&header),
            None => put_basic(3, chunks.chunk_stream, out),
        }
        if chunks.step >= EXTENDED {
            out.put_u32(chunks.step);
        }
        let length = self.chunk_size.min(chunks.body.len());
        out.put_slice(&chunks.body[..length]);
        chunks.body.advance(length);
        !chunks.body.is_empty()
    }
}

impl ChunkStream {
    fn header(&self, format: u8) -> Bytes {
        let mut header = BytesMut::with_capacity(14);
        put_basic(format, self.id, &mut header);
        if format < 3 {
            header.put_uint(self.step.min(EXTENDED).into(), 3);
        }
        if format < 2 {
            header.put_uint(self.length as u64, 3);
            header.put_u8(self.kind);
        }
        if format == 0 {
            header.put_u32_le(self.stream);
        }
        header.freeze()
    }
}

/// The format and the number of the chunk stream.
fn put_basic(format: u8, chunk_stream: u32, out: &mut BytesMut) {
    let format = format << 6;
    match chunk_stream {
        0..64 => out.put_u8(format | chunk_stream as u8),
        64..320 => out.put_slice(&[format, (chunk_stream - 64) as u8]),
        _ => {
            out.put_u8(format | 1);
            out.put_u16_le((chunk_stream - 64) as u16);
        }
    }
}
