//! What happened, in numbered entries of which the oldest are forgotten.

use std::collections::VecDeque;
use std::sync::Mutex;

use serde::Serialize;
use serde_json::{Value, json};

use crate::plumbing::sync::lock;

/// Entries numbered from 1. The numbers go on after a reset.
pub(crate) struct NumberedLog<T> {
    /// What the entries are called where they are listed.
    name: &'static str,
    /// The oldest entries beyond this many are forgotten.
    capacity: usize,
    entries: Mutex<Entries<T>>,
}

struct Entries<T> {
    kept: VecDeque<(u64, T)>,
    last: u64,
}

impl<T: Serialize> NumberedLog<T> {
    pub(crate) fn new(name: &'static str, capacity: usize) -> Self {
        Self { name, capacity, entries: Mutex::new(Entries { kept: VecDeque::new(), last: 0 }) }
    }

    /// Adds the entry that `entry` makes with its number, and answers the number.
    pub(crate) fn push(&self, entry: impl FnOnce(u64) -> T) -> u64 {
        let mut entries = lock(&self.entries);
        entries.last += 1;
        let seq = entries.last;
        entries.kept.push_back((seq, entry(seq)));
        if entries.kept.len() > self.capacity {
            entries.kept.pop_front();
        }
        seq
    }

    /// The entries with a number of at least `since`, and the number that the next one will have.
    pub(crate) fn since(&self, since: u64) -> Value {
        let entries = lock(&self.entries);
        let from = entries.kept.partition_point(|(seq, _)| *seq < since);
        let listed: Vec<_> = entries.kept.range(from..).map(|(_, entry)| entry).collect();
        json!({self.name: listed, "next": entries.last + 1})
    }

    pub(crate) fn reset(&self) {
        lock(&self.entries).kept.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_entries_are_forgotten_and_the_numbers_go_on() {
        let log = NumberedLog::new("things", 2);
        for _ in 0..3 {
            log.push(|seq| json!({"seq": seq}));
        }
        assert_eq!(log.since(0), json!({"things": [{"seq": 2}, {"seq": 3}], "next": 4}));
        assert_eq!(log.since(3), json!({"things": [{"seq": 3}], "next": 4}));
        log.reset();
        assert_eq!(log.since(0), json!({"things": [], "next": 4}));
    }
}
