//! The operations.

/// The name of every operation that the local cloud has.
pub(crate) const OPERATIONS: [&str; 1] = ["GetCallerIdentity"];
