//! Reading a resolved piece of template: a value that knows its path, so that every complaint says where.

use serde_json::{Map, Value};

use super::error::{Result, TemplateError};

/// A value of the template, its intrinsic functions evaluated.
#[derive(Debug, Clone)]
pub(crate) struct Node<'a> {
    pub(crate) value: &'a Value,
    pub(crate) at: String,
}

impl<'a> Node<'a> {
    pub(crate) fn new(value: &'a Value, at: impl Into<String>) -> Self {
        Self { value, at: at.into() }
    }

    pub(crate) fn error(&self, what: impl Into<String>) -> TemplateError {
        TemplateError::new(&self.at, what)
    }

    pub(crate) fn unsupported(&self, what: impl std::fmt::Display) -> TemplateError {
        TemplateError::unsupported(&self.at, what)
    }

    pub(crate) fn unsupported_but(&self, what: impl std::fmt::Display, cure: &str) -> TemplateError {
        TemplateError::unsupported_but(&self.at, what, cure)
    }

    pub(crate) fn map(&self) -> Result<&'a Map<String, Value>> {
        self.value.as_object().ok_or_else(|| self.error("must be a mapping"))
    }

    /// The value under `key`, if this is a mapping that has it.
    pub(crate) fn get(&self, key: &str) -> Option<Node<'a>> {
        Some(Node { value: self.value.get(key)?, at: format!("{}.{key}", self.at) })
    }

    pub(crate) fn require(&self, key: &str) -> Result<Node<'a>> {
        self.get(key).ok_or_else(|| self.error(format!("`{key}` is missing")))
    }

    /// The entries of a mapping.
    pub(crate) fn entries(&self) -> Result<impl Iterator<Item = (&'a str, Node<'a>)>> {
        let at = self.at.clone();
        Ok(self.map()?.iter().map(move |(key, value)| (key.as_str(), Node { value, at: format!("{at}.{key}") })))
    }

    /// The elements of a list; a value that is not a list is a list of one, as IAM and SAM read it.
    pub(crate) fn elements(&self) -> Vec<Node<'a>> {
        match self.value {
            Value::Array(list) => list
                .iter()
                .enumerate()
                .map(|(index, value)| Node { value, at: format!("{}[{index}]", self.at) })
                .collect(),
            _ => vec![self.clone()],
        }
    }

    /// A scalar as text: CloudFormation turns numbers and booleans into strings where it needs one.
    pub(crate) fn text(&self) -> Result<String> {
        match self.value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => Ok(number.to_string()),
            Value::Bool(flag) => Ok(flag.to_string()),
            _ => Err(self.error("must be a string")),
        }
    }

    pub(crate) fn texts(&self) -> Result<Vec<String>> {
        self.elements().iter().map(Node::text).collect()
    }

    /// A whole number, also from a string of digits (a parameter of type String, say).
    pub(crate) fn number(&self) -> Result<u64> {
        let number = match self.value {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        number.ok_or_else(|| self.error("must be a whole number"))
    }

    /// A whole number from `least` to `most`.
    pub(crate) fn number_within(&self, least: u64, most: u64) -> Result<u64> {
        match self.number()? {
            number if (least..=most).contains(&number) => Ok(number),
            number => Err(self.error(format!("{number} is not within {least}..{most}"))),
        }
    }

    pub(crate) fn flag(&self) -> Result<bool> {
        match self.value {
            Value::Bool(flag) => Ok(*flag),
            Value::String(text) if text == "true" => Ok(true),
            Value::String(text) if text == "false" => Ok(false),
            _ => Err(self.error("must be true or false")),
        }
    }

    /// Refuses keys that nothing reads: what the template says either works locally or is an error.
    pub(crate) fn only(&self, what: &str, known: &[&str]) -> Result<()> {
        match self.map()?.keys().find(|key| !known.contains(&key.as_str())) {
            Some(unknown) => Err(self.unsupported(format!("`{unknown}` of {what}"))),
            None => Ok(()),
        }
    }
}
