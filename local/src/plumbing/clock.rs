//! The one place that reads the clock; everything else is told the time.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The present time, UTC.
#[expect(clippy::disallowed_methods, reason = "this is the edge at which time is read")]
pub(crate) fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// As API Gateway, EventBridge and the call log write times.
pub(crate) fn rfc3339(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_default()
}

/// As Lambda writes times in records of failed events: in milliseconds, though without zeros at the end.
pub(crate) fn rfc3339_millis(time: OffsetDateTime) -> String {
    rfc3339(time.replace_millisecond(time.millisecond()).unwrap_or(time))
}

/// As IVS writes times: in whole seconds.
pub(crate) fn rfc3339_seconds(time: OffsetDateTime) -> String {
    rfc3339(time.replace_nanosecond(0).unwrap_or(time))
}

/// Milliseconds since the epoch.
pub(crate) fn epoch_millis(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

/// As services with a JSON protocol write times: a number of seconds since the epoch, with the milliseconds as its
/// fraction.
pub(crate) fn epoch_seconds(milliseconds: i64) -> Value {
    // Milliseconds are exact in an f64 for 285,000 years.
    json!(milliseconds as f64 / 1_000.0)
}
