//! Participants: what a user may do on a stage, and the tokens that let them.

mod decide;
mod row;
#[cfg(test)]
mod tests;
mod values;

pub use self::decide::{Decision, Held, TokenRequest, decide};
pub use self::row::{Access, EarlierToken, Grant, IssuedToken, Participant, TokenOrigin, allowed};
pub use self::values::{
    Attributes, Capabilities, Capability, InvalidAttributes, InvalidDuration, NoCapabilities, TokenDuration,
};
use crate::token::ParticipantToken;

/// A token for the user who asked, with what the answer shows of it.
#[derive(Debug)]
pub struct GivenToken {
    /// Its claims.
    pub issued: IssuedToken,
    /// Its text.
    pub text: ParticipantToken,
    /// Whether this request made it.
    pub new: bool,
}

/// What `PATCH /stages/{stage}/participants/{userId}` says; what is absent stays as it was granted before.
#[derive(Debug, Clone)]
pub struct GrantChanges {
    /// What the user may do.
    pub capabilities: Option<Capabilities>,
    /// In place of all attributes granted before.
    pub attributes: Option<Attributes>,
}
