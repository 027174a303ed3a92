//! What a handler fails with.

use model::Error;
use serde_json::{Map, Value};

/// An error, and what the request's log line should say beside it.
#[derive(Debug)]
pub struct Failure {
    pub(super) error: Error,
    pub(super) fields: Map<String, Value>,
}

impl Failure {
    /// Adds a field to the request's log line. Never a secret.
    #[must_use]
    pub fn log(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(name.to_owned(), value.into());
        self
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, fields: Map::new() }
    }
}
