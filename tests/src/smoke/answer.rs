//! What was asked and answered, and what does not hold of it.

use std::fmt;

use serde_json::Value;

use crate::answer::Answer;

/// What does not hold.
#[derive(Debug)]
pub struct Failure(String);

impl Failure {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Fails unless the two are the same.
pub(super) fn same(what: &str, found: &Value, expected: &Value) -> Result<(), Failure> {
    holds(&format!("{what} is {found}, not {expected}"), found == expected)
}

/// Fails with this complaint unless something is true.
pub(super) fn holds(complaint: &str, is_true: bool) -> Result<(), Failure> {
    if is_true { Ok(()) } else { Err(Failure::new(complaint)) }
}

/// An answer, and what it answers.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) request: String,
    pub(super) answer: Answer,
}

impl Said {
    /// The JSON of an answer that must have this status.
    pub(super) fn json(&self, status: u16) -> Result<Value, Failure> {
        let hint = match self.answer.status {
            401 if status != 401 => " (is the token expired, or of another issuer or audience?)",
            _ => "",
        };
        let (request, found, text) = (&self.request, self.answer.status, &self.answer.text);
        holds(&format!("{request}: {found} instead of {status}{hint}: {text}"), found == status)?;
        Ok(self.answer.json())
    }

    /// Fails unless the answer is a problem of this status and type.
    pub(super) fn problem(&self, status: u16, r#type: &str) -> Result<(), Failure> {
        let body = self.json(status)?;
        let (request, found) = (&self.request, &body["type"]);
        holds(&format!("{request}: the problem is {found} instead of {type}"), found == r#type)
    }
}
