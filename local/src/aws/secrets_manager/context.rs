//! What an operation that changes something is given besides its input.

use time::OffsetDateTime;

/// What an operation that changes something is given besides its input.
pub(super) struct Context<'a> {
    pub(super) region: &'a str,
    pub(super) now: OffsetDateTime,
}
