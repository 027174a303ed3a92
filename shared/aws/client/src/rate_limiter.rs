//! Calls at a rate, for those who list everything there is, beside callers who wait for an answer.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// Lets one call go at a time, each no sooner than the interval after the one before.
pub struct RateLimiter {
    interval: Duration,
    next: Mutex<Option<Instant>>,
}

impl RateLimiter {
    /// So many calls a second; at least one.
    pub fn per_second(calls: u32) -> Self {
        Self { interval: Duration::from_secs(1) / calls.max(1), next: Mutex::const_new(None) }
    }

    /// So many calls a minute, one after the other; at least one.
    pub fn per_minute(calls: u32) -> Self {
        Self { interval: Duration::from_secs(60) / calls.max(1), next: Mutex::const_new(None) }
    }

    /// As fast as answers come.
    pub fn unlimited() -> Self {
        Self { interval: Duration::ZERO, next: Mutex::const_new(None) }
    }

    /// Waits until the next call may go.
    pub async fn acquire(&self) {
        let mut next = self.next.lock().await;
        if let Some(next) = *next {
            sleep_until(next).await;
        }
        *next = Some(Instant::now() + self.interval);
    }
}
