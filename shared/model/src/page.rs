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
    use std::cell::Cell;

    use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE};
    use proptest::prelude::*;

    use super::super::time::tests::{CASES, check, time_texts};
    use super::*;

    /// Texts near the valid form: base64url of a time and an id, each with something wrong now and then.
    fn cursor_texts() -> impl Strategy<Value = String> {
        let id = prop_oneof![
            4 => "[A-Za-z0-9_-]{1,128}",
            2 => "\\PC{0,140}",
            1 => "[a-z\n\0]{0,10}",
        ];
        let separator = prop_oneof![12 => Just("\n"), 1 => Just(""), 1 => Just("\n\n"), 1 => Just(" ")];
        let written = (time_texts(), separator, id).prop_map(|(at, separator, id)| format!("{at}{separator}{id}"));
        let bytes =
            prop_oneof![9 => written.prop_map(String::into_bytes), 1 => prop::collection::vec(any::<u8>(), 0..60)];
        let encoded = (bytes, 0..12).prop_map(|(bytes, variant)| match variant {
            0 => BASE64_URL_SAFE.encode(bytes),
            1 => BASE64_STANDARD_NO_PAD.encode(bytes),
            2 => BASE64_URL_SAFE_NO_PAD.encode(bytes) + "A",
            _ => BASE64_URL_SAFE_NO_PAD.encode(bytes),
        });
        prop_oneof![15 => encoded, 1 => ".{0,100}"]
    }

    #[test]
    fn any_text_is_a_cursor_that_survives_its_text_or_refused_without_a_panic() {
        let (decoded, timed, taken) = (Cell::new(0), Cell::new(0), Cell::new(0));
        check(&cursor_texts(), |text| {
            let inside = BASE64_URL_SAFE_NO_PAD.decode(&text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            decoded.set(decoded.get() + u32::from(inside.is_some()));
            let is_timed = inside
                .is_some_and(|inside| inside.split_once('\n').is_some_and(|(at, _)| at.parse::<Timestamp>().is_ok()));
            timed.set(timed.get() + u32::from(is_timed));
            if let Ok(cursor) = text.parse::<Cursor>() {
                taken.set(taken.get() + 1);
                assert!(is_timed && !cursor.id.is_empty(), "{cursor:?}");
                assert_eq!(cursor.to_string().parse(), Ok(cursor));
            }
        });
        assert!(decoded.get() > CASES / 2, "{decoded:?} of {CASES} were base64url of a text");
        assert!(timed.get() > CASES / 10, "{timed:?} of {CASES} began with a time");
        assert!(taken.get() > CASES / 12, "{taken:?} of {CASES} were cursors");
    }

    #[test]
    fn a_cursor_whose_time_has_no_text_in_utc_is_refused() {
        for at in ["9999-12-31T23:59:59-01:00", "0000-01-01T00:00:00+23:59"] {
            let text = BASE64_URL_SAFE_NO_PAD.encode(format!("{at}\nx"));
            assert_eq!(text.parse::<Cursor>(), Err(InvalidCursor), "{at}");
        }
    }

    proptest! {
        #[test]
        fn a_cursor_survives_its_text(id in "[^\\x00-\\x1f]{1,128}") {
            let cursor = Cursor { at: "2026-03-01T12:00:00.000Z".parse().unwrap(), id };
            prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
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
