//! How many messages are gathered for one invocation, and for how long.

use std::time::Duration;

use tokio::time::Instant;

use super::super::PAYLOAD_LIMIT;

/// How much a batch may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// The most messages.
    pub(super) size: usize,
    /// How long they are gathered, from the first one on.
    pub(super) window: Duration,
}

/// A batch while it is gathered, without the messages themselves.
#[derive(Debug)]
pub(super) struct Batch {
    limits: Limits,
    size: usize,
    /// Of the event.
    bytes: usize,
    first: Option<Instant>,
    is_full: bool,
}

/// Whether a batch is to be handed over.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    Now,
    /// Not before then, unless it is full earlier.
    At(Instant),
    /// There is nothing in it.
    Empty,
}

impl Batch {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, size: 0, bytes: r#"{"Records":[]}"#.len(), first: None, is_full: false }
    }

    /// Notes one more message, whose record has so many bytes, if there is room for it. If there is none, the batch is full.
    pub(super) fn add(&mut self, record_bytes: usize, now: Instant) -> bool {
        let bytes = self.bytes + usize::from(self.size > 0) + record_bytes;
        // A message that is too large for any event would never leave the queue; none can be, at a sixth of the limit.
        if self.is_full || bytes > PAYLOAD_LIMIT {
            self.is_full = true;
            return false;
        }
        self.bytes = bytes;
        self.size += 1;
        self.first.get_or_insert(now);
        self.is_full = self.size == self.limits.size;
        true
    }

    pub(super) fn due(&self, now: Instant) -> Due {
        let Some(first) = self.first else { return Due::Empty };
        let end = first + self.limits.window;
        if self.is_full || end <= now { Due::Now } else { Due::At(end) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(size: usize, seconds: u64) -> Batch {
        Batch::new(Limits { size, window: Duration::from_secs(seconds) })
    }

    #[test]
    fn a_batch_is_handed_over_when_it_is_full_or_its_window_is_over() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut batch = batch(3, 5);
        assert_eq!(batch.due(after(100)), Due::Empty, "the window begins with the first message");
        assert!(batch.add(10, after(100)));
        assert_eq!(batch.due(after(100)), Due::At(after(105)));
        assert!(batch.add(10, after(104)));
        assert_eq!(batch.due(after(104)), Due::At(after(105)), "and no later one prolongs it");
        assert_eq!(batch.due(after(105)), Due::Now);
        assert!(batch.add(10, after(104)));
        assert_eq!(batch.due(after(104)), Due::Now);
        assert!(!batch.add(10, after(104)), "the fourth of three");
    }

    #[test]
    fn without_a_window_the_first_message_is_enough() {
        let now = Instant::now();
        let mut batch = batch(10, 0);
        assert_eq!(batch.due(now), Due::Empty);
        batch.add(10, now);
        assert_eq!(batch.due(now), Due::Now);
    }

    #[test]
    fn an_event_has_at_most_six_megabytes() {
        let now = Instant::now();
        let mut batch = batch(10_000, 300);
        let record = "0".repeat(100_000);
        let mut records = Vec::new();
        while batch.add(record.len(), now) {
            records.push(record.as_str());
        }
        let event = |records: &[&str]| format!(r#"{{"Records":[{}]}}"#, records.join(",")).len();
        assert!(event(&records) <= PAYLOAD_LIMIT);
        records.push(&record);
        assert!(event(&records) > PAYLOAD_LIMIT);
        assert_eq!(batch.due(now), Due::Now, "it does not wait for its window");
        assert!(!batch.add(1, now), "messages keep their order");
    }
}
