//! A fragment: a `moof` that says what there is of each track, and an `mdat` with it.

use hyper::body::Bytes;

use super::boxes::Writer;
use super::{AUDIO_TRACK, VIDEO_TRACK};

/// A frame. Times are in the timescale of its track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sample {
    /// When it is decoded.
    pub(crate) decode: u64,
    pub(crate) duration: u32,
    /// How much later it is shown; negative in some encoders' output.
    pub(crate) composition_offset: i32,
    /// Whether decoding can begin here.
    pub(crate) key: bool,
    pub(crate) data: Bytes,
}

/// What stands in a fragment apart from samples and `prefix`: at most this much, so that nothing is allocated twice.
const OVERHEAD: usize = 160;
const SAMPLE_OVERHEAD: usize = 16;

/// A fragment of what there is of both tracks, after `prefix` (whole boxes). `sequence` grows with each.
pub(crate) fn fragment(prefix: &[u8], sequence: u32, video: &[Sample], audio: &[Sample]) -> Bytes {
    let tracks = || [(VIDEO_TRACK, video), (AUDIO_TRACK, audio)].into_iter().filter(|(_, samples)| !samples.is_empty());
    let size: usize = tracks().flat_map(|(_, samples)| samples).map(|sample| sample.data.len() + SAMPLE_OVERHEAD).sum();
    let mut w = Writer(Vec::with_capacity(prefix.len() + size + OVERHEAD));
    w.bytes(prefix);
    let start = w.0.len();
    // Where the offset of a track's data is to be written, and how far into the data it begins.
    let mut offsets = Vec::with_capacity(2);
    w.boxed(b"moof", |w| {
        w.full(b"mfhd", 0, 0, |w| w.u32(sequence));
        let mut data = 0;
        for (id, samples) in tracks() {
            w.boxed(b"traf", |w| {
                w.full(b"tfhd", 0, 0x2_0000, |w| w.u32(id)); // offsets count from the moof
                w.full(b"tfdt", 1, 0, |w| w.u64(samples[0].decode));
                w.full(b"trun", 1, 0xf01, |w| {
                    w.u32(u32::try_from(samples.len()).unwrap_or(u32::MAX));
                    offsets.push((w.0.len(), data));
                    w.u32(0);
                    for sample in samples {
                        w.u32(sample.duration);
                        w.u32(u32::try_from(sample.data.len()).unwrap_or(u32::MAX));
                        // Depends on others or not, and is a sync sample or not.
                        w.u32(if sample.key { 0x0200_0000 } else { 0x0101_0000 });
                        w.bytes(&sample.composition_offset.to_be_bytes());
                        data += sample.data.len();
                    }
                });
            });
        }
    });
    let data = w.0.len() - start + 8;
    for (at, offset) in offsets {
        w.set_u32(at, data + offset);
    }
    w.boxed(b"mdat", |w| {
        for sample in tracks().flat_map(|(_, samples)| samples) {
            w.bytes(&sample.data);
        }
    });
    w.0.into()
}
