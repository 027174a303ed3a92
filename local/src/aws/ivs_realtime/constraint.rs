//! The shapes of the service model that requests are made of.

use crate::aws::shape::{Pattern, Shape, matching, optional, required, text};

/// Names are optional and not unique.
pub(super) const NAME: Shape = matching(0, 128, WORD);

pub(super) const STAGE_ARN: Shape = matching(
    1,
    128,
    Pattern {
        regex: "arn:aws:ivs:[a-z0-9-]+:[0-9]+:stage/[a-zA-Z0-9-]+",
        accepts: |arn| is_arn(arn, |kind| kind == "stage"),
    },
);

pub(super) const PUBLIC_KEY_ARN: Shape = matching(
    1,
    128,
    Pattern {
        regex: "arn:aws:ivs:[a-z0-9-]+:[0-9]+:public-key/[a-zA-Z0-9-]+",
        accepts: |arn| is_arn(arn, |kind| kind == "public-key"),
    },
);

/// The model's pattern lets the kind of resource have one letter only; no ARN of the service would pass.
pub(super) const RESOURCE_ARN: Shape = matching(
    1,
    128,
    Pattern {
        regex: "arn:aws:ivs:[a-z0-9-]+:[0-9]+:[a-z-]+/[a-zA-Z0-9-]+",
        accepts: |arn| is_arn(arn, |kind| all(kind, |c| c.is_ascii_lowercase() || c == '-') && !kind.is_empty()),
    },
);

pub(super) const SESSION_ID: Shape = matching(
    16,
    16,
    Pattern {
        regex: "st-[a-zA-Z0-9]+",
        accepts: |id| {
            id.strip_prefix("st-").is_some_and(|rest| !rest.is_empty() && all(rest, |c| c.is_ascii_alphanumeric()))
        },
    },
);

pub(super) const PARTICIPANT_ID: Shape = matching(0, 64, WORD);
pub(super) const USER_ID: Shape = text(0, 128);

/// Minutes that a participant token can be used to join.
pub(super) const DURATION: Shape = Shape::Integer { min: 1, max: 20_160 };

/// The limit of 1 KB in all is not in the model; see [`participant`](super::participant).
pub(super) const ATTRIBUTES: Shape = Shape::Map { key: &ANY_TEXT, value: &ANY_TEXT, max: usize::MAX };

pub(super) const CAPABILITIES: Shape = Shape::List { of: &Shape::OneOf(&["PUBLISH", "SUBSCRIBE"]), min: 0, max: 2 };

pub(super) const TOKEN_CONFIGURATIONS: Shape = Shape::List {
    of: &Shape::Structure(&[
        optional("duration", DURATION),
        optional("userId", USER_ID),
        optional("attributes", ATTRIBUTES),
        optional("capabilities", CAPABILITIES),
    ]),
    min: 0,
    max: 12,
};

pub(super) const TAGS: Shape = Shape::Map { key: &TAG_KEY, value: &text(0, 256), max: 50 };
pub(super) const TAG_KEYS: Shape = Shape::List { of: &TAG_KEY, min: 0, max: 50 };
const TAG_KEY: Shape = text(1, 128);

pub(super) const MAX_RESULTS: Shape = Shape::Integer { min: 1, max: 100 };
pub(super) const PAGE_TOKEN: Shape = matching(
    0,
    1024,
    Pattern {
        regex: "[a-zA-Z0-9+/=_-]*",
        accepts: |token| all(token, |c| c.is_ascii_alphanumeric() || "+/=_-".contains(c)),
    },
);

pub(super) const PUBLIC_KEY_MATERIAL: Shape = matching(
    0,
    usize::MAX,
    Pattern {
        regex: r".*-----BEGIN PUBLIC KEY-----\r?\n([a-zA-Z0-9+/=\r\n]+)\r?\n-----END PUBLIC KEY-----(\r?\n)?.*",
        accepts: is_pem,
    },
);

/// `autoParticipantRecordingConfiguration`.
pub(super) const RECORDING: Shape = Shape::Structure(&[
    required("storageConfigurationArn", matching(0, 128, STORAGE_CONFIGURATION)),
    optional("mediaTypes", Shape::List { of: &Shape::OneOf(&["AUDIO_VIDEO", "AUDIO_ONLY", "NONE"]), min: 0, max: 1 }),
    optional(
        "thumbnailConfiguration",
        Shape::Structure(&[
            optional("targetIntervalSeconds", Shape::Integer { min: 1, max: 86_400 }),
            optional("storage", Shape::List { of: &Shape::OneOf(&["SEQUENTIAL", "LATEST"]), min: 0, max: 2 }),
            optional("recordingMode", Shape::OneOf(&["INTERVAL", "DISABLED"])),
        ]),
    ),
    optional("recordingReconnectWindowSeconds", Shape::Integer { min: 0, max: 300 }),
    optional(
        "hlsConfiguration",
        Shape::Structure(&[optional("targetSegmentDurationSeconds", Shape::Integer { min: 2, max: 10 })]),
    ),
    optional("recordParticipantReplicas", Shape::Boolean),
]);

const ANY_TEXT: Shape = text(0, usize::MAX);

/// Letters, digits, hyphens and underscores.
const WORD: Pattern = Pattern { regex: "[a-zA-Z0-9-_]*", accepts: is_word };

/// An empty ARN disables recording.
const STORAGE_CONFIGURATION: Pattern = Pattern {
    regex: "^$|^arn:aws:ivs:[a-z0-9-]+:[0-9]+:storage-configuration/[a-zA-Z0-9-]+$",
    accepts: |arn| arn.is_empty() || is_arn(arn, |kind| kind == "storage-configuration"),
};

/// Whether the text is made of letters, digits, hyphens and underscores.
pub(super) fn is_word(text: &str) -> bool {
    all(text, |c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

/// Whether the text has a public key's PEM in it. Whether that holds a key is for the import to say.
fn is_pem(text: &str) -> bool {
    let body =
        text.split_once("-----BEGIN PUBLIC KEY-----").and_then(|(_, rest)| rest.split_once("-----END PUBLIC KEY-----"));
    let is_line_end = |c| c == '\r' || c == '\n';
    body.is_some_and(|(body, _)| {
        body.starts_with(is_line_end)
            && body.ends_with('\n')
            && !body.trim().is_empty()
            && body.chars().all(|c| c.is_ascii_alphanumeric() || "+/=\r\n".contains(c))
    })
}

fn is_arn(arn: &str, is_kind: fn(&str) -> bool) -> bool {
    let Some((region, account, resource)) = arn
        .strip_prefix("arn:aws:ivs:")
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

fn all(text: &str, allowed: fn(char) -> bool) -> bool {
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
    fn a_session_id_starts_with_st() {
        assert!(accepts(&SESSION_ID, "st-a1b2c3d4e5f6g"));
        assert!(!accepts(&SESSION_ID, "st-"));
        assert!(!accepts(&SESSION_ID, "xx-a1b2c3d4e5f6g"));
    }
}
