//! Audio bodies.

use bytes::{BufMut, Bytes, BytesMut};

use super::Error;

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
pub fn audio(_body: Bytes) -> Result<Audio, Error> {
    Ok(Audio::Other)
}

/// The body that announces AAC's configuration.
pub fn aac_config(record: &[u8]) -> Bytes {
    aac(0, record)
}

/// The body of an AAC frame.
pub fn aac_frame(data: &[u8]) -> Bytes {
    aac(1, data)
}

fn aac(packet: u8, data: &[u8]) -> Bytes {
    let mut body = BytesMut::with_capacity(2 + data.len());
    // AAC is always said to be of 44.1 kHz, 16 bits and stereo; the configuration has the truth.
    body.put_slice(&[0xaf, packet]);
    body.put_slice(data);
    body.freeze()
}
