//! The one place that reads the clock; everything else is told the time.

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
