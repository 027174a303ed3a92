//! The operations, and the constraints on their input.

use super::reference::{REGEX, Reference};
use crate::aws::service::shape::{Member, Pattern, Shape, matching, optional, required};

/// The name of every operation that the local cloud has.
pub(crate) const OPERATIONS: [&str; 1] = ["Invoke"];

/// The input of `Invoke`, but for its payload.
pub(super) const INVOKE: &[Member] = &[
    required(
        "FunctionName",
        matching(1, 256, Pattern { regex: REGEX, accepts: |name| Reference::parse(name).is_some() }),
    ),
    optional("Qualifier", matching(0, 128, Pattern { regex: "(|[a-zA-Z0-9$_-]+)", accepts: is_qualifier })),
    optional("InvocationType", Shape::OneOf(&["Event", "RequestResponse", "DryRun"])),
    optional("LogType", Shape::OneOf(&["None", "Tail"])),
];

fn is_qualifier(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || "$_-.".contains(c))
}
