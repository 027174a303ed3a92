//! Timed metadata: an ID3 tag in an event message (<https://aomediacodec.github.io/id3-emsg/>).

use super::VIDEO_TIMESCALE;
use super::boxes::Writer;

/// Timed metadata that no fragment has yet.
#[derive(Debug)]
pub(crate) struct Event {
    /// Tells it from others of the same time.
    pub(crate) id: u32,
    /// When it is due, in ticks of the video's timescale, whether or not there is video.
    pub(crate) time: u64,
    pub(crate) text: String,
}

impl Event {
    /// Two `emsg` boxes with the text in an ID3 `TXXX` frame, for a fragment that begins at `start`: one that players
    /// know, and one for Amazon's (1.56), which takes no other than this scheme in version 0, where times are relative.
    pub(crate) fn boxes(&self, start: u64) -> Vec<u8> {
        let tag = tag(&self.text);
        let mut w = Writer(Vec::with_capacity(2 * (tag.len() + 64)));
        w.full(b"emsg", 1, 0, |w| {
            w.u32(VIDEO_TIMESCALE);
            w.u64(self.time);
            w.u32(u32::MAX); // lasts as long as the player likes
            w.u32(self.id);
            w.bytes(b"https://aomedia.org/emsg/ID3\0\0");
            w.bytes(&tag);
        });
        w.full(b"emsg", 0, 0, |w| {
            w.bytes(b"urn:twitch:id3\0\0");
            w.u32(VIDEO_TIMESCALE);
            w.u32(u32::try_from(self.time.saturating_sub(start)).unwrap_or_default());
            w.u32(u32::MAX);
            w.u32(self.id);
            w.bytes(&tag);
        });
        w.0
    }
}

/// An ID3 tag with a text that has no description.
fn tag(text: &str) -> Vec<u8> {
    let frame = text.len() + 2;
    let mut w = Writer(Vec::with_capacity(text.len() + 24));
    w.bytes(b"ID3\x04\0\0");
    w.bytes(&syncsafe(frame + 10));
    w.bytes(b"TXXX");
    w.bytes(&syncsafe(frame));
    // No flags; encoding 3 is UTF-8.
    w.bytes(&[0, 0, 3, 0]);
    w.bytes(text.as_bytes());
    w.0
}

/// 28 bits, seven to a byte.
fn syncsafe(size: usize) -> [u8; 4] {
    [21, 14, 7, 0].map(|shift| u8::try_from(size >> shift & 0x7f).unwrap_or_default())
}
