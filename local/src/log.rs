//! What the functions write.

use std::io::Write;
use std::sync::Mutex;

use crate::sync::lock;

/// Where the functions' output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Log {
    /// To stderr, each line after its function's name.
    Inherit,
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
        match self.log {
            Log::Collect => lock(&self.collected).push(line),
            Log::Inherit => {
                // Without a stderr there is nobody to tell.
                let _ = writeln!(std::io::stderr(), "[{}] {}", line.function, line.line);
            }
        }
    }

    pub(crate) fn collected(&self) -> Vec<LogLine> {
        lock(&self.collected).clone()
    }
}
