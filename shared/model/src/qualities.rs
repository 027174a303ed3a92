//! The renditions that a self-hosted channel is broadcast in.

use std::fmt;

use serde::Deserialize;

use crate::{Field, Quality};

/// How many qualities a channel can have.
const MOST: usize = 8;

/// The quality that is published under the bare stream key.
const SOURCE: &str = "source";

/// The first word of a row's `type`.
const TYPE: &str = "SELF_HOSTED";

impl Quality {
    /// What is published under the bare stream key.
    pub fn source() -> Self {
        SOURCE.parse().unwrap_or_else(|_| unreachable!("it follows the rule of a quality"))
    }

    /// Whether it is published under the bare stream key.
    pub fn is_source(&self) -> bool {
        self.as_str() == SOURCE
    }
}

/// The qualities that a broadcast has when it is whole: one to eight, none twice.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<Quality>")]
pub struct Qualities(Vec<Quality>);

impl Qualities {
    /// All of them, in the order that they were given in.
    pub fn as_slice(&self) -> &[Quality] {
        &self.0
    }

    /// The `type` of a channel's row.
    pub fn to_type(&self) -> String {
        let names: Vec<&str> = self.0.iter().map(Quality::as_str).collect();
        format!("{TYPE} {}", names.join(" "))
    }

    /// Reads the `type` of a channel's row; `None` of a channel that is not self-hosted.
    pub fn of_type(r#type: &str) -> Option<Self> {
        let names: Result<Vec<Quality>, _> = r#type.strip_prefix(TYPE)?.split_whitespace().map(str::parse).collect();
        Self::try_from(names.ok()?).ok()
    }
}

impl TryFrom<Vec<Quality>> for Qualities {
    type Error = &'static str;

    fn try_from(qualities: Vec<Quality>) -> Result<Self, Self::Error> {
        let is_first = |(at, quality): (usize, &Quality)| !qualities[..at].contains(quality);
        let valid = (1..=MOST).contains(&qualities.len()) && qualities.iter().enumerate().all(is_first);
        if valid { Ok(Self(qualities)) } else { Err(Self::RULE) }
    }
}

impl Default for Qualities {
    fn default() -> Self {
        Self(vec![Quality::source()])
    }
}

impl Field for Qualities {
    const RULE: &'static str = "must be a list of 1 to 8 different names of A-Z, a-z, 0-9, _ and -, each of at most 32";
}

impl fmt::Display for Qualities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().map(Quality::as_str).collect();
        f.write_str(&names.join(","))
    }
}
