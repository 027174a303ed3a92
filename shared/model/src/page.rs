//! Lists come in pages: `?limit=&cursor=` in, `items` and the next `cursor` out.

mod cursor;

use std::str::FromStr;

pub use self::cursor::{Cursor, InvalidCursor, List, Position};

/// How many items a page may hold: 1 to 100, 50 unless told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(u8);

/// The text is no whole number of 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number of 1 to 100")]
pub struct InvalidLimit;

impl Limit {
    /// The number itself.
    pub fn get(self) -> u8 {
        self.0
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(50)
    }
}

impl FromStr for Limit {
    type Err = InvalidLimit;

    fn from_str(text: &str) -> Result<Self, InvalidLimit> {
        // Rust would read a plus sign and leading zeros, too.
        let is_number = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|n| is_number && (1..=100).contains(n)).map(Self).ok_or(InvalidLimit)
    }
}

/// One page of a list. A page may hold fewer items than the limit and still have a successor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, C = Cursor> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// Present while there may be more.
    pub cursor: Option<C>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_1_to_100_in_digits_alone() {
        assert_eq!("100".parse().map(Limit::get), Ok(100));
        for text in ["0", "101", "-1", "ten", "", "1.5", "300", "+5", "05", " 5", "5 ", "5,5", "\u{665}"] {
            assert_eq!(text.parse::<Limit>(), Err(InvalidLimit), "{text}");
        }
    }
}
