//! Every call that reached the AWS endpoint.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::call::Call;
use super::callers::Caller;
use crate::clock;
use crate::sync::lock;

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
    pub(crate) duration: Duration,
    pub(crate) consumed_capacity: Option<f64>,
    pub(crate) request_id: &'a str,
}

/// The calls, numbered from 1. The numbers go on after a reset.
#[derive(Default)]
pub(crate) struct CallLog(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    calls: VecDeque<(u64, Value)>,
    last: u64,
}

impl CallLog {
    pub(crate) fn record(&self, record: &Record<'_>) {
        let (function, instance) = match record.caller {
            Caller::Function { function, instance } => (Some(function), Some(instance)),
            Caller::Developer => (None, None),
        };
        let mut entries = lock(&self.0);
        entries.last += 1;
        let seq = entries.last;
        let call = json!({
            "seq": seq,
            "at": clock::rfc3339(record.at),
            "function": function,
            "instance": instance,
            "service": record.call.service.as_str(),
            "operation": record.call.operation,
            "status": record.status,
            "errorCode": record.error_code,
            "durationMs": record.duration.as_secs_f64() * 1000.0,
            "consumedCapacity": record.consumed_capacity,
            "requestId": record.request_id,
        });
        entries.calls.push_back((seq, call));
        if entries.calls.len() > CAPACITY {
            entries.calls.pop_front();
        }
    }

    /// The calls with a number of at least `since`, and the number that the next call will have.
    pub(crate) fn since(&self, since: u64) -> Value {
        let entries = lock(&self.0);
        let from = entries.calls.partition_point(|(seq, _)| *seq < since);
        let calls: Vec<_> = entries.calls.range(from..).map(|(_, call)| call).collect();
        json!({"calls": calls, "next": entries.last + 1})
    }

    pub(crate) fn reset(&self) {
        lock(&self.0).calls.clear();
    }
}
