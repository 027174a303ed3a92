//! Recordings that come to nothing.

use std::time::{Duration, Instant};

/// How many in a row are put up with.
const MOST: u32 = 3;
/// After so long a time, one is the first again.
const FORGOTTEN: Duration = Duration::from_secs(60);

/// Those of a broadcast.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    count: u32,
    last: Option<Instant>,
}

impl Failures {
    /// There is another one. Whether that is one too many.
    pub(crate) fn are_too_many(&mut self, now: Instant) -> bool {
        if self.last.is_none_or(|last| now.saturating_duration_since(last) >= FORGOTTEN) {
            self.count = 0;
        }
        (self.count, self.last) = (self.count + 1, Some(now));
        self.count > MOST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fourth_failure_in_a_row_is_too_many_and_the_fourth_of_a_long_broadcast_is_not() {
        let now = Instant::now();
        let seconds = |seconds: [u64; 4]| {
            let mut failures = Failures::default();
            seconds.map(|seconds| failures.are_too_many(now + Duration::from_secs(seconds)))
        };
        assert_eq!(seconds([0, 10, 20, 30]), [false, false, false, true]);
        assert_eq!(seconds([0, 600, 1200, 1800]), [false; 4]);
    }
}
