//! What a container's process is to do, and how it ended.

use std::collections::BTreeMap;
use std::time::Duration;

/// A container of a task.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    /// An id.
    pub(crate) task: String,
    /// A name.
    pub(crate) container: String,
}

/// What a container's process is to do, and what it is.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) key: Key,
    pub(crate) wish: Wish,
    pub(crate) binary: String,
    pub(crate) arguments: Vec<String>,
    /// As the definition and the overrides of the task have it.
    pub(crate) environment: BTreeMap<String, String>,
    /// Whether it has a port: it gets a listening socket.
    pub(crate) listens: bool,
    /// The ARN of the task's role.
    pub(crate) role: Option<String>,
    /// What its lines in the log begin with.
    pub(crate) name: String,
}

/// What a process is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    Run,
    /// It is told to end, and killed if it has not after this time.
    End(Duration),
}

/// How a process ended.
#[derive(Debug)]
pub(crate) struct Exit {
    pub(crate) key: Key,
    pub(crate) end: End,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// With this code; 128 and its number after a signal.
    Exited(i32),
    /// It could not be started.
    NotStarted(String),
}
