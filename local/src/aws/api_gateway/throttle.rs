//! `DefaultRouteSettings`: how often each route may be called, as a bucket of tokens.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Instant;

use crate::plumbing::sync::lock;
use crate::template::Throttle;

/// The buckets of all routes. A route's bucket is made, and full, when the route is first called.
pub(crate) struct Throttles {
    limit: Option<Throttle>,
    buckets: Mutex<BTreeMap<String, Bucket>>,
}

/// What is in a bucket.
struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl Throttles {
    /// Without a limit, everything passes.
    pub(crate) fn new(limit: Option<Throttle>) -> Self {
        Self { limit, buckets: Mutex::default() }
    }

    /// Takes a token of this route at this time; whether there was one.
    pub(crate) fn admits(&self, route: String, now: Instant) -> bool {
        let Some(Throttle { rate, burst }) = self.limit else { return true };
        let mut buckets = lock(&self.buckets);
        let bucket = buckets.entry(route).or_insert(Bucket { tokens: burst, filled: now });
        let since = now.saturating_duration_since(bucket.filled).as_secs_f64();
        bucket.tokens = (bucket.tokens + since * rate).min(burst);
        bucket.filled = now;
        let admits = bucket.tokens >= 1.0;
        if admits {
            bucket.tokens -= 1.0;
        }
        admits
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let throttles = Throttles::new(Some(Throttle { rate: 2.0, burst: 3.0 }));
        let start = Instant::now();
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
        let now = Instant::now();
        let admits = |route: &str| throttles.admits(route.to_owned(), now);
        assert!(admits("GET /a") && admits("GET /b"));
        assert!(!admits("GET /a"));
    }

    #[test]
    fn without_a_limit_everything_passes() {
        let throttles = Throttles::new(None);
        assert!((0..10_000).all(|_| throttles.admits("GET /a".to_owned(), Instant::now())));
    }
}
