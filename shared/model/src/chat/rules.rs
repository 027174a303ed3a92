//! Who may chat, as what, and who may moderate whom: on their own, without a clock or a store.

use serde::Serialize;

use super::user::{Standing, StandingChanges};
use super::values::ChatCapability;
use crate::UserId;
use crate::error::Denial;
use crate::participant::{Access, allowed};
use crate::stage::{Admission, Doors};

/// What somebody is in a room. It is shown to everybody with each of their messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// Whose stage or channel it is.
    Owner,
    /// Whom the owner lets moderate.
    Moderator,
    /// May publish on the stage.
    Participant,
    /// May watch.
    Viewer,
}

impl Role {
    /// The API's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Moderator => "moderator",
            Self::Participant => "participant",
            Self::Viewer => "viewer",
        }
    }

    /// Whether they moderate.
    pub fn moderates(self) -> bool {
        matches!(self, Self::Owner | Self::Moderator)
    }
}

/// What somebody is by a stage alone: who may come in may chat.
///
/// # Errors
/// [`Denial::Removed`], [`Denial::StageClosed`]: as a participant token is refused.
pub fn role_on_stage(
    owner: &UserId,
    doors: Doors,
    admission: Admission,
    access: &Access,
    caller: &UserId,
) -> Result<Role, Denial> {
    let is_owner = owner == caller;
    // The owner cannot be kept out of their own room, whatever they have granted themselves.
    if is_owner {
        return Ok(Role::Owner);
    }
    let capabilities = allowed(doors, admission, access, false)?;
    Ok(if capabilities.publish() { Role::Participant } else { Role::Viewer })
}

/// What somebody is by a channel alone: who may watch may chat. `needs_invitation` if its admission is `invited`.
///
/// # Errors
/// [`Denial::NotInvited`].
pub fn role_on_channel(
    owner: &UserId,
    needs_invitation: bool,
    is_invited: bool,
    caller: &UserId,
) -> Result<Role, Denial> {
    match (owner == caller, needs_invitation && !is_invited) {
        (true, _) => Ok(Role::Owner),
        (false, true) => Err(Denial::NotInvited),
        (false, false) => Ok(Role::Viewer),
    }
}

/// A place in a room: what a token is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// As what.
    pub role: Role,
    /// Everything that the token lets its user do. None: they read.
    pub capabilities: Vec<ChatCapability>,
}

/// The place of somebody whom the stage or channel lets in, by what has been said of them in the room.
///
/// # Errors
/// [`Denial::Removed`].
pub fn seat(by_subject: Role, standing: Standing, read_only: bool) -> Result<Seat, Denial> {
    // Nobody moderates the owner: what a row of theirs says is of no meaning.
    let standing = if by_subject == Role::Owner { Standing::default() } else { standing };
    if standing.removed {
        return Err(Denial::Removed);
    }
    let role = if standing.moderator { Role::Moderator } else { by_subject };
    let capabilities = match (standing.muted || read_only, role.moderates()) {
        (true, _) => Vec::new(),
        (false, true) => ChatCapability::ALL.to_vec(),
        (false, false) => vec![ChatCapability::SendMessage],
    };
    Ok(Seat { role, capabilities })
}

/// Whether somebody may change what is said of another. Nobody moderates the owner, moderators do not moderate one another,
/// and the owner alone makes them.
///
/// # Errors
/// [`Denial::NotModerator`]; [`Denial::NotOwner`] for `moderator`; [`Denial::Protected`].
pub fn may_moderate(
    actor: Role,
    target_is_owner: bool,
    target: Standing,
    changes: &StandingChanges,
) -> Result<(), Denial> {
    if !actor.moderates() {
        return Err(Denial::NotModerator);
    }
    if target_is_owner {
        return Err(Denial::Protected);
    }
    if actor == Role::Owner {
        return Ok(());
    }
    if changes.moderator.is_some() {
        return Err(Denial::NotOwner);
    }
    if target.moderator { Err(Denial::Protected) } else { Ok(()) }
}
