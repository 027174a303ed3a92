//! Cursors, and the lists that they belong to.

use std::fmt::Display;

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::Timestamp;

/// Where in the order of a list a page ended. A [`List`] writes and reads it.
pub trait Position: Sized {
    /// The order, in words. A list that comes to have another one takes no earlier cursor.
    const ORDER: &'static str;

    /// The position as text.
    fn write(&self) -> String;

    /// The position that [`write`](Self::write) has made this text of.
    fn read(text: &str) -> Option<Self>;
}

/// The text was not handed out as a cursor of this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a cursor that an earlier page of this list gave")]
pub struct InvalidCursor;

/// One list: that of a route, of what its path names, for one caller.
///
/// A cursor is the unpadded base64url of a digest and a position; the digest is of the list, the order and the position.
/// So a cursor of another list, another caller or another order, or one that was changed, is refused. The digest needs no
/// key, because it protects nothing: a position is looked up in the caller's own part of an index and nowhere else, so
/// whoever computes one gets to another place of the same list.
#[derive(Clone)]
pub struct List(Context);

/// As much of the digest as tells two of them apart.
const TAG: usize = 16;

impl List {
    /// The list of a route.
    pub fn new(route: &str) -> Self {
        Self(Context::new(&SHA256)).of(route)
    }

    /// That part of it which is this caller's, or of what the path names so.
    #[must_use]
    pub fn of(mut self, whose: impl Display) -> Self {
        add(&mut self.0, &whose.to_string());
        self
    }

    /// The cursor of a position.
    pub fn cursor<P: Position>(&self, position: &P) -> String {
        let position = position.write();
        BASE64_URL_SAFE_NO_PAD.encode([&self.tag::<P>(&position), position.as_bytes()].concat())
    }

    /// The position that a cursor of this list stands for.
    ///
    /// # Errors
    /// [`InvalidCursor`] for any other text.
    pub fn position<P: Position>(&self, cursor: &str) -> Result<P, InvalidCursor> {
        // There is one text for the same bytes: padding and unused bits are refused.
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).map_err(|_| InvalidCursor)?;
        let (tag, text) = bytes.split_first_chunk::<TAG>().ok_or(InvalidCursor)?;
        let text = str::from_utf8(text).map_err(|_| InvalidCursor)?;
        if *tag != self.tag::<P>(text) {
            return Err(InvalidCursor);
        }
        P::read(text).filter(|position| position.write() == text).ok_or(InvalidCursor)
    }

    fn tag<P: Position>(&self, position: &str) -> [u8; TAG] {
        let mut context = self.0.clone();
        add(&mut context, P::ORDER);
        add(&mut context, position);
        let mut tag = [0; TAG];
        tag.copy_from_slice(&context.finish().as_ref()[..TAG]);
        tag
    }
}

/// Adds a text that no other texts together can be taken for.
fn add(context: &mut Context, text: &str) {
    context.update(&text.len().to_be_bytes());
    context.update(text.as_bytes());
}

/// The place in a list that is sorted by time, the latest first: the time and the name of the last item seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The time that the list is sorted by.
    pub at: Timestamp,
    /// The name or user id of that item.
    pub id: String,
}

impl Position for Cursor {
    const ORDER: &'static str = "latest first";

    fn write(&self) -> String {
        format!("{}\n{}", self.at, self.id)
    }

    fn read(text: &str) -> Option<Self> {
        let (at, id) = text.split_once('\n')?;
        let is_id = !id.is_empty() && id.chars().count() <= 128;
        Some(Self { at: at.parse().ok()?, id: id.to_owned() }).filter(|_| is_id)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;

    use super::super::super::time::tests::{CASES, check, time_texts};
    use super::*;

    fn list() -> List {
        List::new("GET /stages").of("alice")
    }

    /// A cursor of that list with any text in the place of a position.
    fn cursor_of(text: &str) -> String {
        BASE64_URL_SAFE_NO_PAD.encode([&list().tag::<Cursor>(text), text.as_bytes()].concat())
    }

    fn read(cursor: &str) -> Result<Cursor, InvalidCursor> {
        list().position(cursor)
    }

    /// Texts near the valid form: a time and an id, each with something wrong now and then.
    fn position_texts() -> impl Strategy<Value = String> {
        let id = prop_oneof![
            4 => "[A-Za-z0-9_-]{1,128}",
            2 => "\\PC{0,140}",
            1 => "[a-z\n\0]{0,10}",
        ];
        let separator = prop_oneof![12 => Just("\n"), 1 => Just(""), 1 => Just("\n\n"), 1 => Just(" ")];
        (time_texts(), any::<bool>(), separator, id).prop_map(|(at, canonical, separator, id)| {
            let at = at.parse::<Timestamp>().ok().filter(|_| canonical).map_or(at, |at| at.to_string());
            format!("{at}{separator}{id}")
        })
    }

    #[test]
    fn any_position_even_with_the_right_digest_is_one_that_a_page_may_end_at_or_refused_without_a_panic() {
        let (timed, taken) = (Cell::new(0), Cell::new(0));
        check(&position_texts(), |text| {
            let is_timed = text.split_once('\n').is_some_and(|(at, _)| at.parse::<Timestamp>().is_ok());
            timed.set(timed.get() + u32::from(is_timed));
            if let Ok(position) = read(&cursor_of(&text)) {
                taken.set(taken.get() + 1);
                assert!(is_timed && !position.id.is_empty(), "{position:?}");
                assert_eq!(position.write(), text);
                assert_eq!(list().cursor(&position), cursor_of(&text));
            }
        });
        assert!(timed.get() > CASES / 10, "{timed:?} of {CASES} began with a time");
        assert!(taken.get() > CASES / 20, "{taken:?} of {CASES} were positions");
    }

    #[test]
    fn a_position_in_another_notation_or_without_a_text_in_utc_is_refused() {
        assert!(read(&cursor_of("9999-12-31T23:59:59.000Z\nx")).is_ok());
        for at in [
            "9999-12-31T23:59:59-01:00",
            "0000-01-01T00:00:00+23:59",
            "9999-12-31T23:59:59Z",
            "2016-12-31T23:59:60Z",
            "2026-03-01T12:00:00.000+00:00",
            "2026-03-01T12:00:00.0000Z",
        ] {
            assert_eq!(read(&cursor_of(&format!("{at}\nx"))), Err(InvalidCursor), "{at}");
        }
    }

    proptest! {
        #[test]
        fn a_cursor_survives_its_text_and_no_change_of_it(id in "[^\\x00-\\x1f]{1,128}", bit in any::<prop::sample::Index>()) {
            let position = Cursor { at: "2026-03-01T12:00:00.000Z".parse().unwrap(), id };
            let cursor = list().cursor(&position);
            prop_assert_eq!(read(&cursor), Ok(position));
            let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(&cursor).unwrap();
            let bit = bit.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(read(&BASE64_URL_SAFE_NO_PAD.encode(bytes)), Err(InvalidCursor));
        }

        #[test]
        fn no_text_that_was_not_handed_out_is_a_cursor(text in "\\PC{0,200}", bytes in prop::collection::vec(any::<u8>(), 0..90)) {
            prop_assert_eq!(read(&text), Err(InvalidCursor));
            prop_assert_eq!(read(&BASE64_URL_SAFE_NO_PAD.encode(bytes)), Err(InvalidCursor));
        }
    }

    #[test]
    fn a_cursor_has_one_spelling() {
        let cursor = list().cursor(&Cursor { at: "2026-03-01T12:00:00.000Z".parse().unwrap(), id: "a".to_owned() });
        // 16 + 24 + 2 bytes: nothing is left over. One more character of the id leaves unused bits.
        let longer = list().cursor(&Cursor { at: "2026-03-01T12:00:00.000Z".parse().unwrap(), id: "ab".to_owned() });
        let last = longer.chars().last().unwrap();
        let unused_bits = format!("{}{}", &longer[..longer.len() - 1], char::from(last as u8 + 1));
        assert!(read(&longer).is_ok());
        for text in
            [format!("{cursor}="), format!("{longer}="), unused_bits, format!(" {cursor}"), format!("{cursor}A")]
        {
            assert_eq!(read(&text), Err(InvalidCursor), "{text}");
        }
    }

    /// As [`Cursor`], in another order.
    #[derive(Debug, PartialEq)]
    struct EarliestFirst(Cursor);

    impl Position for EarliestFirst {
        const ORDER: &'static str = "earliest first";

        fn write(&self) -> String {
            self.0.write()
        }

        fn read(text: &str) -> Option<Self> {
            Cursor::read(text).map(Self)
        }
    }

    #[test]
    fn a_cursor_belongs_to_its_list_its_caller_and_its_order() {
        let position = Cursor { at: "2026-03-01T12:00:00.000Z".parse().unwrap(), id: "a".to_owned() };
        let cursor = list().cursor(&position);
        for other in [
            List::new("GET /channels").of("alice"),
            List::new("GET /stages").of("bob"),
            List::new("GET /stages"),
            List::new("GET /stages").of("alice").of(""),
            List::new("GET /stagesalice"),
        ] {
            assert_eq!(other.position::<Cursor>(&cursor), Err(InvalidCursor));
        }
        assert_eq!(list().position::<EarliestFirst>(&cursor), Err(InvalidCursor));
        assert_eq!(list().position(&cursor), Ok(position));
    }
}
