//! Every call that reached the AWS endpoint.

use std::time::Duration;

use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::aws::service::call::Call;
use crate::aws::sts::callers::Caller;
use crate::plumbing::clock;
use crate::plumbing::numbered_log::NumberedLog;

/// The oldest calls beyond this many are forgotten.
const CAPACITY: usize = 100_000;

/// One call and what came of it.
pub(crate) struct Record<'a> {
    pub(crate) at: OffsetDateTime,
    pub(crate) caller: &'a Caller,
    pub(crate) call: &'a Call,
    /// `None` if the connection was closed without an answer.
    pub(crate) status: Option<u16>,
    pub(crate) error_code: Option<&'a str>,
    /// Which permission was missing, if the call was refused for that.
    pub(crate) denied_action: Option<&'a str>,
    pub(crate) duration: Duration,
    pub(crate) consumed_capacity: Option<f64>,
    pub(crate) request_id: &'a str,
}

/// The calls, numbered from 1. The numbers go on after a reset.
pub(crate) struct CallLog(NumberedLog);

impl Default for CallLog {
    fn default() -> Self {
        Self(NumberedLog::new("calls", CAPACITY))
    }
}

impl CallLog {
    /// Adds a call, and answers its number.
    pub(crate) fn record(&self, record: &Record<'_>) -> u64 {
        let (function, instance, task) = match record.caller {
            Caller::Function { function, instance } => (Some(function), Some(instance), None),
            Caller::Task { task, .. } => (None, None, Some(task)),
            Caller::Developer => (None, None, None),
        };
        self.0.push(|seq| {
            json!({
                "seq": seq,
                "at": clock::rfc3339(record.at),
                "function": function,
                "instance": instance,
                "task": task,
                "service": record.call.service.as_str(),
                "operation": record.call.operation,
                "status": record.status,
                "errorCode": record.error_code,
                "deniedAction": record.denied_action,
                "durationMs": record.duration.as_secs_f64() * 1000.0,
                "consumedCapacity": record.consumed_capacity,
                "requestId": record.request_id,
            })
        })
    }

    /// The calls with a number of at least `since`, and the number that the next call will have.
    pub(crate) fn since(&self, since: u64) -> Value {
        self.0.since(since)
    }

    pub(crate) fn reset(&self) {
        self.0.reset();
    }
}
