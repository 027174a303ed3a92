//! Which servers a caller is shown. Everybody begins somewhere else, or all broadcasts would go to the same server.
//!
//! The table lists servers by their task ids, which ECS draws at random. A list begins at a random point of that order,
//! goes on to its end, and ends where it began. If all servers fit on a page, the page itself is turned instead.

use super::Server;
use crate::id::random_bytes;
use crate::{Error, Position, TaskId};

/// Where in the order of task ids a list begins, drawn for each list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed(u64);

impl Seed {
    /// A new one.
    ///
    /// # Errors
    /// Only when the operating system has no randomness to give.
    pub fn random() -> Result<Self, Error> {
        random_bytes().map(|bytes| Self(u64::from_le_bytes(bytes)))
    }

    /// A place between task ids: they are hexadecimal, and so is this.
    pub fn place(self) -> TaskId {
        // Sixteen hexadecimal digits are a valid id.
        format!("{:016x}", self.0).parse().unwrap_or_else(|_| unreachable!("hexadecimal digits are a task id"))
    }

    /// Rotates a page, so that each of its servers is as likely to be the first.
    pub fn rotate(self, servers: &mut [Server]) {
        if !servers.is_empty() {
            servers.rotate_left(usize::try_from(self.0 % servers.len() as u64).unwrap_or_default());
        }
    }
}

/// A part of the order of task ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// All of it.
    Whole,
    /// From this place on; what comes before it follows.
    From(TaskId),
    /// What comes before this place.
    Before(TaskId),
}

impl Segment {
    /// Whether a task is in this part.
    fn contains(&self, task: &TaskId) -> bool {
        match self {
            Self::Whole => true,
            Self::From(place) => task >= place,
            Self::Before(place) => task < place,
        }
    }

    /// What follows when this is at its end.
    pub fn next(self) -> Option<Self> {
        match self {
            Self::From(place) => Some(Self::Before(place)),
            Self::Whole | Self::Before(_) => None,
        }
    }
}

/// Where the next page of servers begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RingCursor {
    /// In which part of the order.
    pub segment: Segment,
    /// After which task; at the beginning of the segment when absent.
    pub after: Option<TaskId>,
}

impl Position for RingCursor {
    const ORDER: &'static str = "by task, from a place around";

    fn write(&self) -> String {
        let (kind, place) = match &self.segment {
            Segment::Whole => ("whole", ""),
            Segment::From(place) => ("from", place.as_str()),
            Segment::Before(place) => ("before", place.as_str()),
        };
        format!("{kind}\n{place}\n{}", self.after.as_ref().map_or("", TaskId::as_str))
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('\n');
        let (Some(kind), Some(place), Some(after), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        let id = |text: &str| text.parse::<TaskId>().ok();
        let segment = match kind {
            "whole" if place.is_empty() => Segment::Whole,
            "from" => Segment::From(id(place)?),
            "before" => Segment::Before(id(place)?),
            _ => return None,
        };
        let after = if after.is_empty() { None } else { Some(id(after)?) };
        // DynamoDB refuses to go on after a key that it would not have come to.
        let is_within = after.as_ref().is_none_or(|after| segment.contains(after));
        is_within.then_some(Self { segment, after })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;
    use proptest::test_runner::TestRunner;

    use super::*;

    /// Texts near the valid form: a segment, a place and a task, each with something wrong now and then.
    fn position_texts() -> impl Strategy<Value = String> {
        let kind = prop_oneof![3 => Just("whole"), 6 => Just("from"), 6 => Just("before"), 1 => Just("none")];
        let id = || prop_oneof![12 => "[0-9a-f]{1,32}", 4 => Just(String::new()), 1 => "[A-Za-z0-9_-]{60,70}", 1 => "\\PC{0,9}"];
        let end = prop_oneof![30 => Just(""), 1 => Just("\n"), 1 => Just("\nmore")];
        let written =
            (kind, id(), id(), end).prop_map(|(kind, place, after, end)| format!("{kind}\n{place}\n{after}{end}"));
        let cut = (written, 0..10, any::<prop::sample::Index>()).prop_map(|(text, cuts, at)| match cuts {
            0 => text.chars().take(at.index(text.len() + 1)).collect(),
            _ => text,
        });
        prop_oneof![12 => cut, 1 => ".{0,100}"]
    }

    #[test]
    fn any_text_is_a_position_that_stays_in_its_segment_or_refused_without_a_panic() {
        const CASES: u32 = 2048;
        let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(CASES) };
        let (parted, taken, placed) = (Cell::new(0), Cell::new(0), Cell::new(0));
        let checked = TestRunner::new(config).run(&position_texts(), |text| {
            parted.set(parted.get() + u32::from(text.split('\n').count() == 3));
            if let Some(cursor) = RingCursor::read(&text) {
                taken.set(taken.get() + 1);
                if let (Segment::From(_) | Segment::Before(_), Some(after)) = (&cursor.segment, &cursor.after) {
                    placed.set(placed.get() + 1);
                    prop_assert!(cursor.segment.contains(after), "{:?}", cursor);
                }
                prop_assert_eq!(cursor.write(), text);
            }
            Ok(())
        });
        checked.unwrap_or_else(|failure| panic!("{failure}"));
        assert!(parted.get() > CASES / 2, "{parted:?} of {CASES} had three parts");
        assert!(taken.get() > CASES / 6, "{taken:?} of {CASES} were positions");
        assert!(placed.get() > CASES / 20, "{placed:?} of {CASES} were after a task in a part of the order");
    }

    proptest! {
        #[test]
        fn a_cursor_survives_its_text_unless_it_leaves_its_segment(kind in 0..3, place in "[0-9a-f]{1,32}", after in "[0-9a-f]{0,32}") {
            let place: TaskId = place.parse().unwrap();
            let segment = match kind {
                0 => Segment::Whole,
                1 => Segment::From(place),
                _ => Segment::Before(place),
            };
            let after = after.parse().ok();
            let is_within = after.as_ref().is_none_or(|after| segment.contains(after));
            let cursor = RingCursor { segment, after };
            let expected = is_within.then(|| cursor.clone());
            prop_assert_eq!(RingCursor::read(&cursor.write()), expected);
        }

        #[test]
        fn any_seed_is_a_place(seed: u64) {
            prop_assert_eq!(Seed(seed).place().as_str().len(), 16);
        }
    }
}
