//! Who publishes in a stage now. IVS tells of publishing alone, by events that may get lost, come twice, hours late and
//! in any order; nobody is told of joining and leaving (IVS Real-Time user guide, "Using Amazon EventBridge").
//!
//! The table holds one row a participant, of the latest thing that was told of it. The time at which IVS says that it
//! happened orders what is told, not the time at which it comes. A stage's sessions follow one another, so that order
//! is right across sessions, too: what is told late of an earlier session is older than all of a later one.
//!
//! Who leaves without a word is found by asking IVS who is still connected ([`reconcile`]). Until then a lease bounds
//! how long a row counts.

mod rules;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

pub use self::rules::{Change, GRACE, LEASE, Seen, Verdict, judge, reconcile};
use crate::{InvalidTimestamp, ParticipantId, SessionId, Timestamp, UserId};

/// When something happened, as exactly as IVS says it: its events have up to nine digits of a second. Of one width, so
/// that texts sort as times do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventTime(OffsetDateTime);

impl EventTime {
    /// To the millisecond, as the API shows it.
    pub fn to_timestamp(self) -> Timestamp {
        // A time of this type has been one before.
        Timestamp::try_from(self.0).unwrap_or(Timestamp::LAST)
    }
}

impl From<Timestamp> for EventTime {
    fn from(at: Timestamp) -> Self {
        Self(at.into())
    }
}

impl FromStr for EventTime {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        OffsetDateTime::parse(text, &Rfc3339).map_err(|_| InvalidTimestamp)?.try_into()
    }
}

impl TryFrom<OffsetDateTime> for EventTime {
    type Error = InvalidTimestamp;

    fn try_from(time: OffsetDateTime) -> Result<Self, InvalidTimestamp> {
        Timestamp::try_from(time).map(|_| Self(time.to_offset(UtcOffset::UTC)))
    }
}

impl fmt::Display for EventTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:9]Z");
        f.write_str(&self.0.format(format).map_err(|_| fmt::Error)?)
    }
}

/// What an event tells of a participant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// In which session of the stage.
    pub session: SessionId,
    /// Who.
    pub participant_id: ParticipantId,
    /// Whose token the participant came with, if it says.
    pub user_id: Option<UserId>,
    /// Whether it publishes from then on.
    pub publishing: bool,
    /// When.
    pub at: EventTime,
}

/// What the table holds of a participant of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Who.
    pub participant_id: ParticipantId,
    /// Whose token the participant came with, if IVS says.
    pub user_id: Option<UserId>,
    /// The session that the latest news is of.
    pub session: SessionId,
    /// Whether it publishes, by the latest news.
    pub publishing: bool,
    /// Since when; with the two above, which news this row is of.
    pub since: EventTime,
    /// When it first published in this session, as far as was told.
    pub first_published: Option<EventTime>,
    /// Until when that counts; `None` once the participant is known to have left.
    pub lease_until: Option<Timestamp>,
}

impl Row {
    /// How long a row stays that nobody renews: longer than a participant may publish.
    pub const KEPT: Duration = Duration::from_secs(25 * 60 * 60);

    /// Whether this counts now.
    pub fn is_present(&self, now: Timestamp) -> bool {
        self.lease_until.is_some_and(|until| until > now)
    }
}

/// A participant that has published in a session, as IVS answers when it is asked. It does not say whether it
/// publishes now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publisher {
    /// Who.
    pub participant_id: ParticipantId,
    /// Whose token it came with, if it says.
    pub user_id: Option<UserId>,
    /// Whether it is in the stage.
    pub connected: bool,
    /// When it first came.
    pub first_joined: EventTime,
}

/// The session of a stage, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Session {
    /// Who publishes, and who has stopped and is not known to have left: first come, first listed.
    pub participants: Vec<Row>,
}

impl Session {
    /// What the rows of a stage say of its present session: the one of which the latest news is. Rows of earlier ones
    /// and those that do not count any more are left out.
    pub fn of(rows: Vec<Row>, now: Timestamp) -> Self {
        let mut rows: Vec<Row> = rows.into_iter().filter(|row| row.is_present(now)).collect();
        let latest = rows.iter().max_by(|a, b| a.order().cmp(&b.order())).map(|row| row.session.clone());
        rows.retain(|row| Some(&row.session) == latest.as_ref());
        rows.sort_by(|a, b| (a.began(), &a.participant_id).cmp(&(b.began(), &b.participant_id)));
        Self { participants: rows }
    }

    /// Whether anybody publishes.
    pub fn is_live(&self) -> bool {
        self.participants.iter().any(|row| row.publishing)
    }

    /// While it is live: when the first of the participants began to publish.
    pub fn started_at(&self) -> Option<Timestamp> {
        let began = self.participants.first().filter(|_| self.is_live())?.began();
        Some(began.to_timestamp())
    }
}
