//! Identifiers in the shapes that AWS gives them.

use crate::plumbing::ids;

/// `digits` lower-case hexadecimal digits, at most 64.
pub(crate) fn hex(digits: usize) -> String {
    let mut text: String = ids::bytes::<32>().iter().map(|byte| format!("{byte:02x}")).collect();
    text.truncate(digits);
    text
}

/// `count` decimal digits, at most 32.
pub(crate) fn digits(count: usize) -> String {
    ids::bytes::<32>().iter().map(|byte| char::from(b'0' + byte % 10)).take(count).collect()
}

/// A version 4 UUID, such as every AWS request id.
pub(crate) fn uuid() -> String {
    let h = hex(32);
    format!("{}-{}-4{}-a{}-{}", &h[..8], &h[8..12], &h[13..16], &h[17..20], &h[20..])
}
