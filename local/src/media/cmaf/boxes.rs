//! Writes boxes (ISO/IEC 14496-12), whose size stands before what is in them.

pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    /// A box, whose contents `write` adds.
    pub(super) fn boxed(&mut self, kind: &[u8; 4], write: impl FnOnce(&mut Self)) {
        let start = self.0.len();
        self.u32(0);
        self.bytes(kind);
        write(self);
        let size = self.0.len() - start;
        self.set_u32(start, size);
    }

    /// A box with version and flags.
    pub(super) fn full(&mut self, kind: &[u8; 4], version: u8, flags: u32, write: impl FnOnce(&mut Self)) {
        self.boxed(kind, |w| {
            w.u32(u32::from(version) << 24 | flags);
            write(w);
        });
    }

    pub(super) fn u16(&mut self, value: u16) {
        self.bytes(&value.to_be_bytes());
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.bytes(&value.to_be_bytes());
    }

    pub(super) fn u64(&mut self, value: u64) {
        self.bytes(&value.to_be_bytes());
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn zeros(&mut self, count: usize) {
        self.0.resize(self.0.len() + count, 0);
    }

    /// Writes over what is at `at`; sizes of more than 32 bits do not occur, since a part is bounded.
    pub(super) fn set_u32(&mut self, at: usize, value: usize) {
        let value = u32::try_from(value).unwrap_or(u32::MAX);
        self.0[at..at + 4].copy_from_slice(&value.to_be_bytes());
    }
}
