//! Who may create stages and channels: everybody who is signed in, or those whose access token has a claim.
//!
//! API Gateway verifies the token and hands its claims over as texts (payload 2.0): a list as `[a b]`, which is how lists
//! and texts are told apart here.

use std::str::FromStr;

use crate::error::{Denial, Error};

/// Claims that are lists by definition, with blanks between their values (RFC 8693 section 4.2; `scp` is what others call
/// it).
const SPACED: [&str; 2] = ["scope", "scp"];

/// The claim that a creator's access token needs: `cognito:groups=creators`. Its value is the claim's, or one of those in
/// it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatorClaim {
    name: String,
    value: String,
}

/// Why a text is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a claim and a value without blanks or brackets, such as cognito:groups=creators")]
pub struct InvalidCreatorClaim;

impl FromStr for CreatorClaim {
    type Err = InvalidCreatorClaim;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // What a list could not be told from, no value may have.
        let is_value = |text: &str| !text.is_empty() && !text.contains([' ', '[', ']']) && text.trim() == text;
        // The name may be a URL.
        let (name, value) = text.rsplit_once('=').ok_or(InvalidCreatorClaim)?;
        if !is_value(name) || !is_value(value) {
            return Err(InvalidCreatorClaim);
        }
        Ok(Self { name: name.to_owned(), value: value.to_owned() })
    }
}

impl CreatorClaim {
    /// Whether claims, as API Gateway hands them over, are a creator's.
    pub fn is_in<'a>(&self, claim: impl FnOnce(&str) -> Option<&'a str>) -> bool {
        let Some(text) = claim(&self.name) else { return false };
        match text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
            Some(list) => list.split(' ').any(|value| value == self.value),
            None if SPACED.contains(&self.name.as_str()) => text.split(' ').any(|value| value == self.value),
            None => text == self.value,
        }
    }
}

/// What somebody is told who may fetch and not create, and has met this instead of what is there.
pub fn refuse_to_create(error: Error) -> Error {
    match error {
        Error::NotFound(_) => Error::Forbidden(Denial::NotCreator),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_creator(rule: &str, claims: &[(&str, &str)]) -> bool {
        let rule: CreatorClaim = rule.parse().unwrap();
        rule.is_in(|name| claims.iter().find(|(claim, _)| *claim == name).map(|(_, text)| *text))
    }

    #[test]
    fn a_creator_has_the_value_alone_or_in_a_list() {
        for (text, expected) in [
            ("creators", true),
            ("[creators]", true),
            ("[admins creators]", true),
            ("[creators admins]", true),
            ("[admins]", false),
            ("[]", false),
            ("", false),
            ("creators2", false),
            ("[co-creators creators2]", false),
            // A text is one value, whatever its words are.
            ("not creators", false),
            ("[creators", false),
        ] {
            assert_eq!(is_creator("cognito:groups=creators", &[("cognito:groups", text)]), expected, "{text}");
        }
    }

    #[test]
    fn a_scope_is_a_list_with_blanks() {
        assert!(is_creator("scope=live/create", &[("scope", "openid live/create")]));
        assert!(!is_creator("scope=live/create", &[("scope", "openid live/createx")]));
    }

    #[test]
    fn another_claim_says_nothing() {
        assert!(!is_creator("cognito:groups=creators", &[("groups", "creators"), ("sub", "creators")]));
        assert!(!is_creator("cognito:groups=creators", &[]));
    }

    #[test]
    fn a_claim_is_named_with_its_value() {
        assert!(is_creator("https://example.com/roles=host", &[("https://example.com/roles", "[host]")]));
        for text in ["", "creators", "=creators", "groups=", "groups=a b", "groups=[a]", "a b=c", "groups= a"] {
            assert_eq!(text.parse::<CreatorClaim>(), Err(InvalidCreatorClaim), "{text:?}");
        }
    }

    #[test]
    fn who_may_not_create_is_told_so_where_there_is_nothing() {
        assert!(matches!(refuse_to_create(Error::NotFound("stage")), Error::Forbidden(Denial::NotCreator)));
        assert!(matches!(refuse_to_create(Error::Unauthenticated), Error::Unauthenticated));
    }
}
