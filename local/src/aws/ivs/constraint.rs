//! The shapes of the service model that requests are made of.

use crate::aws::service::shape::{Pattern, Shape, matching, optional, text};
use crate::aws::video::constraint::{all, arn_of, arn_or_none_of};

pub(super) const CHANNEL_ARN: Shape = arn_of!("channel");
pub(super) const STREAM_KEY_ARN: Shape = arn_of!("stream-key");
pub(super) const PLAYBACK_KEY_ARN: Shape = arn_of!("playback-key");

pub(super) const RECORDING_CONFIGURATION_ARN: Shape = arn_or_none_of!("recording-configuration");
pub(super) const PLAYBACK_RESTRICTION_POLICY_ARN: Shape = arn_or_none_of!("playback-restriction-policy");
pub(super) const AD_CONFIGURATION_ARN: Shape = arn_or_none_of!("ad-configuration");
pub(super) const FAILOVER_SLATE_CONFIGURATION_ARN: Shape = arn_or_none_of!("failover-slate-configuration");

pub(super) const CHANNEL_ARNS: Shape = Shape::List { of: &CHANNEL_ARN, min: 1, max: 50 };
pub(super) const STREAM_KEY_ARNS: Shape = Shape::List { of: &STREAM_KEY_ARN, min: 1, max: 50 };

pub(super) const LATENCY_MODE: Shape = Shape::OneOf(&["NORMAL", "LOW"]);
pub(super) const TYPE: Shape = Shape::OneOf(&["BASIC", "STANDARD", "ADVANCED_SD", "ADVANCED_HD"]);
pub(super) const PRESET: Shape = Shape::OneOf(&["HIGHER_BANDWIDTH_DELIVERY", "CONSTRAINED_BANDWIDTH_DELIVERY"]);
pub(super) const CONTAINER_FORMAT: Shape = Shape::OneOf(&["TS", "FRAGMENTED_MP4"]);
pub(super) const MULTITRACK: Shape = Shape::Structure(&[
    optional("enabled", Shape::Boolean),
    optional("policy", Shape::OneOf(&["ALLOW", "REQUIRE"])),
    optional("maximumResolution", Shape::OneOf(&["SD", "HD", "FULL_HD"])),
]);

pub(super) const STREAM_ID: Shape = matching(
    26,
    26,
    Pattern {
        regex: "st-[a-zA-Z0-9]+",
        accepts: |id| {
            let random = id.strip_prefix("st-").unwrap_or_default();
            !random.is_empty() && all(random, |c| c.is_ascii_alphanumeric())
        },
    },
);

pub(super) const HEALTH: Shape = Shape::OneOf(&["HEALTHY", "STARVING", "UNKNOWN"]);
pub(super) const FILTER_BY_HEALTH: Shape = Shape::Structure(&[optional("health", HEALTH)]);

/// Sensitive in the model. The limit of 1 KB is in the operation's documentation; see [`stream`](super::stream).
pub(super) const METADATA: Shape = Shape::Secret { min: 1, max: usize::MAX };

pub(super) const VIEWER_ID: Shape = text(1, MAX_VIEWER_ID);
/// Characters of a viewer id, in a revocation and in a playback token.
pub(super) const MAX_VIEWER_ID: usize = 40;
pub(super) const VIEWER_SESSION_VERSION: Shape = Shape::Integer { min: 0, max: i64::MAX };

pub(super) const MAX_STREAM_KEY_RESULTS: Shape = Shape::Integer { min: 1, max: 50 };
