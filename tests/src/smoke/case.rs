//! A case, and what can come of it.

use std::fmt;
use std::pin::Pin;

use serde_json::Value;

use super::target::Target;
use crate::http::Answer;

/// What cases are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// `GET /health`, and who is let in.
    Health,
    /// `/stages`
    Stage,
    /// `/stages/{stage}/participants`
    Participant,
    /// `/channels`
    Channel,
    /// `/broadcast-settings`
    BroadcastSettings,
    /// `/servers`
    Server,
}

impl Group {
    /// Every group, in the order of running.
    pub const ALL: [Self; 6] =
        [Self::Health, Self::Stage, Self::Participant, Self::Channel, Self::BroadcastSettings, Self::Server];

    /// As it is named on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::Stage => "stage",
            Self::Participant => "participant",
            Self::Channel => "channel",
            Self::BroadcastSettings => "broadcast-settings",
            Self::Server => "server",
        }
    }

    /// The group of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.name() == name)
    }
}

/// Something that holds in every deployment.
#[derive(Clone)]
pub struct Case {
    /// What it is about.
    pub group: Group,
    /// What holds, as a sentence.
    pub name: &'static str,
    /// Finds out whether it does.
    pub run: Run,
}

/// Finds out whether something holds.
pub type Run = for<'a> fn(&'a Target) -> Pin<Box<dyn Future<Output = Result<Outcome, Failure>> + Send + 'a>>;

/// What a case comes to that has not failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Holds,
    /// The deployment is set up without it, for this reason.
    Skipped(&'static str),
}

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
