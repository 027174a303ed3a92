//! What is wrong with a template, and where.

use std::fmt;

/// What helps against most things that are not here.
pub(crate) const CURE: &str = "to have it on AWS alone, choose by a condition on a parameter that \
     `Metadata.LocalCloud.Parameters` sets for the local cloud";

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
        Self::unsupported_but(at, what, CURE)
    }

    /// As [`TemplateError::unsupported`], with what to do about it.
    pub(crate) fn unsupported_but(at: impl Into<String>, what: impl fmt::Display, cure: &str) -> Self {
        Self::new(at, format!("the local cloud does not support {what}; {cure}"))
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.at.is_empty() { f.write_str(&self.what) } else { write!(f, "{}: {}", self.at, self.what) }
    }
}

impl std::error::Error for TemplateError {}

pub(crate) type Result<T> = std::result::Result<T, TemplateError>;

/// A message without the cure that most have alike.
#[cfg(test)]
pub(crate) fn without_cure(said: &str) -> &str {
    said.split(&format!("; {CURE}")).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_supported_comes_with_what_to_do() {
        let said = TemplateError::unsupported("Resources.A", "a thing").to_string();
        assert!(
            said.starts_with("Resources.A: the local cloud does not support a thing; to have it on AWS alone"),
            "{said}"
        );
        assert_eq!(without_cure(&said), "Resources.A: the local cloud does not support a thing");
    }
}
