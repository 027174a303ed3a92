//! What waits to be used again, and since when.

use std::time::{Duration, Instant};

/// How long an instance may be idle. Lambda's own time is not documented, and longer.
const LIMIT: Duration = Duration::from_secs(60);

/// The idle instances of one function, the most recently used one last.
pub(crate) struct Idle<T>(Vec<(T, Instant)>);

impl<T> Default for Idle<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Idle<T> {
    /// Notes one that is idle from `now` on.
    pub(crate) fn push(&mut self, instance: T, now: Instant) {
        self.0.push((instance, now));
    }

    /// Takes the most recently used one that `is_alive`; those that are not are forgotten.
    pub(crate) fn take(&mut self, is_alive: impl Fn(&T) -> bool) -> Option<T> {
        self.0.retain(|(instance, _)| is_alive(instance));
        self.0.pop().map(|(instance, _)| instance)
    }

    /// Takes those that have been idle for too long. One is kept however long it has been idle, so that a person's next
    /// request finds it.
    pub(crate) fn take_expired(&mut self, now: Instant) -> Vec<T> {
        let is_expired = |(_, since): &(T, Instant)| now.saturating_duration_since(*since) >= LIMIT;
        let expired = self.0.iter().take_while(|idle| is_expired(idle)).count();
        let ended = expired.min(self.0.len().saturating_sub(1));
        self.0.drain(..ended).map(|(instance, _)| instance).collect()
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn the_most_recently_used_one_is_used_again() {
        let (mut idle, start) = (Idle::default(), Instant::now());
        idle.push("old", start);
        idle.push("new", after(start, 1));
        assert_eq!((idle.take(|_| true), idle.take(|_| true), idle.take(|_| true)), (Some("new"), Some("old"), None));
    }

    #[test]
    fn one_that_is_gone_is_not_used() {
        let (mut idle, start) = (Idle::default(), Instant::now());
        idle.push("alive", start);
        idle.push("gone", start);
        assert_eq!(idle.take(|name| *name != "gone"), Some("alive"));
        assert_eq!(idle.take(|_| true), None);
    }

    #[test]
    fn after_a_minute_all_but_one_are_ended() {
        let (mut idle, start) = (Idle::default(), Instant::now());
        idle.push("first", start);
        idle.push("second", after(start, 10));
        idle.push("third", after(start, 20));
        assert!(idle.take_expired(after(start, 59)).is_empty());
        assert_eq!(idle.take_expired(after(start, 60)), ["first"]);
        assert_eq!(idle.take_expired(after(start, 3_600)), ["second"]);
        assert!(idle.take_expired(after(start, 7_200)).is_empty());
        assert_eq!(idle.take(|_| true), Some("third"));
    }
}
