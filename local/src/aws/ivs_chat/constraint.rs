//! The shapes of the service model that requests are made of.

use crate::aws::service::shape::{Pattern, Shape, matching, optional, text};
use crate::aws::video::constraint::{ANY_TEXT, all, is_arn_of};

const fn arn(regex: &'static str, accepts: fn(&str) -> bool) -> Shape {
    matching(1, 128, Pattern { regex, accepts })
}

pub(super) const ROOM_ARN: Shape =
    arn("arn:aws:ivschat:[a-z0-9-]+:[0-9]+:room/[a-zA-Z0-9-]+", |arn| is_arn_of("ivschat", arn, |kind| kind == "room"));
pub(super) const LOGGING_ARN: Shape =
    arn("arn:aws:ivschat:[a-z0-9-]+:[0-9]+:logging-configuration/[a-zA-Z0-9-]+", |arn| {
        is_arn_of("ivschat", arn, |kind| kind == "logging-configuration")
    });
/// The model's pattern lets the kind of resource have one letter only; no ARN of the service would pass.
pub(super) const RESOURCE_ARN: Shape = arn("arn:aws:ivschat:[a-z0-9-]+:[0-9]+:[a-z-]+/[a-zA-Z0-9-]+", |arn| {
    is_arn_of("ivschat", arn, |kind| !kind.is_empty() && all(kind, |c| c.is_ascii_lowercase() || c == '-'))
});

pub(super) const RATE: Shape = Shape::Integer { min: 1, max: 100 };
pub(super) const LENGTH: Shape = Shape::Integer { min: 1, max: 500 };
pub(super) const MINUTES: Shape = Shape::Integer { min: 1, max: 180 };
pub(super) const PAGE: Shape = Shape::Integer { min: 1, max: 50 };
/// Sensitive in the model.
pub(super) const USER_ID: Shape = Shape::Secret { min: 1, max: 128 };
pub(super) const REASON: Shape = text(1, 256);
pub(super) const EVENT_NAME: Shape = text(1, 100);

pub(super) const MESSAGE_ID: Shape = matching(
    12,
    12,
    Pattern { regex: "[a-zA-Z0-9]+", accepts: |id| !id.is_empty() && all(id, |c| c.is_ascii_alphanumeric()) },
);

pub(super) const CAPABILITIES: Shape =
    Shape::List { of: &Shape::OneOf(&["SEND_MESSAGE", "DISCONNECT_USER", "DELETE_MESSAGE"]), min: 0, max: usize::MAX };

/// The limit of 1 KB in all is not in the model.
pub(super) const ATTRIBUTES: Shape = Shape::Map { key: &ANY_TEXT, value: &ANY_TEXT, max: usize::MAX };

pub(super) const HANDLER_URI: Shape = matching(
    0,
    170,
    Pattern {
        regex: "^$|^arn:aws:lambda:[a-z0-9-]+:[0-9]{12}:function:.+.*",
        accepts: |uri| uri.is_empty() || (uri.starts_with("arn:aws:lambda:") && uri.contains(":function:")),
    },
);

pub(super) const REVIEW_HANDLER: Shape =
    Shape::Structure(&[optional("uri", HANDLER_URI), optional("fallbackResult", Shape::OneOf(&["ALLOW", "DENY"]))]);

pub(super) const LOGGING: Shape = Shape::List { of: &LOGGING_ARN, min: 0, max: 3 };
