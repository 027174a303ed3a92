//! How often, and for how long, AWS hands on an event that is not taken.
//!
//! The waits here are a small part of AWS's, so that nobody waits for minutes. The age of an event counts AWS's waits
//! nevertheless: a limit of 60 seconds ends the retries here after as many attempts as it does there.

use std::time::Duration;

use tokio::time::{self, Instant};

/// The limits; whichever is reached first ends the retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RetryPolicy {
    /// `MaximumRetryAttempts`: attempts after the first one.
    pub(crate) maximum_attempts: u32,
    /// `MaximumEventAgeInSeconds`.
    pub(crate) maximum_age: Duration,
}

/// One wait before a retry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wait {
    pub(crate) on_aws: Duration,
    pub(crate) here: Duration,
}

/// Which limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exhausted {
    Attempts,
    Age,
}

/// The retries of one event.
#[derive(Debug)]
pub(crate) struct Retries {
    policy: RetryPolicy,
    /// The wait before the first retry is `backoff(1)`.
    backoff: fn(u32) -> Wait,
    start: Instant,
    /// What AWS would have waited so far beyond what was waited here.
    ahead: Duration,
    made: u32,
}

impl Retries {
    pub(crate) fn new(policy: RetryPolicy, backoff: fn(u32) -> Wait) -> Self {
        Self { policy, backoff, start: Instant::now(), ahead: Duration::ZERO, made: 0 }
    }

    /// Waits for the next retry, unless there is none.
    pub(crate) async fn next(&mut self) -> Result<(), Exhausted> {
        if self.made >= self.policy.maximum_attempts {
            return Err(Exhausted::Attempts);
        }
        let wait = (self.backoff)(self.made + 1);
        let age = self.start.elapsed() + self.ahead + wait.on_aws;
        if age >= self.policy.maximum_age {
            return Err(Exhausted::Age);
        }
        time::sleep(wait.here).await;
        self.made += 1;
        self.ahead += wait.on_aws.saturating_sub(wait.here);
        Ok(())
    }

    /// How many there were.
    pub(crate) fn made(&self) -> u32 {
        self.made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(retry: u32) -> Wait {
        Wait { on_aws: Duration::from_secs(60) * retry, here: Duration::from_millis(100) * retry }
    }

    async fn exhaust(maximum_attempts: u32, maximum_age_seconds: u64) -> (Exhausted, u32) {
        let maximum_age = Duration::from_secs(maximum_age_seconds);
        let mut retries = Retries::new(RetryPolicy { maximum_attempts, maximum_age }, minutes);
        loop {
            if let Err(limit) = retries.next().await {
                return (limit, retries.made());
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_limit_that_is_reached_first_ends_the_retries() {
        for (attempts, age, expected) in [
            (0, 21_600, (Exhausted::Attempts, 0)),
            (2, 21_600, (Exhausted::Attempts, 2)),
            (2, 60, (Exhausted::Age, 0)),
            (2, 180, (Exhausted::Age, 1)),
            (2, 181, (Exhausted::Attempts, 2)),
        ] {
            assert_eq!(exhaust(attempts, age).await, expected, "{attempts} attempts, {age} s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_waits_are_those_of_here() {
        let start = Instant::now();
        exhaust(2, 21_600).await;
        assert_eq!(start.elapsed(), Duration::from_millis(300));
    }
}
