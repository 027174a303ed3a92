//! What the functions write.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::plumbing::sync::lock;
use crate::program::request_log::RequestLog;

/// Where the functions' output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Log {
    /// To stderr, each line after its function's name.
    Inherit,
    /// To stderr, what a person wants to see of it: of a line of JSON its level, message, problem, duration, counters
    /// and cause.
    Compact,
    /// Into memory, for [`LocalCloud::logs`](crate::LocalCloud::logs).
    Collect,
}

/// One line of a function's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Logical id of the function; `API Gateway` for what that refuses, `IVS` for broadcasts.
    pub function: String,
    /// The instance that wrote it; empty if none did.
    pub instance: String,
    /// The line, without its end.
    pub line: String,
}

/// The lines of all functions.
pub(crate) struct Lines {
    log: Log,
    collected: Mutex<Vec<LogLine>>,
    /// Gets those of instances, too.
    requests: Arc<RequestLog>,
}

impl Lines {
    pub(crate) fn new(log: Log, requests: Arc<RequestLog>) -> Self {
        Self { log, collected: Mutex::default(), requests }
    }

    pub(crate) fn push(&self, line: LogLine) {
        if !line.instance.is_empty() {
            self.requests.wrote(&line.instance, &line.line);
        }
        let text = match self.log {
            Log::Collect => return lock(&self.collected).push(line),
            Log::Inherit => line.line,
            Log::Compact => compact(&line.line).unwrap_or(line.line),
        };
        // In one piece, so that nothing else that is written to the terminal comes in between. Without a stderr there is
        // nobody to tell.
        let _ = std::io::stderr().write_all(format!("[{}] {text}\n", line.function).as_bytes());
    }

    pub(crate) fn collected(&self) -> Vec<LogLine> {
        lock(&self.collected).clone()
    }
}

/// Fields that are shown in another way, or that only a search needs.
const NOT_SHOWN: [&str; 12] = [
    "cause",
    "durationMs",
    "function",
    "level",
    "message",
    "problem",
    "requestId",
    "route",
    "stack",
    "status",
    "target",
    "timestamp",
];
/// Longer texts than what a line is about are for a search.
const LONGEST_SUBJECT: usize = 128;

/// The short form of a line that is JSON with a level and a message:
/// `INFO PUT /stages/{stage} 409 conflict 14 ms awsCallCount=2 stage=demo`.
fn compact(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    let text = |name: &str| line.get(name).and_then(Value::as_str).map(printable);
    let message = text("message")?;
    let mut short = format!("{} {message}", text("level")?);
    // Most messages begin with the route, and have the status after it.
    if let Some(route) = text("route").filter(|route| !message.contains(route)) {
        short.push_str(&format!(" {route}"));
        if let Some(status) = line.get("status").and_then(Value::as_u64) {
            short.push_str(&format!(" {status}"));
        }
    }
    if let Some(problem) = text("problem") {
        short.push_str(&format!(" {problem}"));
    }
    if let Some(milliseconds) = line.get("durationMs").and_then(Value::as_f64) {
        short.push_str(&format!(" {milliseconds:.0} ms"));
    }
    for (name, value) in line.as_object()?.iter().filter(|(name, _)| !NOT_SHOWN.contains(&name.as_str())) {
        match value {
            Value::Number(count) if count.as_f64().is_some_and(|count| count != 0.0) => {
                short.push_str(&format!(" {}={count}", printable(name)));
            }
            Value::String(subject) if !subject.is_empty() && subject.len() <= LONGEST_SUBJECT => {
                short.push_str(&format!(" {}={}", printable(name), printable(subject)));
            }
            _ => {}
        }
    }
    if let Some(cause) = text("cause") {
        short.push_str(&format!(": {cause}"));
    }
    Some(short)
}

/// Text that does not steer the terminal, nor pass for another line.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_json_is_shown_by_level_message_problem_duration_counters_and_cause() {
        for (line, expected) in [
            (
                r#"{"timestamp":"2026-03-01T12:00:00.000Z","level":"INFO","message":"PUT /stages/{stage} 409","stack":"greenroom","function":"stage","route":"PUT /stages/{stage}","status":409,"problem":"conflict","stage":"demo","requestId":"id-1","durationMs":2.5,"awsCallCount":1,"awsCalls":[{"operation":"DynamoDB.GetItem","durationMs":1.0}],"InternalErrors":0}"#,
                "INFO PUT /stages/{stage} 409 conflict 2 ms awsCallCount=1 stage=demo",
            ),
            (
                r#"{"level":"INFO","message":"task-tracker recorded","function":"task-tracker","task.id":"0a1b","requestId":"id-2","durationMs":8.0,"awsCallCount":3,"EventsTracked":1}"#,
                "INFO task-tracker recorded 8 ms EventsTracked=1 awsCallCount=3 task.id=0a1b",
            ),
            (
                r#"{"level":"WARN","message":"slow","route":"GET /stages","status":200,"durationMs":1.0}"#,
                "WARN slow GET /stages 200 1 ms",
            ),
            (
                r#"{"level":"ERROR","message":"the request failed","requestId":"id-3","problem":"internal","cause":"dynamodb:Query: because"}"#,
                "ERROR the request failed internal: dynamodb:Query: because",
            ),
            (
                r#"{"level":"INFO","message":"PUT /stages/{stage} 201","durationMs":13.6,"status":201}"#,
                "INFO PUT /stages/{stage} 201 14 ms",
            ),
            (r#"{"message":"stopped","level":"WARN"}"#, "WARN stopped"),
            (
                r#"{"level":"ERROR","message":"the request failed","cause":"throttled"}"#,
                "ERROR the request failed: throttled",
            ),
            (r#"{"level":"INFO","message":"a\n\u001b[2Jb"}"#, "INFO a  [2Jb"),
        ] {
            assert_eq!(compact(line).as_deref(), Some(expected));
        }
    }

    #[test]
    fn any_other_line_stays_as_it_is() {
        for line in
            ["", "panicked at src/main.rs", "{", "[]", "7", r#"{"level":"INFO"}"#, r#"{"level":1,"message":"a"}"#]
        {
            assert_eq!(compact(line), None, "{line}");
        }
    }
}
