//! A token bucket: how many calls pass at once, and how many a second.

use time::OffsetDateTime;

/// A bucket, full at first.
#[derive(Debug, Clone)]
pub(crate) struct TokenBucket {
    /// Tokens a second.
    rate: f64,
    /// The most tokens that it holds.
    burst: f64,
    tokens: f64,
    refilled: Option<OffsetDateTime>,
}

impl TokenBucket {
    pub(crate) fn new(rate: f64, burst: f64) -> Self {
        Self { rate, burst, tokens: burst, refilled: None }
    }

    /// Tokens a second.
    pub(crate) fn rate(&self) -> f64 {
        self.rate
    }

    /// Takes a token at this time; whether there was one.
    pub(crate) fn take(&mut self, now: OffsetDateTime) -> bool {
        // A clock that was set back refills nothing, and counts from where it is now.
        let elapsed = self.refilled.map_or(0.0, |refilled| (now - refilled).as_seconds_f64().max(0.0));
        self.refilled = Some(now);
        self.tokens = (self.tokens + elapsed * self.rate).min(self.burst);
        let taken = self.tokens >= 1.0;
        if taken {
            self.tokens -= 1.0;
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn taken(bucket: &mut TokenBucket, calls: usize, now: OffsetDateTime) -> usize {
        (0..calls).filter(|_| bucket.take(now)).count()
    }

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let mut bucket = TokenBucket::new(2.0, 3.0);
        assert_eq!(taken(&mut bucket, 5, NOW), 3);
        assert_eq!(taken(&mut bucket, 5, NOW + Duration::seconds(1)), 2);
        assert_eq!(taken(&mut bucket, 5, NOW + Duration::hours(1)), 3, "a bucket holds no more than a burst");
    }

    #[test]
    fn a_clock_that_is_set_back_neither_refills_nor_blocks() {
        let mut bucket = TokenBucket::new(2.0, 3.0);
        assert_eq!(taken(&mut bucket, 5, NOW), 3);
        assert_eq!(taken(&mut bucket, 5, NOW - Duration::hours(1)), 0);
        assert_eq!(taken(&mut bucket, 5, NOW - Duration::hours(1) + Duration::seconds(1)), 2);
    }

    #[test]
    fn a_bucket_of_no_burst_admits_nothing() {
        assert_eq!(taken(&mut TokenBucket::new(100.0, 0.0), 5, NOW), 0);
    }
}
