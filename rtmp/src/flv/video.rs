//! Video bodies.

use bytes::{BufMut, Bytes, BytesMut};

use crate::cursor::Cursor;

use super::{
    Error,
    extended::{CODED_FRAMES, SEQUENCE_END, SEQUENCE_START, unmodified},
};

/// A frame whose offset is 0 and not said.
const CODED_FRAMES_X: u8 = 3;
/// Frame types.
const KEY: u8 = 1;
const COMMAND: u8 = 5;
const SHORT: Error = Error::Malformed("video that ends in its header");

/// A codec of video that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VideoCodec {
    /// H.264, as `avc1`.
    Avc,
    /// HEVC, as `hvc1`.
    Hevc,
}

/// What a video message holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Video {
    /// What a decoder needs to know before the first frame.
    Config {
        /// The codec.
        codec: VideoCodec,
        /// The avcC or hvcC record.
        record: Bytes,
    },
    /// A frame.
    Frame {
        /// Whether decoding can begin here.
        key: bool,
        /// How much later than it is decoded the frame is shown.
        composition_offset_ms: i32,
        /// NAL units, each with its length before it.
        data: Bytes,
    },
    /// No frame follows.
    End,
    /// Anything else, of no use here: commands, HDR metadata, further tracks.
    Other,
}

/// Reads the body of a video message. Fails for a codec that is not taken and for a body that is cut short.
pub fn video(body: Bytes) -> Result<Video, Error> {
    let mut cursor = Cursor(&body);
    // Flash sends empty ones to keep a connection alive.
    let Some(first) = cursor.u8() else { return Ok(Video::Other) };
    let frame_type = first >> 4 & 7;
    if frame_type == COMMAND {
        return Ok(Video::Other);
    }
    let (codec, packet) =
        if first & 0x80 != 0 { extended(first & 15, &mut cursor)? } else { legacy(first & 15, &mut cursor)? };
    let Some(codec) = codec else { return Ok(Video::Other) };
    let offset = match packet {
        // The legacy form has the offset in each packet; a few end without it.
        SEQUENCE_END => return Ok(Video::End),
        CODED_FRAMES => cursor.i24().ok_or(SHORT)?,
        SEQUENCE_START if first & 0x80 == 0 => cursor.i24().ok_or(SHORT)?,
        _ => 0,
    };
    let data = body.slice_ref(cursor.0);
    match packet {
        SEQUENCE_START => codec.check(&data).map(|()| Video::Config { codec, record: data }),
        // Nothing to show.
        _ if data.is_empty() => Ok(Video::Other),
        _ => Ok(Video::Frame { key: frame_type == KEY, composition_offset_ms: offset, data }),
    }
}

/// The codec and the kind of packet, once the codec says that the packet is of use.
fn legacy(codec: u8, cursor: &mut Cursor<'_>) -> Result<(Option<VideoCodec>, u8), Error> {
    match codec {
        7 => {}
        2 => return Err(Error::Unsupported("Sorenson H.263")),
        3 | 6 => return Err(Error::Unsupported("Screen Video")),
        4 | 5 => return Err(Error::Unsupported("VP6")),
        // Some encoders say HEVC so; the form was never agreed on.
        12 => return Err(Error::Unsupported("HEVC in the form before enhanced RTMP")),
        _ => return Err(Error::Unsupported("this codec of video")),
    }
    let packet = cursor.u8().ok_or(SHORT)?;
    Ok(((packet <= SEQUENCE_END).then_some(VideoCodec::Avc), packet))
}

fn extended(packet: u8, cursor: &mut Cursor<'_>) -> Result<(Option<VideoCodec>, u8), Error> {
    let packet = unmodified(packet, cursor)?;
    // HDR metadata, MPEG-2 TS, further tracks, and what comes with the next version.
    if !matches!(packet, SEQUENCE_START | CODED_FRAMES | SEQUENCE_END | CODED_FRAMES_X) {
        return Ok((None, packet));
    }
    let codec = match &cursor.array::<4>().ok_or(SHORT)? {
        b"avc1" => VideoCodec::Avc,
        b"hvc1" => VideoCodec::Hevc,
        b"av01" => return Err(Error::Unsupported("AV1")),
        b"vp08" => return Err(Error::Unsupported("VP8")),
        b"vp09" => return Err(Error::Unsupported("VP9")),
        b"vvc1" => return Err(Error::Unsupported("VVC")),
        _ => return Err(Error::Unsupported("this codec of video")),
    };
    Ok((Some(codec), packet))
}

impl VideoCodec {
    /// The body that announces the configuration.
    pub fn config(self, record: &[u8]) -> Bytes {
        self.body(SEQUENCE_START, true, 0, record)
    }

    /// The body of a frame.
    pub fn frame(self, key: bool, composition_offset_ms: i32, data: &[u8]) -> Bytes {
        self.body(CODED_FRAMES, key, composition_offset_ms, data)
    }

    /// The body that says that no frame follows.
    pub fn end(self) -> Bytes {
        self.body(SEQUENCE_END, true, 0, &[])
    }

    /// Whether this can be a configuration at all. What is in it is the packager's to read.
    fn check(self, record: &[u8]) -> Result<(), Error> {
        match self {
            Self::Avc if record.len() >= 7 && record[0] == 1 => Ok(()),
            Self::Avc => Err(Error::Malformed("no avcC record")),
            // Its version was 0 for years.
            Self::Hevc if record.len() >= 23 && record[0] <= 1 => Ok(()),
            Self::Hevc => Err(Error::Malformed("no hvcC record")),
        }
    }

    fn body(self, packet: u8, key: bool, offset: i32, data: &[u8]) -> Bytes {
        let frame_type = if key { 0x10 } else { 0x20 };
        let offset = offset.clamp(-0x80_0000, 0x7f_ffff);
        let mut body = BytesMut::with_capacity(8 + data.len());
        match self {
            Self::Avc => {
                body.put_slice(&[frame_type | 7, packet]);
                body.put_int(offset.into(), 3);
            }
            Self::Hevc => {
                let packet = if packet == CODED_FRAMES && offset == 0 { CODED_FRAMES_X } else { packet };
                body.put_u8(0x80 | frame_type | packet);
                body.put_slice(b"hvc1");
                if packet == CODED_FRAMES {
                    body.put_int(offset.into(), 3);
                }
            }
        }
        body.put_slice(data);
        body.freeze()
    }
}
