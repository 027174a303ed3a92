//! Random bytes, and identifiers in the shapes that AWS gives them.

/// Letters and digits, the alphabet of resource ids.
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// `length` random letters and digits.
pub(crate) fn alphanumeric(length: usize) -> String {
    let mut id = String::with_capacity(length);
    while id.len() < length {
        id.extend(bytes::<32>().iter().filter_map(letter).take(length - id.len()));
    }
    id
}

/// `length` letters and digits (at most 32) that are the same for the same `seed`.
pub(crate) fn derived(seed: &str, length: usize) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, seed.as_bytes());
    digest.as_ref().iter().map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()])).take(length).collect()
}

/// `digits` lower-case hexadecimal digits, at most 64.
pub(crate) fn hex(digits: usize) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let random = bytes::<32>();
    let nibbles = random.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.take(digits).map(|nibble| char::from(DIGITS[usize::from(nibble)])).collect()
}

/// `count` decimal digits, at most 32.
pub(crate) fn digits(count: usize) -> String {
    bytes::<32>().iter().map(|byte| char::from(b'0' + byte % 10)).take(count).collect()
}

/// A version 4 UUID, such as every AWS request id.
pub(crate) fn uuid() -> String {
    let h = hex(32);
    format!("{}-{}-4{}-a{}-{}", &h[..8], &h[8..12], &h[13..16], &h[17..20], &h[20..])
}

/// `N` random bytes.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).expect("aws-lc ends the process itself when there is no randomness");
    bytes
}

/// A letter for six of the byte's bits, or none for the two values that would make some letters likelier.
fn letter(byte: &u8) -> Option<char> {
    ALPHABET.get(usize::from(byte & 63)).copied().map(char::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_the_asked_length_and_alphabet() {
        for length in [0, 1, 12, 13, 100] {
            let id = alphanumeric(length);
            assert_eq!(id.len(), length);
            assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
        }
        assert_ne!(alphanumeric(12), alphanumeric(12));
    }

    #[test]
    fn a_derived_id_depends_on_its_seed_alone() {
        assert_eq!(derived("a", 6), derived("a", 6));
        assert_ne!(derived("a", 6), derived("b", 6));
        assert_eq!(derived("a", 6).len(), 6);
    }
}
