//! What an operation on a queue is given besides its input.

use crate::template;

/// What an operation on a queue is given besides its input.
pub(super) struct Context<'a> {
    pub(super) settings: &'a template::Queue,
    pub(super) arn: String,
    /// Milliseconds since the epoch.
    pub(super) now_ms: i64,
}

impl Context<'_> {
    /// Messages that were sent until then are not kept any more.
    pub(super) fn oldest_ms(&self) -> i64 {
        self.now_ms - self.settings.retention.as_millis() as i64
    }
}
