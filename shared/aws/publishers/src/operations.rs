//! What no event said: the table is compared with what IVS says now, and repaired.
//!
//! One listing tells which stages somebody is in. Whoever the table has in another session has left. For the others, IVS
//! is asked stage by stage who is still there, as many a run as its rate allows: those first whose lease ends first,
//! then stages in which nobody is known to publish, in turn. Each repair is held to the row that was read, so that an
//! event that comes meanwhile wins.

use std::collections::{BTreeMap, BTreeSet};

use aws_session::SessionTable;
use futures_util::{StreamExt, TryStreamExt, stream};
use model::session::{Change, Seen, reconcile as judge};
use model::{Error, StageArn, Timestamp};
use tokio::time::Instant;

use crate::PublisherIvs;

/// Stages that IVS is asked about in a run: at four calls a second, 32 seconds of a minute, of which a listing of 1,000
/// stages takes twelve. As many, the quota of a region, have their turn in eight runs, within a lease, as each run renews all
/// that it asks about.
const ASKED: usize = 125;
/// Stages whose rows are read and written at the same time.
const AT_ONCE: usize = 4;

/// How far the table was from what IVS says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drift {
    /// Stages that somebody is in.
    pub active: usize,
    /// Stages that IVS was asked about.
    pub asked: usize,
    /// Participants of whom nothing had been told.
    pub added: usize,
    /// Participants who had left without a word.
    pub ended: usize,
}

/// Compares the table with IVS and repairs it. Running it twice at once is harmless. From `ask_until` on, no more stages
/// are asked about, which leaves the rest to the next run.
///
/// # Errors
/// What IVS and DynamoDB fail with. Before the listing was complete, nothing has been changed; after that, each change
/// that was made was right by itself.
pub async fn reconcile(
    ivs: &PublisherIvs,
    table: &SessionTable,
    now: Timestamp,
    ask_until: Instant,
) -> Result<Drift, Error> {
    // The table first: of a session that begins in between, it knows nothing yet that IVS would deny.
    let listed = table.list_present().await?;
    let sessions = ivs.sessions().await?;
    let session = |stage: &StageArn| sessions.get(stage).and_then(Option::as_ref);

    let mut leases: BTreeMap<&StageArn, Timestamp> = BTreeMap::new();
    let mut left: BTreeSet<&StageArn> = BTreeSet::new();
    for row in &listed {
        if session(&row.stage) == Some(&row.session) {
            let lease = leases.entry(&row.stage).or_insert(row.lease_until);
            *lease = row.lease_until.min(*lease);
        } else {
            left.insert(&row.stage);
        }
    }
    let active: Vec<&StageArn> = sessions.keys().filter(|stage| session(stage).is_some()).collect();
    let asked: Vec<&StageArn> = in_turn(&leases, &active, now).collect();
    // Those that take no call of IVS first.
    let only_left = left.iter().filter(|stage| !asked.contains(stage)).map(|stage| (*stage, false));
    let work: Vec<(&StageArn, bool)> = only_left.chain(asked.iter().map(|stage| (*stage, true))).collect();

    let renews_all = renews_all(&leases);
    let drift = Drift { active: active.len(), ..Drift::default() };
    stream::iter(work)
        .map(async |(stage, is_asked)| {
            // The next run begins with those that there was no time for: their leases end first.
            if is_asked && Instant::now() >= ask_until {
                return Ok((0, 0, 0));
            }
            let seen = Seen { session: session(stage).cloned(), publishers: None, renews_all };
            let (added, ended) = settle(ivs, table, stage, seen, is_asked, now).await?;
            Ok((usize::from(is_asked), added, ended))
        })
        .buffer_unordered(AT_ONCE)
        .try_fold(drift, async |drift, (asked, added, ended)| {
            Ok(Drift { asked: drift.asked + asked, added: drift.added + added, ended: drift.ended + ended, ..drift })
        })
        .await
}

/// Whether a run asks about some alone of the stages in which somebody is known to publish. If it left the leases as they
/// are, the next run would ask about the same.
fn renews_all(leases: &BTreeMap<&StageArn, Timestamp>) -> bool {
    leases.len() > ASKED
}

/// Which stages are asked about.
fn in_turn<'a>(
    leases: &BTreeMap<&'a StageArn, Timestamp>,
    active: &[&'a StageArn],
    now: Timestamp,
) -> impl Iterator<Item = &'a StageArn> {
    let mut known: Vec<&StageArn> = leases.keys().copied().collect();
    known.sort_by_key(|stage| leases[stage]);
    let mut quiet: Vec<&StageArn> = active.iter().copied().filter(|stage| !leases.contains_key(stage)).collect();
    // Where the last run ended, if each minute has one.
    let minute = usize::try_from(now.epoch_seconds() / 60).unwrap_or_default();
    let left_for_quiet = ASKED.saturating_sub(known.len());
    if let Some(begin) = minute.wrapping_mul(left_for_quiet).checked_rem(quiet.len()) {
        quiet.rotate_left(begin);
    }
    known.extend(quiet);
    known.into_iter().take(ASKED)
}

/// Holds the rows of one stage to what IVS says: how many participants were added, and how many ended.
async fn settle(
    ivs: &PublisherIvs,
    table: &SessionTable,
    stage: &StageArn,
    mut seen: Seen,
    is_asked: bool,
    now: Timestamp,
) -> Result<(usize, usize), Error> {
    let rows = table.rows(stage).await?;
    if let Some(session) = seen.session.as_ref().filter(|_| is_asked) {
        seen.publishers = Some(ivs.publishers(stage, session).await?);
    }
    let (mut added, mut ended) = (0, 0);
    for change in judge(&rows, &seen, now) {
        if table.write(stage, &change, now).await? {
            match &change {
                Change { row, .. } if row.lease_until.is_none() => ended += 1,
                Change { row, seen } if seen.as_ref().is_none_or(|seen| seen.session != row.session) => added += 1,
                Change { .. } => {}
            }
        }
    }
    Ok((added, ended))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use model::SessionId;
    use model::session::{EventTime, Publisher, Row};

    use super::*;

    fn stages(count: usize) -> Vec<StageArn> {
        (0..count).map(|n| format!("arn:aws:ivs:us-east-1:000000000000:stage/s{n:04}").parse().unwrap()).collect()
    }

    fn minute(number: u32) -> Timestamp {
        let start: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        start + Duration::from_secs(60) * number
    }

    #[test]
    fn those_whose_lease_ends_first_are_asked_about_first() {
        let stages = stages(ASKED + 5);
        let active: Vec<_> = stages.iter().collect();
        // The last stage's lease ends first.
        let ends = (0..).map(|n| minute(1000 - n));
        let leases: BTreeMap<_, _> = active.iter().copied().zip(ends).collect();
        let asked: Vec<_> = in_turn(&leases, &active, minute(0)).collect();
        assert_eq!(asked, active.iter().rev().copied().take(ASKED).collect::<Vec<_>>());
    }

    #[test]
    fn every_stage_that_nobody_is_known_to_publish_in_has_its_turn() {
        for (known, quiet, minutes) in [(0, 1, 1), (0, ASKED, 1), (ASKED - 50, 120, 4), (0, 1000, 8), (ASKED - 1, 7, 7)]
        {
            let stages = stages(known + quiet);
            let active: Vec<_> = stages.iter().collect();
            let leases: BTreeMap<_, _> = active[..known].iter().map(|stage| (*stage, minute(9))).collect();
            let asked: BTreeSet<_> = (0..minutes).flat_map(|n| in_turn(&leases, &active, minute(n))).collect();
            assert_eq!(asked.len(), known + quiet, "{known} {quiet}");
        }
    }

    #[test]
    fn of_a_thousand_stages_in_use_none_is_ever_without_a_lease() {
        let stages = stages(1000);
        let active: Vec<_> = stages.iter().collect();
        let began = EventTime::from(minute(0));
        let publisher = Publisher {
            participant_id: "someone".parse().unwrap(),
            user_id: None,
            connected: true,
            first_joined: began,
        };
        let session: SessionId = "st-1".parse().unwrap();
        let row = Row {
            participant_id: publisher.participant_id.clone(),
            user_id: None,
            session: session.clone(),
            publishing: true,
            since: began,
            first_published: Some(began),
            lease_until: Some(minute(10)),
        };
        let mut rows: BTreeMap<&StageArn, Row> = active.iter().map(|stage| (*stage, row.clone())).collect();
        for now in (1..30).map(minute) {
            let leases: BTreeMap<_, _> = rows.iter().map(|(stage, row)| (*stage, row.lease_until.unwrap())).collect();
            assert!(leases.values().all(|until| *until > now), "a lease is over at {now}");
            let seen = Seen {
                session: Some(session.clone()),
                publishers: Some(vec![publisher.clone()]),
                renews_all: renews_all(&leases),
            };
            for stage in in_turn(&leases, &active, now).collect::<Vec<_>>() {
                for change in judge(std::slice::from_ref(&rows[stage]), &seen, now) {
                    rows.insert(stage, change.row);
                }
            }
        }
    }

    #[test]
    fn stages_that_are_known_leave_no_turn_to_others_when_they_are_too_many() {
        let stages = stages(ASKED + 50);
        let active: Vec<_> = stages.iter().collect();
        let leases: BTreeMap<_, _> = active[..ASKED].iter().map(|stage| (*stage, minute(9))).collect();
        let asked: BTreeSet<_> = in_turn(&leases, &active, minute(7)).collect();
        assert!(asked.iter().all(|stage| leases.contains_key(stage)));
    }
}
