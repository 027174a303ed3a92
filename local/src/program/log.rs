//! What the functions write.

use std::io::Write;
use std::sync::Mutex;

use serde_json::Value;

use crate::plumbing::sync::lock;

/// Where the functions' output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Log {
    /// To stderr, each line after its function's name.
    Inherit,
    /// To stderr, what a person wants to see of it: of a line of JSON its level, its message, how long it took and why.
    Compact,
    /// Into memory, for [`LocalCloud::logs`](crate::LocalCloud::logs).
    Collect,
}

/// One line of a function's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Logical id of the function.
    pub function: String,
    /// The instance that wrote it.
    pub instance: String,
    /// The line, without its end.
    pub line: String,
}

/// The lines of all functions.
pub(crate) struct Lines {
    log: Log,
    collected: Mutex<Vec<LogLine>>,
}

impl Lines {
    pub(crate) fn new(log: Log) -> Self {
        Self { log, collected: Mutex::default() }
    }

    pub(crate) fn push(&self, line: LogLine) {
        let text = match self.log {
            Log::Collect => return lock(&self.collected).push(line),
            Log::Inherit => line.line,
            Log::Compact => compact(&line.line).unwrap_or(line.line),
        };
        // Without a stderr there is nobody to tell.
        let _ = writeln!(std::io::stderr(), "[{}] {text}", line.function);
    }

    pub(crate) fn collected(&self) -> Vec<LogLine> {
        lock(&self.collected).clone()
    }
}

/// The short form of a line that is JSON with a level and a message: `INFO PUT /stages/{stage} 201 14 ms`.
fn compact(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    let text = |name: &str| line.get(name).and_then(Value::as_str).map(printable);
    let mut short = format!("{} {}", text("level")?, text("message")?);
    if let Some(milliseconds) = line.get("durationMs").and_then(Value::as_f64) {
        short.push_str(&format!(" {milliseconds:.0} ms"));
    }
    if let Some(cause) = text("cause") {
        short.push_str(&format!(": {cause}"));
    }
    Some(short)
}

/// Text that does not steer the terminal, nor pass for another line.
fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_json_is_shown_by_level_message_duration_and_cause() {
        for (line, expected) in [
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
