//! A user of a room: what has been said of them, what they are called, and how many tokens they have taken.

use std::time::Duration;

use super::log::LogAction;
use super::name::DisplayName;
use crate::{Error, RoomArn, RoomName, RowVersion, Timestamp, UserId};

/// How many tokens a user gets at once. A client asks up to four times at once when its connection breaks.
const BURST: u32 = 10;
/// How soon there is another one.
const INTERVAL: Duration = Duration::from_secs(6);
/// How long a row that says nothing of its user outlives their last session, for their name.
const NAME_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// What the owner and the moderators have said of a user.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// They moderate.
    pub moderator: bool,
    /// They read only.
    pub muted: bool,
    /// They get no token.
    pub removed: bool,
}

/// What changes of it; what is absent stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StandingChanges {
    /// See [`Standing::moderator`].
    pub moderator: Option<bool>,
    /// See [`Standing::muted`].
    pub muted: Option<bool>,
    /// See [`Standing::removed`]. False lets them in again.
    pub removed: Option<bool>,
}

impl StandingChanges {
    /// Why the user's connections are closed, so that their next token says what holds now; the reason is theirs to read.
    /// `None`: their token is none the worse for it. After `removed` there is no use in coming back.
    pub fn disconnects_for(&self) -> Option<&'static str> {
        match (self.removed, self.muted, self.moderator) {
            (Some(true), ..) => Some("removed"),
            (_, Some(true), _) => Some("muted"),
            (_, Some(false), _) => Some("unmuted"),
            (.., Some(_)) => Some("moderator"),
            (Some(false) | None, None, None) => None,
        }
    }
}

impl Standing {
    /// Whether there is anything to be said of the user.
    pub fn is_moderated(self) -> bool {
        self != Self::default()
    }

    /// The standing after a change. Who is removed moderates no more, unless the same change says so.
    #[must_use]
    pub fn changed(self, changes: &StandingChanges) -> Self {
        let removed = changes.removed.unwrap_or(self.removed);
        let kept = self.moderator && !removed;
        Self { moderator: changes.moderator.unwrap_or(kept), muted: changes.muted.unwrap_or(self.muted), removed }
    }

    /// What is to be noted of the step from this standing to another one.
    pub fn actions_to(self, next: Self) -> Vec<LogAction> {
        let of = |before: bool, after: bool, begun, ended| match (before, after) {
            (false, true) => Some(begun),
            (true, false) => Some(ended),
            _ => None,
        };
        let actions = [
            of(self.moderator, next.moderator, LogAction::ModeratorMade, LogAction::ModeratorEnded),
            of(self.muted, next.muted, LogAction::Muted, LogAction::Unmuted),
            of(self.removed, next.removed, LogAction::Removed, LogAction::Readmitted),
        ];
        actions.into_iter().flatten().collect()
    }
}

/// A user of a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatUser {
    /// The room's name: with `user_id`, the key of the row.
    pub room: RoomName,
    /// Which room of that name: a row of an earlier one counts for nothing.
    pub room_arn: RoomArn,
    /// The user.
    pub user_id: UserId,
    /// Which write this is of. Absent: not stored yet.
    pub version: Option<RowVersion>,
    /// What has been said of them.
    pub standing: Standing,
    /// When that changed last.
    pub changed_at: Option<Timestamp>,
    /// What they are called.
    pub display_name: Option<DisplayName>,
    /// Until when the tokens that they have taken are paid for: each takes six seconds.
    pub paid_until: Option<Timestamp>,
    /// When the last session ends that they can have.
    pub session_until: Option<Timestamp>,
}

impl ChatUser {
    /// A user that nothing is known about.
    pub fn unknown(room: RoomName, room_arn: RoomArn, user_id: UserId) -> Self {
        Self {
            room,
            room_arn,
            user_id,
            version: None,
            standing: Standing::default(),
            changed_at: None,
            display_name: None,
            paid_until: None,
            session_until: None,
        }
    }

    /// The row as read, or what it amounts to when it is of an earlier room of that name.
    pub fn of(room: &RoomName, room_arn: &RoomArn, user_id: &UserId, row: Option<Self>) -> Self {
        match row {
            Some(row) if row.room_arn == *room_arn => row,
            row => {
                let version = row.and_then(|row| row.version);
                Self { version, ..Self::unknown(room.clone(), room_arn.clone(), user_id.clone()) }
            }
        }
    }

    /// Takes a token for a session of this length: so many at once, and then one after the other.
    ///
    /// # Errors
    /// [`Error::TooManyRequests`], with the moment at which there is another one.
    pub fn take_token(&mut self, session: Duration, now: Timestamp) -> Result<(), Error> {
        // What a clock that ran ahead has written must not keep a user out for longer than an empty bucket.
        let fullest = now + INTERVAL * BURST;
        let paid_until = self.paid_until.map_or(now, |paid| paid.max(now).min(fullest));
        let next = paid_until + INTERVAL;
        if next > fullest {
            return Err(Error::TooManyRequests { retry_after: fullest.until(next) });
        }
        self.paid_until = Some(next);
        let ends = now + session;
        self.session_until = Some(self.session_until.map_or(ends, |before| before.max(ends)));
        Ok(())
    }

    /// When the row has nothing left to say; never, while something is said of its user. Of who never came, a while after
    /// the last word of them.
    pub fn ends_at(&self) -> Option<Timestamp> {
        let spoken = || self.changed_at.map(|at| at + NAME_KEPT);
        if self.standing.is_moderated() { None } else { self.name_ends_at().or_else(spoken) }
    }

    /// When the user's name is anybody's again.
    pub fn name_ends_at(&self) -> Option<Timestamp> {
        self.session_until.map(|end| end + NAME_KEPT)
    }
}
