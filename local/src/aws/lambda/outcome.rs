//! What an invocation comes to.

use hyper::body::Bytes;
use serde_json::{Value, json};

/// The most that a synchronous invocation may carry, either way: 6 MB.
pub(crate) const PAYLOAD_LIMIT: usize = 6 << 20;

/// The most that an asynchronous invocation may carry: 1 MB.
pub(super) const EVENT_PAYLOAD_LIMIT: usize = 1 << 20;

/// What an invocation came to.
pub(crate) type Outcome = Result<Bytes, FunctionError>;

/// An invocation that did not succeed, with what Lambda would answer the invoker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FunctionError {
    /// JSON with `errorType` and `errorMessage`.
    pub(crate) payload: Bytes,
}

impl FunctionError {
    pub(crate) fn new(kind: &str, message: impl Into<String>) -> Self {
        let payload = json!({"errorType": kind, "errorMessage": message.into()});
        Self { payload: payload.to_string().into() }
    }

    /// What it says, for the log.
    pub(super) fn message(&self) -> String {
        let payload: Value = serde_json::from_slice(&self.payload).unwrap_or_default();
        payload["errorMessage"].as_str().unwrap_or_default().to_owned()
    }
}
