//! From bytes to messages.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};

use crate::{Error, Limits, cursor::Cursor};

use super::message::{EXTENDED, FIRST_CHUNK_SIZE, Message};

/// The longest header of a chunk: 3 bytes of chunk stream, 11 of the message, 4 of its timestamp.
const LONGEST_HEADER: usize = 18;
/// How long the part of the message is, by format.
const MESSAGE_HEADER: [usize; 4] = [11, 7, 3, 0];
/// How much is set aside for a message of which nothing has come yet.
const FIRST_CAPACITY: usize = 256 << 10;

/// Puts messages together, and holds the unfinished ones.
pub struct Reader {
    limits: Limits,
    chunk_size: usize,
    streams: Vec<ChunkStream>,
    header: [u8; LONGEST_HEADER],
    header_length: usize,
    /// The chunk that has begun: its place among `streams`, and how much of it is to come.
    chunk: Option<(usize, usize)>,
    buffered: usize,
}

/// What the last header of a chunk stream said, and what has come of its message.
#[derive(Default)]
struct ChunkStream {
    id: u32,
    timestamp: u32,
    /// What was last said of the timestamp: the whole, or how much later it is.
    step: u32,
    /// Whether that was too long for its field; later chunks then have it, too.
    extended: bool,
    length: usize,
    kind: u8,
    stream: u32,
    /// Whether a message is unfinished.
    begun: bool,
    body: BytesMut,
}

impl Reader {
    /// A reader of a connection that has just been made.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            chunk_size: FIRST_CHUNK_SIZE,
            streams: Vec::new(),
            header: [0; LONGEST_HEADER],
            header_length: 0,
            chunk: None,
            buffered: 0,
        }
    }

    /// Sets the size of the chunks that follow, as the peer's message of kind 1 says it. Some peers name the largest there
    /// is and mean that they do not cut; a message has its limit all the same.
    pub fn set_chunk_size(&mut self, size: u32) -> Result<(), Error> {
        if size == 0 {
            return Err(Error::NoChunkSize);
        }
        self.chunk_size = size as usize;
        Ok(())
    }

    /// Sets the limits of what follows.
    pub(crate) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Forgets the unfinished message of a chunk stream, as the peer's message of kind 2 says it.
    pub fn abort(&mut self, chunk_stream: u32) {
        if let Some(stream) = self.streams.iter_mut().find(|stream| stream.id == chunk_stream) {
            self.buffered -= stream.body.len();
            stream.body = BytesMut::new();
            stream.begun = false;
        }
    }

    /// How many bytes of unfinished messages it holds.
    pub fn buffered(&self) -> usize {
        self.buffered
    }

    /// Reads up to the end of a message. `None`: the input is used up. What a message says of the chunks is to be told before
    /// the next call. After an error, nothing that follows has a meaning.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<Message>, Error> {
        while !input.is_empty() {
            let chunk = match self.chunk {
                Some(chunk) => Some(chunk),
                None => self.read_header(input)?,
            };
            let Some((place, left)) = chunk else { continue };
            let part = take(input, left);
            self.buffered += part.len();
            if self.buffered > self.limits.buffered {
                return Err(Error::TooMuchBuffered(self.limits.buffered));
            }
            let stream = &mut self.streams[place];
            stream.body.put_slice(part);
            self.chunk = Some((place, left - part.len())).filter(|(_, left)| *left > 0);
            if stream.body.len() == stream.length {
                self.buffered -= stream.length;
                return Ok(Some(stream.finish()));
            }
        }
        Ok(None)
    }

    /// Takes bytes of a header. Once it is whole, gives the chunk.
    fn read_header(&mut self, input: &mut &[u8]) -> Result<Option<(usize, usize)>, Error> {
        loop {
            let missing = self.header_size() - self.header_length;
            if missing == 0 {
                break;
            }
            let part = take(input, missing);
            if part.is_empty() {
                return Ok(None);
            }
            self.header[self.header_length..][..part.len()].copy_from_slice(part);
            self.header_length += part.len();
        }
        let format = self.header[0] >> 6;
        let place = self.place_or_new(format)?;
        let stream = &mut self.streams[place];
        let header = &self.header[basic_size(self.header[0])..self.header_length];
        stream.take_header(format, Cursor(header)).ok_or(Error::MessageInsideMessage(stream.id))?;
        self.header_length = 0;
        let length = stream.length;
        if length > self.limits.message {
            return Err(Error::MessageTooLong { length, limit: self.limits.message });
        }
        if !std::mem::replace(&mut stream.begun, true) {
            stream.body = BytesMut::with_capacity(length.min(FIRST_CAPACITY));
        }
        Ok(Some((place, self.chunk_size.min(length - stream.body.len()))))
    }

    /// How long the header is, as far as what is there of it tells.
    fn header_size(&self) -> usize {
        let Some(&first) = self.header[..self.header_length].first() else { return 1 };
        let format = first >> 6;
        let basic = basic_size(first);
        let size = basic + MESSAGE_HEADER[usize::from(format)];
        if self.header_length < basic {
            return basic;
        }
        if self.header_length < size {
            return size;
        }
        let extended = match Cursor(&self.header[basic..size]).u24() {
            Some(field) => field == EXTENDED,
            None => self.place().is_some_and(|place| self.streams[place].extended),
        };
        size + if extended { 4 } else { 0 }
    }

    /// The number of the chunk stream in a header.
    fn chunk_stream(&self) -> u32 {
        let [first, second, third, ..] = self.header.map(u32::from);
        match first & 63 {
            0 => 64 + second,
            1 => 64 + second + third * 256,
            id => id,
        }
    }

    fn place(&self) -> Option<usize> {
        let id = self.chunk_stream();
        self.streams.iter().position(|stream| stream.id == id)
    }

    fn place_or_new(&mut self, format: u8) -> Result<usize, Error> {
        if let Some(place) = self.place() {
            return Ok(place);
        }
        let id = self.chunk_stream();
        // librtmp begins its pongs with the second format: later by some time than nothing.
        if format > 1 {
            return Err(Error::ChunkStreamUnknown(id));
        }
        if self.streams.len() >= self.limits.chunk_streams {
            return Err(Error::TooManyChunkStreams(self.limits.chunk_streams));
        }
        self.streams.push(ChunkStream { id, ..ChunkStream::default() });
        Ok(self.streams.len() - 1)
    }
}

impl ChunkStream {
    /// Takes what a header says. `None` if it is that of another message than the unfinished one.
    fn take_header(&mut self, format: u8, mut header: Cursor<'_>) -> Option<()> {
        if self.begun {
            return (format == 3).then_some(());
        }
        // The header is as long as its format says.
        if format < 3 {
            self.step = header.u24()?;
            self.extended = self.step == EXTENDED;
        }
        if format < 2 {
            self.length = header.u24()? as usize;
            self.kind = header.u8()?;
        }
        if format == 0 {
            self.stream = u32::from_le_bytes(header.array()?);
        }
        if self.extended && format < 3 {
            self.step = header.u32()?;
        }
        // The last format repeats the step, be it the whole timestamp.
        self.timestamp = if format == 0 { self.step } else { self.timestamp.wrapping_add(self.step) };
        Some(())
    }

    fn finish(&mut self) -> Message {
        self.begun = false;
        let body: Bytes = std::mem::take(&mut self.body).freeze();
        Message { timestamp: self.timestamp, kind: self.kind, stream: self.stream, body }
    }
}

/// Shows no byte: a command holds the stream key.
impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reader({} chunk streams, {} bytes)", self.streams.len(), self.buffered)
    }
}

/// How many bytes the number of a chunk stream takes.
fn basic_size(first: u8) -> usize {
    match first & 63 {
        0 => 2,
        1 => 3,
        _ => 1,
    }
}

fn take<'a>(input: &mut &'a [u8], most: usize) -> &'a [u8] {
    let (taken, rest) = input.split_at(most.min(input.len()));
    *input = rest;
    taken
}
