//! What a publisher says of its audio: an AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1).

use hyper::body::Bytes;

/// A track's format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AudioFormat {
    /// As the publisher sent it.
    pub(crate) record: Bytes,
    /// Samples a second, which is the track's timescale.
    pub(crate) rate: u32,
    pub(crate) channels: u16,
    /// Samples in a frame.
    pub(crate) frame: u32,
    object_type: u8,
}

const RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

/// The longest record that is taken; its length is one byte of an MPEG-4 descriptor, which has 7 bits for it.
const LONGEST: usize = 64;

impl AudioFormat {
    /// Reads a record. None if it is none.
    pub(crate) fn parse(record: &Bytes) -> Option<Self> {
        if record.len() < 2 || record.len() > LONGEST {
            return None;
        }
        // Five fields of at most 37 bits: they stand in the first 16 bytes.
        let mut bits = 0u128;
        for at in 0..16 {
            bits = bits << 8 | u128::from(record.get(at).copied().unwrap_or_default());
        }
        let mut left = 128;
        let mut take = |count: u32| {
            left -= count;
            u32::try_from(bits >> left & ((1 << count) - 1)).unwrap_or_default()
        };
        let first = object_type(&mut take);
        let rate = self::rate(&mut take)?;
        let channels = take(4);
        let mut core = first;
        if first == 5 || first == 29 {
            // SBR said outright: the rate is the core's, and so are frames and timescale.
            self::rate(&mut take)?;
            core = object_type(&mut take);
        }
        let short = take(1) == 1;
        let channels = match channels {
            // The channels are listed in the record; nobody sends that over RTMP. Players go by the record.
            0 => 2,
            7 => 8,
            channels @ 1..=6 => u16::try_from(channels).ok()?,
            _ => return None,
        };
        // AAC main, LC, SSR, LTP: others have no frames of 1024 samples.
        let frame = if !(1..=4).contains(&core) {
            return None;
        } else if short {
            960
        } else {
            1024
        };
        Some(Self {
            record: Bytes::copy_from_slice(record),
            rate,
            channels,
            frame,
            object_type: u8::try_from(first).ok()?,
        })
    }

    /// As RFC 6381 names it, for `CODECS`.
    pub(crate) fn codecs(&self) -> String {
        format!("mp4a.40.{}", self.object_type)
    }
}

fn object_type(take: &mut impl FnMut(u32) -> u32) -> u32 {
    match take(5) {
        31 => 32 + take(6),
        kind => kind,
    }
}

fn rate(take: &mut impl FnMut(u32) -> u32) -> Option<u32> {
    let rate = match take(4) {
        15 => take(24),
        index => *RATES.get(usize::try_from(index).ok()?)?,
    };
    (7_000..=192_000).contains(&rate).then_some(rate)
}
