//! What enhanced RTMP's headers of audio and video have in common.

use crate::cursor::Cursor;

use super::Error;

/// Kinds of packets that are the same for audio and video.
pub(super) const SEQUENCE_START: u8 = 0;
pub(super) const CODED_FRAMES: u8 = 1;
pub(super) const SEQUENCE_END: u8 = 2;
const MOD_EX: u8 = 7;

/// The kind of the packet behind modifiers, which add such things as nanoseconds. They are passed over; the packet stays one.
pub(super) fn unmodified(mut packet: u8, body: &mut Cursor<'_>) -> Result<u8, Error> {
    const SHORT: Error = Error::Malformed("a modifier that ends too early");
    while packet == MOD_EX {
        let mut size = usize::from(body.u8().ok_or(SHORT)?) + 1;
        if size == 256 {
            size = usize::from(body.u16().ok_or(SHORT)?) + 1;
        }
        body.take(size).ok_or(SHORT)?;
        packet = body.u8().ok_or(SHORT)? & 15;
    }
    Ok(packet)
}
