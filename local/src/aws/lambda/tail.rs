//! The log of an invocation, as far as the invoker may ask for it.

use std::time::Duration;

use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::plumbing::clock;
use crate::template::Function;

/// How much of it the invoker gets: the last 4 KB.
const LIMIT: usize = 4 << 10;

/// The last lines of one invocation.
#[derive(Default)]
pub(super) struct Tail(Vec<u8>);

impl Tail {
    pub(super) fn push(&mut self, line: &str) {
        self.extend(line.as_bytes());
        self.extend(b"\n");
    }

    /// Lines with their ends.
    pub(super) fn extend(&mut self, lines: &[u8]) {
        self.0.extend_from_slice(lines);
        self.0.drain(..self.0.len().saturating_sub(LIMIT));
    }

    /// Leaves none.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }
}

/// The line of the platform before those of the function.
pub(super) fn start(function: &Function, request_id: &str, at: OffsetDateTime) -> String {
    if is_json(function) {
        return record(at, "platform.start", &json!({"requestId": request_id, "version": "$LATEST"}));
    }
    format!("START RequestId: {request_id} Version: $LATEST")
}

/// The lines of the platform after those of the function. How much memory it used is not known.
pub(super) fn report(function: &Function, request_id: &str, duration: Duration) -> Vec<String> {
    let (ms, billed, memory) = (duration.as_secs_f64() * 1000.0, duration.as_millis() + 1, function.memory_mb);
    if is_json(function) {
        let metrics = json!({"durationMs": ms, "billedDurationMs": billed as u64, "memorySizeMB": memory});
        return vec![record(clock::now(), "platform.report", &json!({"requestId": request_id, "metrics": metrics}))];
    }
    vec![
        format!("END RequestId: {request_id}"),
        format!(
            "REPORT RequestId: {request_id}\tDuration: {ms:.2} ms\tBilled Duration: {billed} ms\tMemory Size: {memory} MB\t"
        ),
    ]
}

fn is_json(function: &Function) -> bool {
    function.logging.format.as_deref() == Some("JSON")
}

fn record(at: OffsetDateTime, kind: &str, record: &Value) -> String {
    json!({"time": clock::rfc3339_millis(at), "type": kind, "record": record}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_is_the_last_4_kb() {
        let mut tail = Tail::default();
        tail.push("first");
        tail.push(&"x".repeat(LIMIT));
        tail.push("last");
        let taken = tail.take();
        assert_eq!(taken.len(), LIMIT);
        assert!(taken.ends_with(b"x\nlast\n"));
        assert!(tail.take().is_empty());
    }
}
