//! The shapes that the models of both services have.

use crate::aws::service::shape::{Pattern, Shape, matching, text};

/// The shape of the ARNs of one kind of resource.
macro_rules! arn_of {
    ($kind:literal) => {
        $crate::aws::service::shape::matching(
            1,
            128,
            $crate::aws::service::shape::Pattern {
                regex: concat!("arn:aws:ivs:[a-z0-9-]+:[0-9]+:", $kind, "/[a-zA-Z0-9-]+"),
                accepts: |arn| $crate::aws::video::constraint::is_arn(arn, |kind| kind == $kind),
            },
        )
    };
}

/// The same, or empty: nothing of that kind is attached.
macro_rules! arn_or_none_of {
    ($kind:literal) => {
        $crate::aws::service::shape::matching(
            0,
            128,
            $crate::aws::service::shape::Pattern {
                regex: concat!("^$|^arn:aws:ivs:[a-z0-9-]+:[0-9]+:", $kind, "/[a-zA-Z0-9-]+$"),
                accepts: |arn| arn.is_empty() || $crate::aws::video::constraint::is_arn(arn, |kind| kind == $kind),
            },
        )
    };
}

pub(crate) use {arn_of, arn_or_none_of};

/// Names are optional and not unique.
pub(crate) const NAME: Shape = matching(0, 128, WORD);

/// The models' pattern lets the kind of resource have one letter only; no ARN of the services would pass.
pub(super) const RESOURCE_ARN: Shape = matching(
    1,
    128,
    Pattern {
        regex: "arn:aws:ivs:[a-z0-9-]+:[0-9]+:[a-z-]+/[a-zA-Z0-9-]+",
        accepts: |arn| is_arn(arn, |kind| all(kind, |c| c.is_ascii_lowercase() || c == '-') && !kind.is_empty()),
    },
);

pub(crate) const TAGS: Shape = Shape::Map { key: &TAG_KEY, value: &TAG_VALUE, max: 50 };
pub(crate) const TAG_KEYS: Shape = Shape::List { of: &TAG_KEY, min: 0, max: 50 };
/// The patterns are in the model of IVS alone; what they say is AWS's rule for the tags of every service.
const TAG_KEY: Shape = matching(
    1,
    128,
    Pattern { regex: r"([\p{L}\p{Z}\p{N}_.:/=+\-@]+)", accepts: |key| !key.is_empty() && is_tag(key) },
);
const TAG_VALUE: Shape = matching(0, 256, Pattern { regex: r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)", accepts: is_tag });

/// `maxResults` of the lists.
pub(crate) const MAX_RESULTS: Shape = Shape::Integer { min: 1, max: 100 };
pub(crate) const PAGE_TOKEN: Shape = matching(
    0,
    1024,
    Pattern {
        regex: "[a-zA-Z0-9+/=_-]*",
        accepts: |token| all(token, |c| c.is_ascii_alphanumeric() || "+/=_-".contains(c)),
    },
);

/// Any text.
pub(crate) const ANY_TEXT: Shape = text(0, usize::MAX);

/// Letters, digits, hyphens and underscores.
pub(crate) const WORD: Pattern = Pattern { regex: "[a-zA-Z0-9-_]*", accepts: is_word };

/// Whether the text is made of letters, digits, hyphens and underscores.
pub(crate) fn is_word(text: &str) -> bool {
    all(text, |c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

/// Whether this is an ARN of a kind of resource.
pub(crate) fn is_arn(arn: &str, is_kind: fn(&str) -> bool) -> bool {
    is_arn_of("ivs", arn, is_kind)
}

/// The same, of another service.
pub(crate) fn is_arn_of(service: &str, arn: &str, is_kind: fn(&str) -> bool) -> bool {
    let Some((region, account, resource)) = arn
        .strip_prefix("arn:aws:")
        .and_then(|rest| rest.strip_prefix(service))
        .and_then(|rest| rest.strip_prefix(':'))
        .and_then(|rest| rest.split_once(':'))
        .and_then(|(region, rest)| rest.split_once(':').map(|(account, resource)| (region, account, resource)))
    else {
        return false;
    };
    let Some((kind, id)) = resource.split_once('/') else { return false };
    let parts_are_there = ![region, account, id].contains(&"");
    parts_are_there
        && is_kind(kind)
        && all(region, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && all(account, |c| c.is_ascii_digit())
        && all(id, |c| c.is_ascii_alphanumeric() || c == '-')
}

/// Letters, digits and separators of any script, and some punctuation. Control characters are no separators.
fn is_tag(text: &str) -> bool {
    all(text, |c| c.is_alphanumeric() || (c.is_whitespace() && !c.is_control()) || "_.:/=+-@".contains(c))
}

/// Whether every character is allowed.
pub(crate) fn all(text: &str, allowed: fn(char) -> bool) -> bool {
    text.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(shape: &Shape, value: &str) -> bool {
        matches!(shape, Shape::Text { pattern: Some(pattern), .. } if (pattern.accepts)(value))
    }

    #[test]
    fn an_arn_has_its_kind_and_every_part() {
        const STAGE_ARN: Shape = arn_of!("stage");
        assert!(accepts(&STAGE_ARN, "arn:aws:ivs:us-west-2:123456789012:stage/oRmLNwuCeMlQ"));
        assert!(accepts(&RESOURCE_ARN, "arn:aws:ivs:us-west-2:123456789012:public-key/oRmLNwuCeMlQ"));
        for not_a_stage in [
            "",
            "demo",
            "arn:aws:ivs:us-west-2:123456789012:public-key/oRmLNwuCeMlQ",
            "arn:aws:ivs:us-west-2:123456789012:stage/",
            "arn:aws:ivs:us-west-2:123456789012:stage",
            "arn:aws:ivs:us-west-2::stage/oRmLNwuCeMlQ",
            "arn:aws:ivs::123456789012:stage/oRmLNwuCeMlQ",
            "arn:aws:ivs:us-west-2:me:stage/oRmLNwuCeMlQ",
            "arn:aws:ivs:us-west-2:123456789012:stage/a_b",
            "arn:aws:ivs:us-west-2:123456789012:stage/a/b",
            "arn:aws:s3:us-west-2:123456789012:stage/oRmLNwuCeMlQ",
        ] {
            assert!(!accepts(&STAGE_ARN, not_a_stage), "{not_a_stage}");
        }
    }

    #[test]
    fn no_arn_is_an_empty_one() {
        const POLICY: Shape = arn_or_none_of!("playback-restriction-policy");
        assert!(accepts(&POLICY, ""));
        assert!(accepts(&POLICY, "arn:aws:ivs:us-west-2:123456789012:playback-restriction-policy/a1"));
        assert!(!accepts(&POLICY, "arn:aws:ivs:us-west-2:123456789012:stage/a1"));
    }

    #[test]
    fn tags_are_letters_digits_separators_and_some_punctuation() {
        for tag in ["team", "greenroom:stack", "a b/c=d+e-f@g.h_i", "größe", "日本"] {
            assert!(accepts(&TAG_KEY, tag) && accepts(&TAG_VALUE, tag), "{tag}");
        }
        for not_a_tag in ["a!", "a\n", "{}", "a\"b"] {
            assert!(!accepts(&TAG_KEY, not_a_tag) && !accepts(&TAG_VALUE, not_a_tag), "{not_a_tag}");
        }
        assert!(accepts(&TAG_VALUE, "") && !accepts(&TAG_KEY, ""));
    }
}
