//! Whether, and when, an ingest is tried again.

use std::time::Duration;

use tokio::time::Instant;

use super::failure::{Failure, TargetRefused};

/// How long an ingest is tried that has never taken the broadcast.
const AT_FIRST: Duration = Duration::from_secs(10);
/// How long it is tried again once it has.
const AFTERWARDS: Duration = Duration::from_secs(30);
/// How long an earlier connection may take to be given up by the ingest.
const BUSY: Duration = Duration::from_secs(10);
/// The first pause, each next twice as long, and the longest: an ingest that is back is found in two seconds.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(2));
/// An ingest that closes instead of answering so often does not take the key.
const UNANSWERED: u32 = 3;

/// How a broadcast ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// As asked for.
    Stopped,
    /// The ingest may not be tried again.
    Withdrawn,
    /// The ingest does not take the key.
    KeyRefused,
    /// The target is not connected to.
    TargetRefused(TargetRefused),
    /// The ingest has been tried for long enough.
    IngestUnreachable,
}

/// What to do after a failure.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Again(Duration),
    Give(End),
}

/// What is known of the tries so far.
#[derive(Debug)]
pub(super) struct Retry {
    takes_over: bool,
    /// Connections over which media flowed.
    connections: u32,
    /// Since when nothing is published.
    since: Instant,
    tries: u32,
    unanswered: u32,
}

impl Retry {
    pub(super) fn new(takes_over: bool, now: Instant) -> Self {
        Self { takes_over, connections: 0, since: now, tries: 0, unanswered: 0 }
    }

    /// Media flows, now or until just now.
    pub(super) fn published(&mut self, now: Instant) {
        self.connections += 1;
        self.since = now;
        (self.tries, self.unanswered) = (0, 0);
    }

    /// The ingest took the broadcast, and gave it up as no media came: that is not the ingest's failure.
    pub(super) fn idled(&mut self, now: Instant) {
        self.since = now;
        (self.tries, self.unanswered) = (0, 0);
    }

    /// Over how many connections media has flowed.
    pub(super) fn connections(&self) -> u32 {
        self.connections
    }

    /// How often it has been tried since media flowed.
    pub(super) fn tries(&self) -> u32 {
        self.tries
    }

    pub(super) fn failed(&mut self, failure: &Failure, now: Instant) -> Decision {
        self.tries += 1;
        let patience = match failure {
            Failure::Target(refused) => return Decision::Give(End::TargetRefused(*refused)),
            Failure::Refused { busy: false, .. } => return Decision::Give(End::KeyRefused),
            Failure::Refused { busy: true, .. } => BUSY,
            Failure::Unanswered => {
                self.unanswered += 1;
                if self.connections == 0 && !self.takes_over && self.unanswered >= UNANSWERED {
                    return Decision::Give(End::KeyRefused);
                }
                if self.connections > 0 { AFTERWARDS } else { AT_FIRST }
            }
            _ if self.connections > 0 => AFTERWARDS,
            _ => AT_FIRST,
        };
        let pause = PAUSES.0.saturating_mul(1 << (self.tries - 1).min(8)).min(PAUSES.1);
        match failure {
            _ if now + pause < self.since + patience => Decision::Again(pause),
            Failure::Refused { .. } | Failure::Unanswered => Decision::Give(End::KeyRefused),
            _ => Decision::Give(End::IngestUnreachable),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(busy: bool) -> Failure {
        Failure::Refused { code: String::new(), busy }
    }

    /// The pauses until it is given up, and how.
    fn tried(mut retry: Retry, failure: &Failure, mut now: Instant) -> (Vec<u64>, End) {
        let mut pauses = Vec::new();
        loop {
            match retry.failed(failure, now) {
                Decision::Again(pause) => {
                    now += pause;
                    pauses.push(pause.as_millis() as u64);
                }
                Decision::Give(end) => return (pauses, end),
            }
        }
    }

    #[tokio::test]
    async fn pauses_grow_to_two_seconds_until_patience_is_out() {
        let now = Instant::now();
        let (pauses, end) = tried(Retry::new(false, now), &Failure::Stalled, now);
        assert_eq!((pauses, end), (vec![250, 500, 1000, 2000, 2000, 2000, 2000], End::IngestUnreachable));
        let mut retry = Retry::new(false, now);
        retry.published(now);
        let (pauses, _) = tried(retry, &Failure::Stalled, now);
        assert_eq!(pauses.iter().sum::<u64>(), 29_750);
    }

    #[tokio::test]
    async fn an_ingest_that_waited_for_media_in_vain_is_tried_for_as_long_as_before() {
        let now = Instant::now();
        let mut retry = Retry::new(false, now);
        let later = now + AT_FIRST;
        retry.idled(later);
        assert_eq!(tried(retry, &Failure::Stopped, later).0.len(), 7);
        assert_eq!(tried(Retry::new(false, now), &Failure::Stopped, later), (vec![], End::IngestUnreachable));
    }

    #[tokio::test]
    async fn a_key_that_is_refused_is_not_tried_again_unless_somebody_may_still_have_it() {
        let now = Instant::now();
        assert_eq!(tried(Retry::new(true, now), &refused(false), now), (vec![], End::KeyRefused));
        let (pauses, end) = tried(Retry::new(true, now), &refused(true), now);
        assert_eq!((pauses.iter().sum::<u64>(), end), (9_750, End::KeyRefused));
    }

    #[tokio::test]
    async fn an_ingest_that_closes_instead_of_answering_does_not_take_the_key() {
        let now = Instant::now();
        assert_eq!(tried(Retry::new(false, now), &Failure::Unanswered, now), (vec![250, 500], End::KeyRefused));
        // It may be that of an earlier connection.
        assert_eq!(tried(Retry::new(true, now), &Failure::Unanswered, now).0.len(), 7);
    }

    #[tokio::test]
    async fn a_target_that_is_refused_stays_refused() {
        let now = Instant::now();
        let end = End::TargetRefused(TargetRefused::Certificate);
        assert_eq!(tried(Retry::new(true, now), &TargetRefused::Certificate.into(), now), (vec![], end));
    }
}
