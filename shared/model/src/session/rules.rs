//! What follows from what IVS says of a participant, given what the table holds of it. No clock, no AWS.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{EventTime, News, Publisher, Row};
use crate::{ParticipantId, SessionId, Timestamp};

/// How long news of a participant counts without IVS confirming that it is still there. Enough for all of 1,000 stages to
/// have their turn, which takes eight runs, and for a few of these to fail.
pub const LEASE: Duration = Duration::from_secs(10 * 60);

/// What is younger than this is not judged by a listing: IVS may list what it has not told yet, and the other way round.
pub const GRACE: Duration = Duration::from_secs(30);

/// What to do about an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The table knows of something later.
    Stale,
    /// The table says so already.
    NoNews,
    /// The table has to say so.
    Write(Box<Change>),
}

/// A row to be written, unless somebody else has written it meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What the row becomes.
    pub row: Row,
    /// The row that was read; there was none. Only what tells which news it is of has to be as it was.
    pub seen: Option<Row>,
}

impl Change {
    /// Whether the row may be written on top of `present`. DynamoDB is asked the same by the condition of the write.
    pub fn is_admitted(&self, present: Option<&Row>) -> bool {
        present.map(Row::version) == self.seen.as_ref().map(Row::version)
    }
}

/// What a reconciliation has heard of a stage from IVS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// The session that somebody is in; `None`: nobody is in the stage, or it is gone.
    pub session: Option<SessionId>,
    /// Who has published in that session, from a complete listing; `None`: that was not asked.
    pub publishers: Option<Vec<Publisher>>,
    /// Whether every lease is renewed that is confirmed, as there are more stages than a run asks about: the shortest
    /// lease tells whose turn it is.
    pub renews_all: bool,
}

impl Row {
    /// What tells of two things said of a participant which is the later one. Of two at the same time, as when there is
    /// nothing but seconds, publishing counts as the later: to publish anew at once, as a change of camera does, is
    /// more common than to stop within the second, and a wrong guess ends with the lease.
    pub(super) fn order(&self) -> (EventTime, bool, &SessionId) {
        (self.since, self.publishing, &self.session)
    }

    /// Which news the row is of, and what else is known by events.
    fn version(&self) -> (EventTime, bool, &SessionId, Option<EventTime>) {
        (self.since, self.publishing, &self.session, self.first_published)
    }

    /// Since when the participant is known to have been there.
    pub(super) fn began(&self) -> EventTime {
        self.first_published.unwrap_or(self.since)
    }
}

/// Judges what an event tells of a participant by what the table holds of it.
pub fn judge(row: Option<&Row>, news: &News) -> Verdict {
    let told = Row {
        participant_id: news.participant_id.clone(),
        user_id: news.user_id.clone(),
        session: news.session.clone(),
        publishing: news.publishing,
        since: news.at,
        first_published: news.publishing.then_some(news.at),
        // From when it happened: what is told late has to be confirmed first.
        lease_until: Some(news.at.to_timestamp() + LEASE),
    };
    let Some(row) = row else { return Verdict::Write(Box::new(Change { row: told, seen: None })) };
    let is_same_session = row.session == told.session;
    let first_published = match (row.first_published, told.first_published) {
        (known, _) if !is_same_session => known,
        (Some(known), Some(told)) => Some(known.min(told)),
        (known, told) => known.or(told),
    };
    let becomes = match told.order().cmp(&row.order()) {
        std::cmp::Ordering::Equal => return Verdict::NoNews,
        std::cmp::Ordering::Greater if is_same_session => {
            Row { first_published, lease_until: told.lease_until.max(row.lease_until), ..told }
        }
        std::cmp::Ordering::Greater => told,
        // It tells nothing of now, but when it began.
        std::cmp::Ordering::Less if first_published != row.first_published => Row { first_published, ..row.clone() },
        std::cmp::Ordering::Less => return Verdict::Stale,
    };
    Verdict::Write(Box::new(Change { row: becomes, seen: Some(row.clone()) }))
}

/// What the rows of a stage have to become by what IVS answers. `rows` are all of the stage's, read after IVS was asked
/// for its session and before it was asked for participants.
///
/// - Who is not connected, or not in the present session, has left.
/// - Who is connected is confirmed for another lease. A lease that has more than half left stays as it is, unless all are
///   renewed.
/// - Who is connected and has published, and of whom nothing was told in this session, is taken to publish since it came:
///   whatever is told of it yet is later.
pub fn reconcile(rows: &[Row], seen: &Seen, now: Timestamp) -> Vec<Change> {
    let publishers: Option<BTreeMap<&ParticipantId, &Publisher>> = seen
        .publishers
        .as_ref()
        .map(|all| all.iter().map(|publisher| (&publisher.participant_id, publisher)).collect());
    let is_connected = |row: &Row| {
        let publishers = publishers.as_ref()?;
        Some(publishers.get(&row.participant_id).is_some_and(|publisher| publisher.connected))
    };
    let enough = if seen.renews_all { LEASE } else { LEASE / 2 };
    let mut changes = Vec::new();
    for row in rows {
        let is_current = seen.session.as_ref() == Some(&row.session);
        let is_connected = if is_current { is_connected(row) } else { Some(false) };
        let is_settled = row.since.to_timestamp() + GRACE <= now;
        let lease_until = match (is_connected, row.lease_until) {
            (Some(true), lease) if lease.is_none_or(|until| until < now + enough) => Some(now + LEASE),
            (Some(false), Some(_)) if is_settled => None,
            _ => continue,
        };
        changes.push(Change { row: Row { lease_until, ..row.clone() }, seen: Some(row.clone()) });
    }
    let (Some(session), Some(publishers)) = (&seen.session, publishers) else { return changes };
    for publisher in publishers.into_values().filter(|publisher| publisher.connected) {
        let row = rows.iter().find(|row| row.participant_id == publisher.participant_id);
        let unheard = Row {
            participant_id: publisher.participant_id.clone(),
            user_id: publisher.user_id.clone(),
            session: session.clone(),
            publishing: true,
            since: publisher.first_joined,
            first_published: Some(publisher.first_joined),
            lease_until: Some(now + LEASE),
        };
        if row.is_none_or(|row| row.session != *session && row.order() < unheard.order()) {
            changes.retain(|change| change.row.participant_id != unheard.participant_id);
            changes.push(Change { row: unheard, seen: row.cloned() });
        }
    }
    changes
}
