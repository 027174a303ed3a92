//! What a publisher says of its video: an avcC or hvcC record.

use std::fmt::Write;

use hyper::body::Bytes;
use rtmp::flv::VideoCodec;

use crate::media::sps::{self, Size};

/// A track's format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VideoFormat {
    pub(crate) codec: VideoCodec,
    /// As the publisher sent it.
    pub(crate) record: Bytes,
    pub(crate) size: Size,
}

impl VideoFormat {
    /// Reads a record. None if it is none, or says no size.
    pub(crate) fn parse(codec: VideoCodec, record: Bytes) -> Option<Self> {
        // The version of hvcC was 0 for years.
        match (codec, *record.first()?) {
            (_, 1) | (VideoCodec::Hevc, 0) => {}
            _ => return None,
        }
        let size = match codec {
            VideoCodec::Avc => sps::h264(h264_sps(&record)?)?,
            VideoCodec::Hevc => sps::hevc(hevc_sps(&record)?)?,
        };
        // A slice of the message that brought it would keep the whole chunk in memory.
        Some(Self { codec, record: Bytes::copy_from_slice(&record), size })
    }

    /// As RFC 6381 names it, for `CODECS`.
    pub(crate) fn codecs(&self) -> String {
        let record = &self.record;
        match self.codec {
            VideoCodec::Avc => format!("avc1.{:02X}{:02X}{:02X}", record[1], record[2], record[3]),
            VideoCodec::Hevc => hevc_codecs(record),
        }
    }
}

/// ISO/IEC 14496-15, annex E.3: profile, compatibility with its bits reversed, tier and level, constraints up to the
/// last that is not zero.
fn hevc_codecs(record: &[u8]) -> String {
    let space = ["", "A", "B", "C"][usize::from(record[1] >> 6)];
    let profile = record[1] & 0x1f;
    let tier = if record[1] & 0x20 == 0 { 'L' } else { 'H' };
    let compatibility = u32::from_be_bytes([record[2], record[3], record[4], record[5]]).reverse_bits();
    let mut text = format!("hvc1.{space}{profile}.{compatibility:X}.{tier}{}", record[12]);
    let constraints = &record[6..12];
    let used = constraints.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    for byte in &constraints[..used] {
        let _ = write!(text, ".{byte:X}");
    }
    text
}

/// The first sequence parameter set of an avcC record.
fn h264_sps(record: &[u8]) -> Option<&[u8]> {
    (record.get(5)? & 0x1f > 0).then(|| counted(record, 6))?.map(|(sps, _)| sps)
}

/// The first sequence parameter set of an hvcC record.
fn hevc_sps(record: &[u8]) -> Option<&[u8]> {
    let mut at = 23;
    for _ in 0..*record.get(22)? {
        let kind = record.get(at)? & 0x3f;
        let units = u16::from_be_bytes([*record.get(at + 1)?, *record.get(at + 2)?]);
        at += 3;
        for _ in 0..units {
            let (unit, next) = counted(record, at)?;
            if kind == 33 {
                return Some(unit);
            }
            at = next;
        }
    }
    None
}

/// The bytes at `at` that have their count before them, and where they end.
fn counted(record: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let length = u16::from_be_bytes([*record.get(at)?, *record.get(at + 1)?]);
    let end = at + 2 + usize::from(length);
    Some((record.get(at + 2..end)?, end))
}
