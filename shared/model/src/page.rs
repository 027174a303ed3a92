//! Lists come in pages: `?limit=&cursor=` in, `items` and the next `cursor` out.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::Timestamp;

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
        text.parse().ok().filter(|n| (1..=100).contains(n)).map(Self).ok_or(InvalidLimit)
    }
}

/// Where the next page begins: the sort key and the name of the last item seen. It says nothing about whose list it
/// is, so one caller's cursor opens nobody else's list. Its text is opaque: unpadded base64url.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The time that the list is sorted by.
    pub at: Timestamp,
    /// The name or user id of that item.
    pub id: String,
}

/// The text was not handed out as a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a cursor that an earlier page gave")]
pub struct InvalidCursor;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(format!("{}\n{}", self.at, self.id)))
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidCursor)?;
        let text = String::from_utf8(bytes).map_err(|_| InvalidCursor)?;
        let (at, id) = text.split_once('\n').ok_or(InvalidCursor)?;
        let at = at.parse().map_err(|_| InvalidCursor)?;
        if id.is_empty() || id.chars().count() > 128 {
            return Err(InvalidCursor);
        }
        Ok(Self { at, id: id.to_owned() })
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
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_survives_its_text(id in "[^\\x00-\\x1f]{1,128}") {
            let cursor = Cursor { at: "2026-03-01T12:00:00.000Z".parse().unwrap(), id };
            prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }

        #[test]
        fn any_text_is_a_cursor_or_refused_without_a_panic(text in ".{0,100}") {
            let _ = text.parse::<Cursor>();
        }
    }

    #[test]
    fn a_limit_is_1_to_100() {
        assert_eq!("100".parse().map(Limit::get), Ok(100));
        for text in ["0", "101", "-1", "ten", "", "1.5", "300"] {
            assert_eq!(text.parse::<Limit>(), Err(InvalidLimit), "{text}");
        }
    }
}
