//! Every call that reached the AWS endpoint.

use std::time::Duration;

use serde::{Serialize, Serializer};
use serde_json::Value;
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
pub(crate) struct CallLog(NumberedLog<Entry>);

/// A call as it is listed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    seq: u64,
    #[serde(serialize_with = "written")]
    at: OffsetDateTime,
    function: Option<String>,
    instance: Option<String>,
    task: Option<String>,
    service: &'static str,
    operation: String,
    status: Option<u16>,
    error_code: Option<String>,
    denied_action: Option<String>,
    duration_ms: f64,
    consumed_capacity: Option<f64>,
    request_id: String,
}

fn written<S: Serializer>(time: &OffsetDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&clock::rfc3339(*time))
}

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
        self.0.push(|seq| Entry {
            seq,
            at: record.at,
            function: function.cloned(),
            instance: instance.cloned(),
            task: task.cloned(),
            service: record.call.service.as_str(),
            operation: record.call.operation.clone(),
            status: record.status,
            error_code: record.error_code.map(str::to_owned),
            denied_action: record.denied_action.map(str::to_owned),
            duration_ms: record.duration.as_secs_f64() * 1000.0,
            consumed_capacity: record.consumed_capacity,
            request_id: record.request_id.to_owned(),
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
