//! Timed metadata: an ID3 tag in an event message (https://aomediacodec.github.io/id3-emsg/).

use super::VIDEO_TIMESCALE;
use super::boxes::Writer;

/// An `emsg` box with `text` in an ID3 `TXXX` frame. `time` is when it is due, in ticks of the video's timescale, whether or
/// not there is video; `id` tells it from others of the same time.
pub(crate) fn emsg(id: u32, time: u64, text: &str) -> Vec<u8> {
    let mut w = Writer(Vec::with_capacity(text.len() + 96));
    w.full(b"emsg", 1, 0, |w| {
        w.u32(VIDEO_TIMESCALE);
        w.u64(time);
        w.u32(u32::MAX); // lasts as long as the player likes
        w.u32(id);
        w.bytes(b"https://aomedia.org/emsg/ID3\0\0");
        // Encoding 3 is UTF-8; the description is empty.
        let frame = text.len() + 2;
        w.bytes(b"ID3\x04\0\0");
        w.bytes(&syncsafe(frame + 10));
        w.bytes(b"TXXX");
        w.bytes(&syncsafe(frame));
        w.bytes(&[0, 0, 3, 0]);
        w.bytes(text.as_bytes());
    });
    w.0
}

/// 28 bits, seven to a byte.
fn syncsafe(size: usize) -> [u8; 4] {
    [21, 14, 7, 0].map(|shift| u8::try_from(size >> shift & 0x7f).unwrap_or_default())
}
