//! What is wrong with a template, and where.

use std::fmt;

/// A template that the local cloud cannot run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError {
    /// Path of the element, such as `Resources.StageFunction.Properties.Timeout`; empty for the whole file.
    at: String,
    what: String,
}

impl TemplateError {
    pub(crate) fn new(at: impl Into<String>, what: impl Into<String>) -> Self {
        Self { at: at.into(), what: what.into() }
    }

    /// For what CloudFormation or SAM knows and the local cloud does not. Running on without it would be a lie.
    pub(crate) fn unsupported(at: impl Into<String>, what: impl fmt::Display) -> Self {
        Self::new(at, format!("the local cloud does not support {what}"))
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.at.is_empty() { f.write_str(&self.what) } else { write!(f, "{}: {}", self.at, self.what) }
    }
}

impl std::error::Error for TemplateError {}

pub(crate) type Result<T> = std::result::Result<T, TemplateError>;
