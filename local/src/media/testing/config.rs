//! Configuration records.

use hyper::body::Bytes;

use super::bits::BitWriter;

/// An avcC record for a picture of this size, each a multiple of two, in the baseline profile.
pub(crate) fn avc(width: u32, height: u32) -> Bytes {
    let mut sps = BitWriter::default();
    sps.bits(24, 0x42_c0_1f);
    sps.ue(0);
    sps.ue(0);
    sps.ue(2);
    sps.ue(1);
    sps.flag(false);
    sps.ue(width.div_ceil(16) - 1);
    sps.ue(height.div_ceil(16) - 1);
    sps.flag(true);
    sps.flag(true);
    sps.flag(true);
    for cropped in [0, width.next_multiple_of(16) - width, 0, height.next_multiple_of(16) - height] {
        sps.ue(cropped / 2);
    }
    sps.flag(false);
    let sps = sps.nal(&[0x67]);
    let pps = [0x68, 0xce, 0x38, 0x80];
    let mut record = vec![1, sps[1], sps[2], sps[3], 0xff, 0xe1];
    for (nal, count) in [(sps.as_slice(), None), (&pps, Some(1))] {
        record.extend(count);
        record.extend(u16::try_from(nal.len()).unwrap().to_be_bytes());
        record.extend(nal);
    }
    record.into()
}

/// An hvcC record with this sequence parameter set, after a parameter set of another kind.
pub(crate) fn hevc(sps: &[u8]) -> Bytes {
    // Main profile, compatible with itself and Main 10, level 3.1.
    let mut record = vec![1, 1, 0x60, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 93];
    record.extend([0xf0, 0, 0xfc, 0xfd, 0xf8, 0xf8, 0, 0, 0x0f, 2]);
    for (kind, nal) in [(32u8, &[0x40, 1, 0x0c][..]), (33, sps)] {
        record.extend([kind | 0x80, 0, 1]);
        record.extend(u16::try_from(nal.len()).unwrap().to_be_bytes());
        record.extend(nal);
    }
    record.into()
}

/// An AudioSpecificConfig of AAC LC.
pub(crate) fn aac(rate_index: u8, channels: u8) -> Bytes {
    let bits = 2u16 << 11 | u16::from(rate_index) << 7 | u16::from(channels) << 3;
    Bytes::copy_from_slice(&bits.to_be_bytes())
}

/// The index of 44.1 kHz.
pub(crate) const RATE_44100: u8 = 4;
/// The index of 48 kHz.
pub(crate) const RATE_48000: u8 = 3;
