//! Tags, of which an FLV file is made: what FFmpeg writes to a pipe.

use std::fmt;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::{
    amf::{Value, amf0},
    cursor::Cursor,
};

const AUDIO: u8 = 8;
const VIDEO: u8 = 9;
const SCRIPT: u8 = 18;
/// The bit of a tag that is encrypted or filtered.
const FILTERED: u8 = 0x20;
/// What is before a tag's body.
const TAG_HEADER: usize = 11;
/// What is said after a tag, and before the first: the length of the one before.
const LENGTH_BEHIND: usize = 4;
const FILE_HEADER: usize = 9;
/// A header longer than this says nothing that anybody knows.
const LONGEST_FILE_HEADER: usize = 64;

/// What a tag holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagKind {
    /// The body of an audio message: see [`audio`](super::audio()).
    Audio,
    /// The body of a video message: see [`video`](super::video()).
    Video,
    /// Data such as `onMetaData`: see [`Tag::metadata`].
    Script,
    /// Anything else.
    Other(u8),
}

/// A tag.
#[derive(Clone, PartialEq, Eq)]
pub struct Tag {
    /// What it holds.
    pub kind: TagKind,
    /// Milliseconds; wraps after 49 days.
    pub timestamp: u32,
    /// The body.
    pub body: Bytes,
}

/// Why a file cannot be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// It does not begin as FLV does.
    #[error("not an FLV file")]
    NotFlv,
    /// A tag whose body is longer than the reader takes.
    #[error("a tag of {length} bytes, and {limit} are allowed")]
    TooLong {
        /// The length of its body.
        length: usize,
        /// How long it may be.
        limit: usize,
    },
    /// A tag that is encrypted.
    #[error("an encrypted tag")]
    Encrypted,
    /// The length behind a tag is not its own: what follows would be guesswork.
    #[error("a tag that does not end where it says")]
    Damaged,
}

/// Takes tags off the front of what has been read of a file.
#[derive(Debug)]
pub struct TagReader {
    limit: usize,
    begun: bool,
}

impl TagReader {
    /// A reader at the beginning of a file. `limit`: the bytes that a body may have.
    pub fn new(limit: usize) -> Self {
        Self { limit, begun: false }
    }

    /// The next tag, if all of it is there; the body is not copied. What is left in `input` is never more than one tag, of which
    /// bytes are missing. After an error, nothing more can be read.
    pub fn read(&mut self, input: &mut BytesMut) -> Result<Option<Tag>, TagError> {
        if !self.begun {
            let Some(length) = file_header(input)? else { return Ok(None) };
            input.advance(length);
            self.begun = true;
        }
        let Some((kind, length, timestamp)) = tag_header(input) else { return Ok(None) };
        if kind & FILTERED != 0 {
            return Err(TagError::Encrypted);
        }
        if length > self.limit {
            return Err(TagError::TooLong { length, limit: self.limit });
        }
        if input.len() < TAG_HEADER + length + LENGTH_BEHIND {
            return Ok(None);
        }
        input.advance(TAG_HEADER);
        let body = input.split_to(length).freeze();
        if input.get_u32() as usize != TAG_HEADER + length {
            return Err(TagError::Damaged);
        }
        Ok(Some(Tag { kind: TagKind::of(kind), timestamp, body }))
    }
}

/// The length of the file's header and of the zero behind it, if both are there.
fn file_header(input: &[u8]) -> Result<Option<usize>, TagError> {
    const BEGINNING: [u8; 4] = *b"FLV\x01";
    let known = input.len().min(BEGINNING.len());
    if input[..known] != BEGINNING[..known] {
        return Err(TagError::NotFlv);
    }
    let Some(offset) = input.get(5..).and_then(|rest| Cursor(rest).u32()) else { return Ok(None) };
    let offset = offset as usize;
    if !(FILE_HEADER..=LONGEST_FILE_HEADER).contains(&offset) {
        return Err(TagError::NotFlv);
    }
    match input.get(offset..).and_then(|rest| Cursor(rest).u32()) {
        None => Ok(None),
        Some(0) => Ok(Some(offset + LENGTH_BEHIND)),
        Some(_) => Err(TagError::NotFlv),
    }
}

/// Kind, length and timestamp.
fn tag_header(input: &[u8]) -> Option<(u8, usize, u32)> {
    let mut cursor = Cursor(input.get(..TAG_HEADER)?);
    let (kind, length, low) = (cursor.u8()?, cursor.u24()?, cursor.u24()?);
    // The upper byte comes last, as the format had none at first. A stream's number follows, always 0.
    let high = cursor.u8()?;
    Some((kind, length as usize, u32::from(high) << 24 | low))
}

impl TagKind {
    fn of(kind: u8) -> Self {
        match kind {
            AUDIO => Self::Audio,
            VIDEO => Self::Video,
            SCRIPT => Self::Script,
            kind => Self::Other(kind),
        }
    }

    fn number(self) -> u8 {
        match self {
            Self::Audio => AUDIO,
            Self::Video => VIDEO,
            Self::Script => SCRIPT,
            Self::Other(kind) => kind & 0x1f,
        }
    }
}

impl Tag {
    /// What `onMetaData` says, if that is what the tag holds and it can be read.
    pub fn metadata(&self) -> Option<Vec<(String, Value)>> {
        if self.kind != TagKind::Script {
            return None;
        }
        let mut values = amf0::read(&self.body).ok()?.into_iter();
        if values.next()?.as_str() != Some("onMetaData") {
            return None;
        }
        values.next()?.into_fields()
    }

    /// Writes the tag, and its length behind it. The body must have less than 16 MiB.
    pub fn write(&self, out: &mut BytesMut) {
        let length = self.body.len();
        out.put_u8(self.kind.number());
        out.put_uint(length as u64, 3);
        out.put_uint((self.timestamp & 0xff_ffff).into(), 3);
        out.put_u8((self.timestamp >> 24) as u8);
        out.put_uint(0, 3);
        out.put_slice(&self.body);
        out.put_u32((TAG_HEADER + length) as u32);
    }
}

/// Writes the beginning of a file, before the first tag.
pub fn begin_file(audio: bool, video: bool, out: &mut BytesMut) {
    out.put_slice(b"FLV\x01");
    out.put_u8(u8::from(audio) << 2 | u8::from(video));
    out.put_u32(FILE_HEADER as u32);
    out.put_u32(0);
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({} ms, {} bytes)", self.kind, self.timestamp, self.body.len())
    }
}
