//! Changes of bytes that readers stumble over.

/// Numbers that follow from a seed (SplitMix64).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below this one.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// Lengths, counts, marks and signs at their ends.
const BYTES: [u8; 18] = [0, 1, 2, 3, 4, 5, 8, 9, 10, 0x11, 0x12, 0x14, 0x40, 0x7f, 0x80, 0xc0, 0xfe, 0xff];
const LONGEST: usize = 16 << 10;

/// Makes the bytes an entry of the corpus, changed in a few places.
pub(crate) fn mutate(bytes: &mut Vec<u8>, corpus: &[Vec<u8>], random: &mut Random) {
    bytes.clear();
    bytes.extend_from_slice(random.of::<Vec<u8>>(corpus));
    for _ in 0..=random.below(6) {
        change(bytes, corpus, random);
    }
    bytes.truncate(LONGEST);
}

fn change(bytes: &mut Vec<u8>, corpus: &[Vec<u8>], random: &mut Random) {
    // Rather late than early: a session begins with a handshake of 3 kB.
    let at = random.below(bytes.len()).max(random.below(bytes.len()));
    // Most are short.
    let most = 1 << random.below(9);
    let end = (at + 1 + random.below(most)).min(bytes.len());
    match random.below(10) {
        0 | 1 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
        2 if at < bytes.len() => bytes[at] = random.next() as u8,
        3 | 4 if at < bytes.len() => bytes[at] = *random.of(&BYTES),
        5 => bytes[at.min(end)..end].fill(*random.of(&BYTES)),
        6 => drop(bytes.drain(at.min(end)..end)),
        7 => {
            let double = bytes[at.min(end)..end].to_vec();
            let place = random.below(bytes.len() + 1);
            bytes.splice(place..place, double);
        }
        8 => {
            let other = random.of(corpus);
            let from = random.below(other.len());
            let to = (from + random.below(most)).min(other.len());
            bytes.splice(at..at, other[from..to].iter().copied());
        }
        _ if random.below(4) == 0 => bytes.truncate(at),
        _ => bytes.insert(at, random.next() as u8),
    }
}
