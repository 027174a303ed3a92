//! Points in time as the API shows and the tables store them.

use std::fmt;
use std::ops::Add;
use std::str::FromStr;
use std::time::Duration;

use serde::{Serialize, Serializer};
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

/// A point in time in UTC, to the millisecond. Its text is RFC 3339 of one width, so that texts sort as times do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(OffsetDateTime);

/// The text is no RFC 3339 time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an RFC 3339 time such as 2026-03-01T12:00:00Z")]
pub struct InvalidTimestamp;

impl Timestamp {
    /// The present. Read at the edge and passed on, never inside the domain.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub fn now() -> Self {
        Self::from(OffsetDateTime::now_utc())
    }

    /// Seconds since the epoch, rounded down: what JWT claims and DynamoDB's TTL count.
    pub fn epoch_seconds(self) -> i64 {
        self.0.unix_timestamp()
    }

    /// Milliseconds since the epoch: what CloudWatch counts.
    pub fn epoch_millis(self) -> i64 {
        self.0.unix_timestamp() * 1000 + i64::from(self.0.millisecond())
    }

    /// The same moment without its fraction of a second, as a JWT claim would give it back.
    #[must_use]
    pub fn whole_seconds(self) -> Self {
        Self(self.0.replace_nanosecond(0).unwrap_or(self.0))
    }

    /// How long until `later`; zero when that has passed.
    pub fn until(self, later: Self) -> Duration {
        (later.0 - self.0).try_into().unwrap_or_default()
    }
}

impl From<OffsetDateTime> for Timestamp {
    fn from(time: OffsetDateTime) -> Self {
        let time = time.to_offset(UtcOffset::UTC);
        let millis = u32::from(time.millisecond());
        Self(time.replace_nanosecond(millis * 1_000_000).unwrap_or(time))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self::from(self.0 + duration)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
        f.write_str(&self.0.format(format).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        OffsetDateTime::parse(text, &Rfc3339).map(Self::from).map_err(|_| InvalidTimestamp)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn texts_sort_as_times_do(a in 0i64..4_000_000_000_000, b in 0i64..4_000_000_000_000) {
            let at = |millis| Timestamp::from(OffsetDateTime::UNIX_EPOCH + time::Duration::milliseconds(millis));
            prop_assert_eq!(at(a).to_string().cmp(&at(b).to_string()), a.cmp(&b));
            prop_assert_eq!(at(a).to_string().parse(), Ok(at(a)));
        }
    }

    #[test]
    fn the_text_is_utc_with_three_digits() {
        let time: Timestamp = "2026-03-01T13:00:00.5+01:00".parse().unwrap();
        assert_eq!(time.to_string(), "2026-03-01T12:00:00.500Z");
    }

    #[test]
    fn the_time_left_is_never_negative() {
        let time: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        assert_eq!(time.until(time + Duration::from_secs(3)), Duration::from_secs(3));
        assert_eq!((time + Duration::from_secs(3)).until(time), Duration::ZERO);
    }
}
