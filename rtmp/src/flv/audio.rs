//! Audio bodies.

use bytes::{BufMut, Bytes, BytesMut};

use crate::cursor::Cursor;

use super::{
    Error,
    extended::{CODED_FRAMES, SEQUENCE_END, SEQUENCE_START, unmodified},
};

/// The sound format that stands for enhanced RTMP's header.
const EXTENDED: u8 = 9;
const SHORT: Error = Error::Malformed("audio that ends in its header");

/// What an audio message holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audio {
    /// What a decoder needs to know before the first frame.
    Config {
        /// The AudioSpecificConfig.
        record: Bytes,
    },
    /// One AAC frame, without ADTS header.
    Frame {
        /// Its bytes.
        data: Bytes,
    },
    /// Anything else, of no use here.
    Other,
}

/// Reads the body of an audio message. Fails for a codec that is not taken and for a body that is cut short.
pub fn audio(body: Bytes) -> Result<Audio, Error> {
    let mut cursor = Cursor(&body);
    // Flash sends empty ones to keep a connection alive.
    let Some(first) = cursor.u8() else { return Ok(Audio::Other) };
    let Some(packet) =
        (if first >> 4 == EXTENDED { extended(first & 15, &mut cursor)? } else { legacy(first >> 4, &mut cursor)? })
    else {
        return Ok(Audio::Other);
    };
    let data = body.slice_ref(cursor.0);
    match packet {
        SEQUENCE_START if data.len() < 2 => Err(Error::Malformed("no AudioSpecificConfig")),
        SEQUENCE_START => Ok(Audio::Config { record: data }),
        CODED_FRAMES if !data.is_empty() => Ok(Audio::Frame { data }),
        _ => Ok(Audio::Other),
    }
}

/// The kind of packet, if it is of use.
fn legacy(format: u8, cursor: &mut Cursor<'_>) -> Result<Option<u8>, Error> {
    match format {
        10 => cursor.u8().ok_or(SHORT).map(Some),
        0 | 3 => Err(Error::Unsupported("PCM")),
        1 => Err(Error::Unsupported("ADPCM")),
        2 | 14 => Err(Error::Unsupported("MP3")),
        4..=6 => Err(Error::Unsupported("Nellymoser")),
        7 | 8 => Err(Error::Unsupported("G.711")),
        11 => Err(Error::Unsupported("Speex")),
        _ => Err(Error::Unsupported("this codec of audio")),
    }
}

fn extended(packet: u8, cursor: &mut Cursor<'_>) -> Result<Option<u8>, Error> {
    let packet = unmodified(packet, cursor)?;
    // What channels there are (FFmpeg says so of stereo, too), further tracks, and what comes with the next version.
    if !matches!(packet, SEQUENCE_START | CODED_FRAMES | SEQUENCE_END) {
        return Ok(None);
    }
    match &cursor.array::<4>().ok_or(SHORT)? {
        b"mp4a" => Ok(Some(packet)),
        b"Opus" => Err(Error::Unsupported("Opus")),
        b".mp3" => Err(Error::Unsupported("MP3")),
        b"fLaC" => Err(Error::Unsupported("FLAC")),
        b"ac-3" | b"ec-3" => Err(Error::Unsupported("AC-3")),
        _ => Err(Error::Unsupported("this codec of audio")),
    }
}

/// The body that announces AAC's configuration.
pub fn aac_config(record: &[u8]) -> Bytes {
    aac(SEQUENCE_START, record)
}

/// The body of an AAC frame.
pub fn aac_frame(data: &[u8]) -> Bytes {
    aac(CODED_FRAMES, data)
}

fn aac(packet: u8, data: &[u8]) -> Bytes {
    let mut body = BytesMut::with_capacity(2 + data.len());
    // AAC is always said to be of 44.1 kHz, 16 bits and stereo; the configuration has the truth.
    body.put_slice(&[0xaf, packet]);
    body.put_slice(data);
    body.freeze()
}
