//! What a service was a moment ago.

use std::collections::VecDeque;

use time::{Duration, OffsetDateTime};

/// How late a list is: longer than who creates and lists at once needs for it.
const MOMENT: Duration = Duration::seconds(2);

/// States that were, each with the time of its end, the oldest first.
pub(super) struct Past<M>(VecDeque<(OffsetDateTime, M)>);

impl<M> Default for Past<M> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<M> Past<M> {
    /// Notes a state that has ended now.
    pub(super) fn note(&mut self, state: M, now: OffsetDateTime) {
        self.forget(now);
        self.0.push_back((now, state));
    }

    /// The state of a moment ago; none if it is still the present one.
    pub(super) fn a_moment_before(&mut self, now: OffsetDateTime) -> Option<&M> {
        self.forget(now);
        self.0.front().map(|(_, state)| state)
    }

    fn forget(&mut self, now: OffsetDateTime) {
        while self.0.front().is_some_and(|(end, _)| *end <= now - MOMENT) {
            self.0.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

    #[test]
    fn it_is_the_state_of_a_moment_ago_whatever_came_since() {
        let at = |ms| NOW + Duration::milliseconds(ms);
        let mut past = Past::default();
        past.note("none", at(0));
        past.note("one", at(200));
        for (ms, expected) in
            [(200, Some("none")), (1_999, Some("none")), (2_000, Some("one")), (2_199, Some("one")), (2_200, None)]
        {
            assert_eq!(past.a_moment_before(at(ms)).copied(), expected, "{ms}");
        }
    }
}
