//! The shapes of the service model that requests are made of.

use crate::aws::service::shape::{Pattern, Shape, matching, optional, required, text};
use crate::aws::video::constraint::{ANY_TEXT, WORD, all, arn_of, arn_or_none_of};

pub(super) const STAGE_ARN: Shape = arn_of!("stage");
pub(super) const PUBLIC_KEY_ARN: Shape = arn_of!("public-key");

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
    required("storageConfigurationArn", STORAGE_CONFIGURATION_ARN),
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

/// An empty ARN disables recording.
const STORAGE_CONFIGURATION_ARN: Shape = arn_or_none_of!("storage-configuration");

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

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(shape: &Shape, value: &str) -> bool {
        matches!(shape, Shape::Text { pattern: Some(pattern), .. } if (pattern.accepts)(value))
    }

    #[test]
    fn a_session_id_starts_with_st() {
        assert!(accepts(&SESSION_ID, "st-a1b2c3d4e5f6g"));
        assert!(!accepts(&SESSION_ID, "st-"));
        assert!(!accepts(&SESSION_ID, "xx-a1b2c3d4e5f6g"));
    }
}
