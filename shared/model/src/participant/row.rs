//! A user of a stage: what the owner has said, and which tokens were given out.

use std::collections::BTreeSet;
use std::time::Duration;

use super::values::{Attributes, Capabilities};
use crate::error::{Denial, Error, FieldError};
use crate::stage::{Admission, Doors, Stage};
use crate::token::ParticipantToken;
use crate::{ParticipantId, RowVersion, StageArn, StageName, Timestamp, UserId};

/// A token that ends sooner than this is not handed out again.
const REUSE_MARGIN: Duration = Duration::from_secs(5 * 60);

/// What the owner has said about a user of the stage.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Access {
    /// Nothing: the stage's admission decides.
    #[default]
    ByAdmission,
    /// What this user may do from now on. Holds before they ever came, too.
    Granted(Grant),
    /// Disconnected, and not let in again until granted.
    Removed,
}

/// An invitation, a promotion, or the opposite.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grant {
    /// Absent: as the stage's admission has it.
    pub capabilities: Option<Capabilities>,
    /// Put over whatever attributes the user asks for.
    pub attributes: Attributes,
}

/// A token that was given out: its claims, never its text, which the same claims signed again give back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedToken {
    /// The token's `jti`.
    pub participant_id: ParticipantId,
    /// To the millisecond, for the order of the list; the token's `iat` has whole seconds.
    pub issued_at: Timestamp,
    /// Whole seconds, as the token's `exp`.
    pub expires_at: Timestamp,
    /// What it allows.
    pub capabilities: Capabilities,
    /// What others see.
    pub attributes: Attributes,
    /// Who made it.
    pub origin: TokenOrigin,
    /// The owner has changed the grant since: it is not given out again.
    pub outdated: bool,
}

impl IssuedToken {
    /// Whether another token can be made for the same participant: both must be signed here.
    pub(super) fn can_be_exchanged(&self, can_sign: bool) -> bool {
        can_sign && matches!(self.origin, TokenOrigin::Signed { .. })
    }

    /// Whether this is what the user would get now, good for a while, and something that can be given again.
    pub(super) fn serves(
        &self,
        capabilities: Capabilities,
        attributes: Option<&Attributes>,
        can_sign: bool,
        now: Timestamp,
    ) -> bool {
        !self.outdated
            && now.until(self.expires_at) >= REUSE_MARGIN
            && self.capabilities == capabilities
            && attributes.is_none_or(|asked| *asked == self.attributes)
            && (can_sign || matches!(self.origin, TokenOrigin::Ivs(_)))
    }
}

/// Who made a token, and what is needed to give it out again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenOrigin {
    /// Signed here, with these URLs, which an exchange has to keep.
    Signed {
        /// The `events_url` claim.
        events_url: String,
        /// The `whip_url` claim.
        whip_url: String,
    },
    /// By `CreateParticipantToken`, while no signing key was configured: it cannot be made again, so its text is kept.
    Ivs(ParticipantToken),
}

/// A token of the past that can still be used to join, and so must be disconnected when its user is removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierToken {
    /// The token's `jti`.
    pub participant_id: ParticipantId,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// A user of a stage: what was granted, and what was given out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participant {
    /// The stage's name: with `user_id`, the key of the row.
    pub stage: StageName,
    /// Which stage of that name: a row of one that was deleted counts for nothing.
    pub stage_arn: StageArn,
    /// The user.
    pub user_id: UserId,
    /// Which write this is of; a write on top of another than was read is refused. Absent: not stored yet.
    pub version: Option<RowVersion>,
    /// What the owner has said.
    pub access: Access,
    /// The latest token.
    pub current: Option<IssuedToken>,
    /// Others that have not expired.
    pub earlier: Vec<EarlierToken>,
}

impl Participant {
    /// A user that nothing is known about.
    pub(super) fn unknown(stage: &Stage, user_id: UserId) -> Self {
        Self {
            stage: stage.name.clone(),
            stage_arn: stage.arn.clone(),
            user_id,
            version: None,
            access: Access::ByAdmission,
            current: None,
            earlier: Vec::new(),
        }
    }

    /// The row as read, or what it amounts to when it is of an earlier stage of that name.
    pub fn of(stage: &Stage, user_id: UserId, row: Option<Self>) -> Self {
        match row {
            Some(row) if row.stage_arn == stage.arn => row,
            Some(row) => Self { version: row.version, ..Self::unknown(stage, user_id) },
            None => Self::unknown(stage, user_id),
        }
    }

    /// What this user may do on the stage now.
    ///
    /// # Errors
    /// [`Denial::Removed`]; [`Denial::StageClosed`] for all but the owner while its doors are closed.
    pub fn allowed(&self, stage: &Stage) -> Result<Capabilities, Denial> {
        let owner = self.user_id == stage.owner;
        if stage.doors == Doors::Closed && !owner {
            return Err(Denial::StageClosed);
        }
        match &self.access {
            Access::Removed => Err(Denial::Removed),
            Access::Granted(Grant { capabilities: Some(capabilities), .. }) => Ok(*capabilities),
            Access::Granted(_) | Access::ByAdmission => Ok(default_capabilities(stage, owner)),
        }
    }

    /// The grant as it works on this stage.
    pub fn granted(&self, stage: &Stage) -> Grant {
        let grant = match &self.access {
            Access::Granted(grant) => grant.clone(),
            Access::ByAdmission | Access::Removed => Grant::default(),
        };
        let default = default_capabilities(stage, self.user_id == stage.owner);
        Grant { capabilities: Some(grant.capabilities.unwrap_or(default)), ..grant }
    }

    /// What others will see: what the user asks for, with the owner's word over it.
    pub(super) fn attributes(&self, asked: &Attributes) -> Result<Attributes, Error> {
        let Access::Granted(grant) = &self.access else { return Ok(asked.clone()) };
        asked.overlaid_with(&grant.attributes).map_err(|error| {
            let reason = format!("{error}, together with those that the owner granted");
            Error::InvalidRequest(vec![FieldError::new("attributes", reason)])
        })
    }

    /// Every participant id that can still be used to join.
    pub(super) fn unexpired(&self, now: Timestamp) -> BTreeSet<&ParticipantId> {
        let current = self.current.iter().map(|token| (&token.participant_id, token.expires_at));
        let earlier = self.earlier.iter().map(|token| (&token.participant_id, token.expires_at));
        current.chain(earlier).filter(|(_, expires_at)| *expires_at > now).map(|(id, _)| id).collect()
    }

    /// Moves the current token among the earlier ones, and forgets those that have expired.
    pub fn retire_current(&mut self, now: Timestamp) {
        if let Some(IssuedToken { participant_id, expires_at, .. }) = self.current.take() {
            // After an exchange, two tokens bear one participant id; the later end counts.
            match self.earlier.iter_mut().find(|token| token.participant_id == participant_id) {
                Some(token) => token.expires_at = token.expires_at.max(expires_at),
                None => self.earlier.push(EarlierToken { participant_id, expires_at }),
            }
        }
        self.earlier.retain(|token| token.expires_at > now);
    }

    /// Notes what the owner says. A token of before is not given out again.
    pub fn change_access(&mut self, access: Access) {
        if let Some(token) = &mut self.current {
            token.outdated |= self.access != access;
        }
        self.access = access;
    }

    /// Until when the user can join with some token of theirs.
    pub fn held_until(&self) -> Option<Timestamp> {
        let current = self.current.iter().map(|token| token.expires_at);
        current.chain(self.earlier.iter().map(|token| token.expires_at)).max()
    }

    /// When the row has nothing left to say; never, while it holds a word of the owner's.
    pub fn ends_at(&self) -> Option<Timestamp> {
        match self.access {
            Access::ByAdmission => self.held_until(),
            Access::Granted(_) | Access::Removed => None,
        }
    }
}

fn default_capabilities(stage: &Stage, owner: bool) -> Capabilities {
    match stage.admission {
        Admission::Open => Capabilities::ALL,
        Admission::Hosted if owner => Capabilities::ALL,
        Admission::Hosted => Capabilities::SUBSCRIBE,
    }
}
