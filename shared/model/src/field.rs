//! Values that a request's body may hold.

use serde::de::DeserializeOwned;

/// A value with a rule that a caller can follow. Whatever breaks it, the rule is the answer: a parser's own words
/// would speak of our types.
pub trait Field: DeserializeOwned {
    /// Such as `must be true or false`.
    const RULE: &'static str;
}

impl Field for bool {
    const RULE: &'static str = "must be true or false";
}
