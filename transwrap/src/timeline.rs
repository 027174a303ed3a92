//! One time for all recordings of a broadcast: each begins at 0 by itself.

/// What is between the last frame of a recording and the first of the next.
const STEP_MS: u64 = 33;

/// Where a recording's time lies in that of the broadcast.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    offset: u64,
    next: u64,
}

impl Timeline {
    /// Another recording begins: its time goes on after the last.
    pub(crate) fn begin(&mut self) {
        self.offset = self.next;
    }

    /// The broadcast's time for a recording's. Audio and video keep their distance.
    pub(crate) fn place(&mut self, timestamp: u32) -> u64 {
        let placed = self.offset + u64::from(timestamp);
        self.next = self.next.max(placed + STEP_MS);
        placed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_recordings_time_goes_on_after_the_last() {
        let mut timeline = Timeline::default();
        timeline.begin();
        assert_eq!([0, 40, 23].map(|time| timeline.place(time)), [0, 40, 23]);
        timeline.begin();
        assert_eq!([0, 21].map(|time| timeline.place(time)), [73, 94]);
    }

    #[test]
    fn a_recording_of_which_nothing_came_takes_no_time() {
        let mut timeline = Timeline::default();
        timeline.place(100);
        timeline.begin();
        timeline.begin();
        assert_eq!(timeline.place(0), 133);
    }
}
