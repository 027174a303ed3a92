//! Chat: who may, what a role lets them, what they are called, what has been said of them, and who may say it.

mod log;
mod name;
pub mod review;
mod rules;
#[cfg(test)]
mod tests;
mod user;
mod values;

pub use self::log::{LogAction, LogEntry};
pub use self::name::{DisplayName, InvalidDisplayName};
pub use self::rules::{Role, Seat, may_moderate, role_on_channel, role_on_stage, seat};
pub use self::user::{ChatUser, Standing, StandingChanges};
pub use self::values::{ChatCapability, Rules, SessionDuration, SlowMode, Words};

use crate::secret;

secret!(
    /// The text of a chat token: whoever holds it can connect to the room as its user.
    ChatTokenText
);
