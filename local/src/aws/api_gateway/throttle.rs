//! `DefaultRouteSettings`: how often each route may be called, as a bucket of tokens.

use std::collections::BTreeMap;
use std::sync::Mutex;

use time::OffsetDateTime;

use crate::plumbing::sync::lock;
use crate::plumbing::token_bucket::TokenBucket;
use crate::template::Throttle;

/// The buckets of all routes. A route's bucket is made, and full, when the route is first called.
pub(crate) struct Throttles {
    limit: Option<Throttle>,
    buckets: Mutex<BTreeMap<String, TokenBucket>>,
}

impl Throttles {
    /// Without a limit, everything passes.
    pub(crate) fn new(limit: Option<Throttle>) -> Self {
        Self { limit, buckets: Mutex::default() }
    }

    /// Takes a token of this route at this time; whether there was one.
    pub(crate) fn admits(&self, route: String, now: OffsetDateTime) -> bool {
        let Some(Throttle { rate, burst }) = self.limit else { return true };
        lock(&self.buckets).entry(route).or_insert_with(|| TokenBucket::new(rate, burst)).take(now)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let throttles = Throttles::new(Some(Throttle { rate: 2.0, burst: 3.0 }));
        let start = OffsetDateTime::UNIX_EPOCH;
        let admitted = |millis: u64, calls: usize| {
            let now = start + Duration::from_millis(millis);
            (0..calls).filter(|_| throttles.admits("GET /a".to_owned(), now)).count()
        };
        assert_eq!(admitted(0, 5), 3);
        assert_eq!(admitted(500, 2), 1);
        assert_eq!(admitted(999, 1), 0);
        assert_eq!(admitted(1_000, 1), 1);
        assert_eq!(admitted(60_000, 5), 3, "a bucket holds no more than a burst");
    }

    #[test]
    fn each_route_has_a_bucket_of_its_own() {
        let throttles = Throttles::new(Some(Throttle { rate: 0.0, burst: 1.0 }));
        let now = OffsetDateTime::UNIX_EPOCH;
        let admits = |route: &str| throttles.admits(route.to_owned(), now);
        assert!(admits("GET /a") && admits("GET /b"));
        assert!(!admits("GET /a"));
    }

    #[test]
    fn without_a_limit_everything_passes() {
        let throttles = Throttles::new(None);
        assert!((0..10_000).all(|_| throttles.admits("GET /a".to_owned(), OffsetDateTime::UNIX_EPOCH)));
    }
}
