//! Points in time as the API shows and the tables store them.

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::format_description::well_known::Rfc3339;
use time::macros::{datetime, format_description};
use time::{OffsetDateTime, UtcOffset};

/// A point in time in UTC, to the millisecond, of the years 0 to 9999. Its text is RFC 3339 of one width, so that texts
/// sort as times do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(OffsetDateTime);

/// The first and the last time that RFC 3339 can write in UTC.
const FIRST: OffsetDateTime = datetime!(0000-01-01 0:00 UTC);
const LAST: OffsetDateTime = datetime!(9999-12-31 23:59:59.999 UTC);

/// The text is no RFC 3339 time, or the time lies outside the years 0 to 9999 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an RFC 3339 time such as 2026-03-01T12:00:00Z")]
pub struct InvalidTimestamp;

impl Timestamp {
    /// The last one.
    pub(super) const LAST: Self = Self(LAST);

    /// The present. Read at the edge and passed on, never in `model`.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub fn now() -> Self {
        Self::clamped(OffsetDateTime::now_utc())
    }

    /// So long after the epoch; `None` beyond the years that there is a text for.
    pub fn from_epoch(seconds: i64, nanos: u32) -> Option<Self> {
        let whole = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
        Self::try_from(whole.replace_nanosecond(nanos).ok()?).ok()
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

    /// The nearest time that there is a text for.
    fn clamped(utc: OffsetDateTime) -> Self {
        let millis = u32::from(utc.millisecond());
        Self(utc.replace_nanosecond(millis * 1_000_000).unwrap_or(utc).clamp(FIRST, LAST))
    }
}

impl From<Timestamp> for OffsetDateTime {
    fn from(time: Timestamp) -> Self {
        time.0
    }
}

impl TryFrom<OffsetDateTime> for Timestamp {
    type Error = InvalidTimestamp;

    /// Cuts off what is below a millisecond.
    fn try_from(time: OffsetDateTime) -> Result<Self, InvalidTimestamp> {
        // An offset may carry a time of the year 9999 into a year that has no text.
        let utc = time.checked_to_offset(UtcOffset::UTC).filter(|utc| (0..=9999).contains(&utc.year()));
        utc.map(Self::clamped).ok_or(InvalidTimestamp)
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    /// At most the last moment of the year 9999: leases and dates of expiry may come from outside.
    fn add(self, duration: Duration) -> Self {
        let duration = time::Duration::try_from(duration).unwrap_or(time::Duration::MAX);
        Self::clamped(self.0.saturating_add(duration))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    /// At least the first moment of the year 0.
    fn sub(self, duration: Duration) -> Self {
        let duration = time::Duration::try_from(duration).unwrap_or(time::Duration::MAX);
        Self::clamped(self.0.saturating_sub(duration))
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
        OffsetDateTime::parse(text, &Rfc3339).map_err(|_| InvalidTimestamp)?.try_into()
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;
    use proptest::test_runner::TestRunner;

    use super::*;

    /// Texts near the valid form: times of every year and in every offset, and such with something wrong.
    pub(in super::super) fn time_texts() -> impl Strategy<Value = String> {
        let year = prop_oneof![Just(0u16), Just(9999), 1970u16..2100, 0u16..=9999];
        let month_and_day = prop_oneof![Just((1u8, 1u8)), Just((12, 31)), (1u8..=12, 1u8..=28), (0u8..=13, 0u8..=32)];
        // The first and the last day, where an offset leads into a year that has no text.
        let date = prop_oneof![
            2 => (year, month_and_day),
            1 => Just((0, (1, 1))),
            1 => Just((9999, (12, 31))),
        ];
        let hour = prop_oneof![4 => 0u8..24, 1 => Just(23), 1 => Just(24)];
        let minute = prop_oneof![9 => 0u8..60, 1 => Just(60)];
        let second = prop_oneof![6 => 0u8..60, 1 => Just(59), 1 => Just(60)];
        let fraction = prop_oneof![4 => Just(""), 2 => Just(".5"), 2 => Just(".999999999"), 1 => Just(".")];
        let offset = prop_oneof![
            3 => Just("Z".to_owned()),
            4 => ("[+-]", 0u8..24, 0u8..60).prop_map(|(sign, hours, minutes)| format!("{sign}{hours:02}:{minutes:02}")),
            1 => prop_oneof![Just(""), Just("z"), Just("+24:00"), Just("-0100")].prop_map(str::to_owned),
        ];
        let between = prop_oneof![9 => Just('T'), 1 => Just(' ')];
        (date, between, hour, minute, second, fraction, offset).prop_map(
            |((year, (month, day)), between, hour, minute, second, fraction, offset)| {
                format!("{year:04}-{month:02}-{day:02}{between}{hour:02}:{minute:02}:{second:02}{fraction}{offset}")
            },
        )
    }

    /// How many cases a property has that counts them.
    pub(in super::super) const CASES: u32 = 2048;

    /// Runs a property that counts for itself how far its cases get.
    pub(in super::super) fn check<S: Strategy>(cases: &S, property: impl Fn(S::Value)) {
        let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(CASES) };
        let checked = TestRunner::new(config).run(cases, |case| {
            property(case);
            Ok(())
        });
        checked.unwrap_or_else(|failure| panic!("{failure}"));
    }

    #[test]
    fn a_text_is_a_time_that_can_be_written_and_added_to_or_it_is_refused() {
        let (taken, out_of_range) = (Cell::new(0), Cell::new(0));
        check(&time_texts(), |text| match text.parse::<Timestamp>() {
            Ok(time) => {
                taken.set(taken.get() + 1);
                assert_eq!(time.to_string().parse(), Ok(time), "{text}");
                for duration in [Duration::from_millis(1), Duration::from_secs(60), Duration::MAX] {
                    let later = time + duration;
                    assert!(later >= time && later.to_string().parse() == Ok(later), "{text} + {duration:?}");
                    assert!(time.until(later) <= duration);
                }
                assert!(time.whole_seconds() <= time && time.epoch_millis() / 1000 - time.epoch_seconds() <= 1);
            }
            Err(InvalidTimestamp) => {
                let is_out_of_range = OffsetDateTime::parse(&text, &Rfc3339).is_ok();
                out_of_range.set(out_of_range.get() + u32::from(is_out_of_range));
            }
        });
        assert!(taken.get() > CASES / 5, "{taken:?} of {CASES} were times");
        assert!(out_of_range.get() > CASES / 200, "{out_of_range:?} of {CASES} were times of another year in UTC");
    }

    #[test]
    fn a_time_that_utc_has_no_text_for_is_refused() {
        for text in [
            "9999-12-31T23:59:59-01:00",
            "9999-12-31T23:59:60-00:01",
            "0000-01-01T00:00:00+23:59",
            "0000-01-01T00:00:00+00:01",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(InvalidTimestamp), "{text}");
        }
        for (text, expected) in [
            ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000Z"),
            ("9999-12-31T22:59:59-01:00", "9999-12-31T23:59:59.000Z"),
            ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000Z"),
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), expected);
        }
    }

    #[test]
    fn a_sum_ends_with_the_year_9999() {
        let late: Timestamp = "9999-12-31T23:59:59.500Z".parse().unwrap();
        assert_eq!((late + Duration::from_secs(1)).to_string(), "9999-12-31T23:59:59.999Z");
        assert_eq!((late + Duration::MAX).to_string(), "9999-12-31T23:59:59.999Z");
    }

    proptest! {
        #[test]
        fn texts_sort_as_times_do(a in 0i64..4_000_000_000_000, b in 0i64..4_000_000_000_000) {
            let at = |millis| {
                Timestamp::try_from(OffsetDateTime::UNIX_EPOCH + time::Duration::milliseconds(millis)).unwrap()
            };
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
