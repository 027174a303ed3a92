//! What an operation is given besides its input, and what comes of it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// What an operation is given besides its input.
pub(super) struct Context<'a> {
    pub(super) region: &'a str,
    /// Milliseconds since 1970.
    pub(super) now: i64,
    /// The binaries that images stand for: their containers are processes.
    pub(super) binaries: &'a BTreeMap<String, String>,
    /// Whether new tasks pass through every state.
    pub(super) long_task_life: bool,
}

/// An event as ECS hands it to EventBridge, which completes it.
pub(crate) type Event = Map<String, Value>;

/// What a call answers, and the events of what it changed.
pub(crate) struct Outcome {
    pub(crate) output: Value,
    pub(crate) events: Vec<Event>,
}
