//! What is served: initialization segments, parts, and the segments that they make up.

use std::sync::Arc;

use hyper::body::Bytes;
use time::OffsetDateTime;

/// Time in the broadcast, in units of 1/90,000 s.
pub(super) type Ticks = u64;

/// A second.
pub(super) const SECOND: Ticks = 90_000;
/// A millisecond.
pub(super) const MILLISECOND: Ticks = 90;

/// An initialization segment, whose version never has another content.
#[derive(Debug)]
pub(super) struct Init {
    pub(super) version: u32,
    pub(super) data: Bytes,
}

/// A fragment that is served by itself while it is new.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) duration: Ticks,
    /// Whether decoding can begin in it.
    pub(super) independent: bool,
    pub(super) data: Bytes,
}

/// A segment, complete or growing.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    /// Its media sequence number.
    pub(super) number: u64,
    /// When its first frame was sent.
    pub(super) date: OffsetDateTime,
    pub(super) init: Arc<Init>,
    /// Whether the format is another than that of the segment before.
    pub(super) discontinuity: bool,
    pub(super) parts: Vec<Part>,
}

impl Segment {
    pub(super) fn duration(&self) -> Ticks {
        self.parts.iter().map(|part| part.duration).sum()
    }

    pub(super) fn size(&self) -> usize {
        self.parts.iter().map(|part| part.data.len()).sum()
    }

    /// The whole segment: its parts, one after the other. They are kept apart, because most players that are close to
    /// the broadcast never ask for the whole.
    pub(super) fn data(&self) -> Bytes {
        match self.parts.as_slice() {
            [part] => part.data.clone(),
            parts => {
                let mut data = Vec::with_capacity(self.size());
                for part in parts {
                    data.extend_from_slice(&part.data);
                }
                data.into()
            }
        }
    }
}
