//! The size of the picture, from the sequence parameter set of H.264 (7.3.2.1.1) and HEVC (7.3.2.2).

#[cfg(test)]
mod tests;

/// Width and height of the picture as it is shown, after cropping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) width: u16,
    pub(crate) height: u16,
}

/// The profiles of H.264 whose parameter sets say how chroma is sampled.
const WITH_CHROMA: [u8; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];

/// The size in an H.264 sequence parameter set, a NAL unit with its header. None if it is not one.
pub(crate) fn h264(nal: &[u8]) -> Option<Size> {
    if nal.first()? & 0x1f != 7 {
        return None;
    }
    let rbsp = unescape(&nal[1..]);
    let mut bits = Bits::new(&rbsp);
    let profile = u8::try_from(bits.read(8)?).ok()?;
    bits.skip(16)?; // constraints, level
    bits.ue()?; // id
    let mut chroma = 1;
    if WITH_CHROMA.contains(&profile) {
        chroma = bits.ue()?;
        let separate_planes = chroma == 3 && bits.flag()?;
        bits.ue()?; // depth of luma
        bits.ue()?; // depth of chroma
        bits.skip(1)?;
        if bits.flag()? {
            let lists = if chroma == 3 { 12 } else { 8 };
            for list in 0..lists {
                if bits.flag()? {
                    scaling_list(&mut bits, if list < 6 { 16 } else { 64 })?;
                }
            }
        }
        if separate_planes {
            chroma = 0;
        }
    }
    bits.ue()?; // log2_max_frame_num
    match bits.ue()? {
        0 => {
            bits.ue()?;
        }
        1 => {
            bits.skip(1)?;
            bits.ue()?; // signed, but of the same length
            bits.ue()?;
            // More than 255 is no H.264; without the bound a few bytes could ask for many rounds.
            let cycle = bits.ue().filter(|length| *length <= 255)?;
            for _ in 0..cycle {
                bits.ue()?;
            }
        }
        _ => {}
    }
    bits.ue()?; // reference frames
    bits.skip(1)?;
    let width = bits.ue()?.checked_add(1)?.checked_mul(16)?;
    let rows = bits.ue()?.checked_add(1)?.checked_mul(16)?;
    let fields: u32 = if bits.flag()? { 1 } else { 2 };
    if fields == 2 {
        bits.skip(1)?;
    }
    bits.skip(1)?;
    let (unit_x, unit_y) = chroma_unit(chroma)?;
    let [left, right, top, bottom] = if bits.flag()? { bits.four()? } else { [0; 4] };
    crop((width, rows.checked_mul(fields)?), (unit_x, unit_y * fields), [left, right, top, bottom])
}

/// The size in an HEVC sequence parameter set, a NAL unit with its header. None if it is not one.
pub(crate) fn hevc(nal: &[u8]) -> Option<Size> {
    if nal.first()? >> 1 & 0x3f != 33 {
        return None;
    }
    let rbsp = unescape(nal.get(2..)?);
    let mut bits = Bits::new(&rbsp);
    bits.skip(4)?;
    let sub_layers = bits.read(3)?;
    bits.skip(1)?;
    bits.skip(96)?; // general profile, tier and level
    let mut present = Vec::new();
    for _ in 0..sub_layers {
        present.push((bits.flag()?, bits.flag()?));
    }
    if sub_layers > 0 {
        bits.skip(2 * (8 - sub_layers))?;
    }
    for (profile, level) in present {
        bits.skip(if profile { 88 } else { 0 } + if level { 8 } else { 0 })?;
    }
    bits.ue()?; // id
    let mut chroma = bits.ue()?;
    if chroma == 3 && bits.flag()? {
        chroma = 0;
    }
    let (width, height) = (bits.ue()?, bits.ue()?);
    let unit = chroma_unit(chroma)?;
    let window = if bits.flag()? { bits.four()? } else { [0; 4] };
    crop((width, height), unit, window)
}

/// In what steps a picture is cropped, across and down, for a `chroma_format_idc`.
fn chroma_unit(chroma: u32) -> Option<(u32, u32)> {
    match chroma {
        0 | 3 => Some((1, 1)),
        1 => Some((2, 2)),
        2 => Some((2, 1)),
        _ => None,
    }
}

/// `window` is left, right, top, bottom.
fn crop((width, height): (u32, u32), unit: (u32, u32), window: [u32; 4]) -> Option<Size> {
    let [left, right, top, bottom] = window;
    let width = width.checked_sub(left.checked_add(right)?.checked_mul(unit.0)?)?;
    let height = height.checked_sub(top.checked_add(bottom)?.checked_mul(unit.1)?)?;
    let size = Size { width: u16::try_from(width).ok()?, height: u16::try_from(height).ok()? };
    (size.width > 0 && size.height > 0).then_some(size)
}

fn scaling_list(bits: &mut Bits<'_>, size: usize) -> Option<()> {
    let (mut last, mut next) = (8i64, 8i64);
    for _ in 0..size {
        if next != 0 {
            next = (last + bits.se()? + 256).rem_euclid(256);
        }
        last = if next == 0 { last } else { next };
    }
    Some(())
}

/// Without the bytes that keep start codes out of a NAL unit: `00 00 03` stands for `00 00`.
fn unescape(nal: &[u8]) -> Vec<u8> {
    let mut rbsp = Vec::with_capacity(nal.len());
    let mut zeros = 0;
    for &byte in nal {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        rbsp.push(byte);
    }
    rbsp
}

/// Reads bits, the most significant first.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn flag(&mut self) -> Option<bool> {
        let byte = self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit == 1)
    }

    /// At most 32 bits.
    fn read(&mut self, count: u32) -> Option<u32> {
        (0..count).try_fold(0, |value, _| Some(value << 1 | u32::from(self.flag()?)))
    }

    fn skip(&mut self, count: u32) -> Option<()> {
        self.at += usize::try_from(count).ok()?;
        (self.at <= self.bytes.len() * 8).then_some(())
    }

    /// An Exp-Golomb number.
    fn ue(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        Some((1 << zeros) - 1 + self.read(zeros)?)
    }

    /// A signed one.
    fn se(&mut self) -> Option<i64> {
        let value = i64::from(self.ue()?);
        Some(if value % 2 == 1 { (value + 1) / 2 } else { -(value / 2) })
    }

    fn four(&mut self) -> Option<[u32; 4]> {
        Some([self.ue()?, self.ue()?, self.ue()?, self.ue()?])
    }
}
