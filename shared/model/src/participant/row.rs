//! A user of a stage: what the owner has said, and which tokens were given out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::values::{Attributes, Capabilities, TokenDuration};
use crate::error::{Denial, Error, FieldError};
use crate::stage::{Admission, Doors, Stage};
use crate::token::ParticipantToken;
use crate::{DeviceName, ParticipantId, RowVersion, StageArn, StageName, Timestamp, UserId};

/// A token that ends sooner than this, or than half of its time if that is less, is not handed out again.
const REUSE_MARGIN: Duration = Duration::from_secs(5 * 60);

/// How long a row keeps what its user asked others to see, after the last token has ended.
const ATTRIBUTES_KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

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
    /// What the user asked others to see, without the owner's word over it.
    pub asked: Attributes,
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
        attributes: &Attributes,
        can_sign: bool,
        now: Timestamp,
    ) -> bool {
        !self.outdated
            && now.until(self.expires_at) >= self.margin()
            && self.capabilities == capabilities
            && self.attributes == *attributes
            && (can_sign || matches!(self.origin, TokenOrigin::Ivs(_)))
    }

    /// How much of its time must be left for it to be given out again.
    fn margin(&self) -> Duration {
        REUSE_MARGIN.min(self.issued_at.until(self.expires_at) / 2)
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
    /// What the user asked others to see, last. It stays until they ask for something else.
    pub asked: Attributes,
    /// The latest token of each device; one has no name.
    pub current: BTreeMap<Option<DeviceName>, IssuedToken>,
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
            asked: Attributes::default(),
            current: BTreeMap::new(),
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
        allowed(stage.doors, stage.admission, &self.access, self.user_id == stage.owner)
    }

    /// The grant as it works on this stage.
    pub fn granted(&self, stage: &Stage) -> Grant {
        let grant = match &self.access {
            Access::Granted(grant) => grant.clone(),
            Access::ByAdmission | Access::Removed => Grant::default(),
        };
        let default = default_capabilities(stage.admission, self.user_id == stage.owner);
        Grant { capabilities: Some(grant.capabilities.unwrap_or(default)), ..grant }
    }

    /// What the user asks others to see of a device, and what they will see: the owner's word stands over it. Attributes
    /// that a request leaves out stay as they were asked for before, for the device or else for any, and give way where
    /// they do not fit beside those granted.
    pub(super) fn attributes(
        &self,
        device: &Option<DeviceName>,
        asked: Option<&Attributes>,
    ) -> Result<(Attributes, Attributes), Error> {
        let asking = asked.unwrap_or_else(|| self.current.get(device).map_or(&self.asked, |token| &token.asked));
        let Access::Granted(grant) = &self.access else { return Ok((asking.clone(), asking.clone())) };
        match asking.overlaid_with(&grant.attributes) {
            Ok(attributes) => Ok((asking.clone(), attributes)),
            Err(_) if asked.is_none() => Ok((asking.clone(), grant.attributes.clone())),
            Err(error) => {
                let reason = format!("{error}, together with those that the owner granted");
                Err(Error::InvalidRequest(vec![FieldError::new("attributes", reason)]))
            }
        }
    }

    /// Every participant id that can still be used to join.
    pub(super) fn unexpired(&self, now: Timestamp) -> BTreeSet<&ParticipantId> {
        let current = self.current.values().map(|token| (&token.participant_id, token.expires_at));
        let earlier = self.earlier.iter().map(|token| (&token.participant_id, token.expires_at));
        current.chain(earlier).filter(|(_, expires_at)| *expires_at > now).map(|(id, _)| id).collect()
    }

    /// Notes that a token was given out to a device. The one before it can still be used to join.
    pub fn issue(&mut self, device: Option<DeviceName>, token: IssuedToken, now: Timestamp) {
        self.asked = token.asked.clone();
        let before = self.current.insert(device, token);
        before.into_iter().for_each(|token| self.retire(token));
        self.forget_expired(now);
    }

    /// Moves the current tokens among the earlier ones, and forgets those that have expired.
    pub fn retire_current(&mut self, now: Timestamp) {
        std::mem::take(&mut self.current).into_values().for_each(|token| self.retire(token));
        self.forget_expired(now);
    }

    fn retire(&mut self, IssuedToken { participant_id, expires_at, .. }: IssuedToken) {
        // After an exchange, two tokens bear one participant id; the later end counts.
        match self.earlier.iter_mut().find(|token| token.participant_id == participant_id) {
            Some(token) => token.expires_at = token.expires_at.max(expires_at),
            None => self.earlier.push(EarlierToken { participant_id, expires_at }),
        }
    }

    /// Forgets the tokens that have expired: a row that a grant keeps must not keep them, too.
    pub fn forget_expired(&mut self, now: Timestamp) {
        self.current.retain(|_, token| token.expires_at > now);
        self.earlier.retain(|token| token.expires_at > now);
    }

    /// Notes what the owner says. A token of before is not given out again.
    pub fn change_access(&mut self, access: Access) {
        for token in self.current.values_mut() {
            token.outdated |= self.access != access;
        }
        self.access = access;
    }

    /// The current tokens, newest first, each with its device.
    pub fn newest_first(&self) -> Vec<(Option<&DeviceName>, &IssuedToken)> {
        let mut tokens: Vec<_> = self.current.iter().map(|(device, token)| (device.as_ref(), token)).collect();
        tokens.sort_by_key(|(_, token)| std::cmp::Reverse(token.issued_at));
        tokens
    }

    /// A row whose latest token is older than this holds none that can be used: the longest lasts 14 days, by IVS's clock.
    pub fn oldest_issue(now: Timestamp) -> Timestamp {
        now - Duration::from(TokenDuration::LONGEST) - Duration::from_secs(60 * 60)
    }

    /// Until when the user can join with some token of theirs.
    pub fn held_until(&self) -> Option<Timestamp> {
        let current = self.current.values().map(|token| token.expires_at);
        current.chain(self.earlier.iter().map(|token| token.expires_at)).max()
    }

    /// When the row has nothing left to say; never, while it holds a word of the owner's.
    pub fn ends_at(&self) -> Option<Timestamp> {
        match self.access {
            Access::ByAdmission if self.asked.is_empty() => self.held_until(),
            Access::ByAdmission => self.held_until().map(|end| end + ATTRIBUTES_KEPT),
            Access::Granted(_) | Access::Removed => None,
        }
    }
}

/// What a user may do on a stage, by its doors, its admission and what its owner has said of them.
///
/// # Errors
/// As [`Participant::allowed`].
pub fn allowed(doors: Doors, admission: Admission, access: &Access, owner: bool) -> Result<Capabilities, Denial> {
    if doors == Doors::Closed && !owner {
        return Err(Denial::StageClosed);
    }
    match access {
        Access::Removed => Err(Denial::Removed),
        Access::Granted(Grant { capabilities: Some(capabilities), .. }) => Ok(*capabilities),
        Access::Granted(_) | Access::ByAdmission => Ok(default_capabilities(admission, owner)),
    }
}

fn default_capabilities(admission: Admission, owner: bool) -> Capabilities {
    match admission {
        Admission::Open => Capabilities::ALL,
        Admission::Hosted if owner => Capabilities::ALL,
        Admission::Hosted => Capabilities::SUBSCRIBE,
    }
}
