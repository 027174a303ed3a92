//! Writes bits, as an encoder does.

#[derive(Debug, Default, Clone)]
pub(crate) struct BitWriter(Vec<bool>);

impl BitWriter {
    pub(crate) fn bits(&mut self, count: u32, value: u64) {
        self.0.extend((0..count).rev().map(|bit| value.checked_shr(bit).unwrap_or(0) & 1 == 1));
    }

    pub(crate) fn flag(&mut self, value: bool) {
        self.0.push(value);
    }

    pub(crate) fn ue(&mut self, value: u32) {
        let value = u64::from(value) + 1;
        let length = 64 - value.leading_zeros();
        self.bits(length - 1, 0);
        self.bits(length, value);
    }

    pub(crate) fn se(&mut self, value: i32) {
        self.ue(if value > 0 { value.unsigned_abs() * 2 - 1 } else { value.unsigned_abs() * 2 });
    }

    /// The bytes, filled up with zeros.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let byte = |bits: &[bool]| (0..8).fold(0, |byte, at| byte << 1 | u8::from(*bits.get(at).unwrap_or(&false)));
        self.0.chunks(8).map(byte).collect()
    }

    /// A NAL unit with this header, a stop bit at its end, and emulation prevention.
    pub(crate) fn nal(mut self, header: &[u8]) -> Vec<u8> {
        self.flag(true);
        let mut nal = header.to_vec();
        let mut zeros = 0;
        for byte in self.bytes() {
            if zeros >= 2 && byte <= 3 {
                nal.push(3);
                zeros = 0;
            }
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            nal.push(byte);
        }
        nal
    }
}
