//! What creates and deletes left halfway, found from the side of AWS: a resource that bears this deployment's tags and is
//! not what its row stands for.
//!
//! A row that nobody asks for again is found here, too, as long as there is something in AWS that costs money or counts
//! towards a quota. What is found is ended rather than finished: its caller was told that it failed, and did not ask
//! again.

use std::time::Duration;

use super::claim::{Found, Outline, Provider, Resource};
use super::{ClaimId, Timestamp};
use crate::aws::{NameTable, Stored};
use crate::error::Error;

/// How long after the lease of its create a resource is left alone: clocks differ, and a listing may be behind.
const GRACE: Duration = Duration::from_secs(60);

/// What a sweep found and ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Resources that bear this deployment's tags.
    pub listed: usize,
    /// Of these, the ones that no row stood for.
    pub orphans: usize,
    /// Creates that died, ended.
    pub creates_ended: usize,
    /// Deletes that died, finished.
    pub deletes_finished: usize,
}

/// What is to become of a resource in AWS.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// It is what its row stands for, or somebody may be at work on it.
    Stays,
    /// No row stands for it, and none can come to.
    Orphan,
    /// It was made by a create that died, whose claim still stands in the row.
    CreateEnds(ClaimId),
    /// Its row says that it is being deleted.
    DeleteGoesOn,
}

/// Decides by what the row of its name is about.
fn fate<R: Resource>(found: &Found<R>, row: Option<&Outline<R>>, now: Timestamp) -> Fate {
    // Without a lease it was not made by a create of ours, whatever else it is tagged with.
    let Some(lease_until) = found.lease_until else { return Fate::Stays };
    let is_over = |lease: Timestamp| lease + GRACE <= now;
    match row {
        Some(Outline::Active(arn)) if *arn == found.arn => Fate::Stays,
        _ if !is_over(lease_until) => Fate::Stays,
        Some(Outline::Deleting(arn)) if *arn == found.arn => Fate::DeleteGoesOn,
        // A successor keeps the origin, and adopts what it made.
        Some(Outline::Creating { id, origin, lease_until }) if Some(origin) == found.origin.as_ref() => {
            if is_over(*lease_until) { Fate::CreateEnds(id.clone()) } else { Fate::Stays }
        }
        // A claim's origin is never used twice: once it is not the row's any more, nobody can commit what it made.
        None | Some(Outline::Active(_) | Outline::Deleting(_) | Outline::Creating { .. }) => Fate::Orphan,
    }
}

/// How to sweep.
#[derive(Debug, Clone)]
pub struct Sweep {
    /// Fresh for this run.
    pub attempt: ClaimId,
    /// How long a claim of this run holds a name; longer than the sweep may take.
    pub lease: Duration,
    /// How many orphans of a kind this run may delete. Unless told: ten or a tenth of what is listed, whichever is more,
    /// and never more than half. Beyond, it looks as if a table was restored or lost, and no resource comes back, while an
    /// orphan waits at no cost but its place in the quota.
    pub max_orphans: Option<usize>,
}

impl Sweep {
    fn allows(&self, orphans: usize, listed: usize) -> bool {
        match self.max_orphans {
            Some(max) => orphans <= max,
            None => orphans <= (listed / 10).max(10) && orphans <= listed / 2,
        }
    }
}

/// Looks at every resource that bears this deployment's tags, and ends what was left halfway. Running it twice at once is
/// harmless. Answers what was done even if not all could be.
///
/// # Errors
/// What AWS failed with first: one resource that cannot be ended keeps no other from it. Before the listing was
/// complete, nothing has been changed.
pub(crate) async fn sweep<R: Stored>(
    provider: &impl Provider<R>,
    table: &NameTable<R>,
    now: Timestamp,
    sweep: &Sweep,
) -> (Swept, Result<(), Error>) {
    let all = match provider.find(None).await {
        Ok(all) => all,
        Err(error) => return (Swept::default(), Err(error)),
    };
    let mut swept = Swept { listed: all.len(), ..Swept::default() };
    let mut result = Ok(());
    let mut ends = Vec::new();
    for found in &all {
        match table.outline(&found.name).await {
            Ok(row) => ends.push((found, fate(found, row.as_ref(), now))),
            Err(error) => result = result.and(Err(error)),
        }
    }
    let orphans = ends.iter().filter(|(_, fate)| *fate == Fate::Orphan).count();
    if !sweep.allows(orphans, all.len()) {
        let (kind, listed) = (R::KIND, all.len());
        result = result.and(Err(Error::internal(format!(
            "no row stands for {orphans} of {listed} {kind}s, which is more than an accident; if they may go, invoke the \
             reconciler with {{\"maxOrphans\": {orphans}}}"
        ))));
        ends.retain(|(_, fate)| *fate != Fate::Orphan);
    }
    for (found, fate) in ends {
        if let Err(error) = end(provider, table, now, sweep, found, fate, &mut swept).await {
            result = result.and(Err(error));
        }
    }
    (swept, result)
}

/// Ends one resource, as its fate is.
async fn end<R: Stored>(
    provider: &impl Provider<R>,
    table: &NameTable<R>,
    now: Timestamp,
    Sweep { attempt, lease, .. }: &Sweep,
    Found { name, arn, .. }: &Found<R>,
    fate: Fate,
    swept: &mut Swept,
) -> Result<(), Error> {
    match fate {
        Fate::Stays => {}
        Fate::Orphan => {
            if delete_unless_in_use(provider, arn).await? {
                tracing::warn!(%arn, %name, "deleted a {} that no row stood for", R::KIND);
                swept.orphans += 1;
            }
        }
        Fate::CreateEnds(lapsed) => {
            if table.seize(name, &lapsed, attempt, now + *lease).await? {
                match delete_unless_in_use(provider, arn).await {
                    Ok(true) => {
                        table.release_held(name, attempt).await?;
                        swept.creates_ended += 1;
                    }
                    // Whoever asks for the name adopts it; nobody has to wait for this run's lease.
                    other => {
                        table.lapse_held(name, attempt, now).await?;
                        other?;
                    }
                }
            }
        }
        Fate::DeleteGoesOn => {
            if table.continue_delete(name, arn, attempt).await? {
                if delete_unless_in_use(provider, arn).await? {
                    provider.forget(name, arn).await?;
                    table.finish_delete(name, arn).await?;
                    swept.deletes_finished += 1;
                } else {
                    // It cannot be deleted while it is in use, and its owner can use it.
                    table.revoke_delete(name, arn, attempt).await?;
                }
            }
        }
    }
    Ok(())
}

/// False: it cannot be deleted now, because it is in use.
async fn delete_unless_in_use<R: Resource>(provider: &impl Provider<R>, arn: &R::Arn) -> Result<bool, Error> {
    match provider.delete(arn).await {
        Ok(()) => Ok(true),
        Err(Error::Conflict(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_orphans_than_an_accident_leaves_are_not_allowed_unless_told() {
        let sweep = |max_orphans| Sweep { attempt: claim("now"), lease: Duration::ZERO, max_orphans };
        for (orphans, listed, allowed) in [
            (0, 0, true),
            (0, 1, true),
            (1, 1, false),
            (1, 2, true),
            (2, 2, false),
            (2, 3, false),
            (2, 4, true),
            (3, 3, false),
            (3, 6, true),
            (10, 20, true),
            (11, 100, false),
            (100, 1000, true),
            (101, 1000, false),
        ] {
            assert_eq!(sweep(None).allows(orphans, listed), allowed, "{orphans} of {listed}");
        }
        assert!(sweep(Some(11)).allows(11, 11) && !sweep(Some(11)).allows(12, 1000));
    }
    use crate::domain::StageArn;
    use crate::domain::stage::Stage;

    fn arn(id: &str) -> StageArn {
        format!("arn:aws:ivs:us-east-1:000000000000:stage/{id}").parse().unwrap()
    }

    fn claim(id: &str) -> ClaimId {
        id.parse().unwrap()
    }

    fn at(minute: u8) -> Timestamp {
        format!("2026-03-01T12:{minute:02}:00Z").parse().unwrap()
    }

    /// A stage of the create `first`, whose lease ended at 12:10.
    fn found() -> Found<Stage> {
        let name = "demo".parse().unwrap();
        Found { arn: arn("found"), name, origin: Some(claim("first")), lease_until: Some(at(10)) }
    }

    fn creating(origin: &str, lease_until: Timestamp) -> Option<Outline<Stage>> {
        Some(Outline::Creating { id: claim("latest"), origin: claim(origin), lease_until })
    }

    #[test]
    fn each_row_decides_what_becomes_of_the_resource() {
        for (row, expected) in [
            (None, Fate::Orphan),
            (Some(Outline::Active(arn("found"))), Fate::Stays),
            (Some(Outline::Active(arn("other"))), Fate::Orphan),
            (Some(Outline::Deleting(arn("found"))), Fate::DeleteGoesOn),
            (Some(Outline::Deleting(arn("other"))), Fate::Orphan),
            (creating("first", at(10)), Fate::CreateEnds(claim("latest"))),
            // Somebody has taken it over, and may be adopting it right now.
            (creating("first", at(30)), Fate::Stays),
            (creating("second", at(30)), Fate::Orphan),
        ] {
            assert_eq!(fate(&found(), row.as_ref(), at(20)), expected, "{row:?}");
        }
    }

    #[test]
    fn nothing_is_touched_while_its_create_may_be_at_work() {
        for row in [None, Some(Outline::Active(arn("other"))), creating("first", at(10)), creating("second", at(30))] {
            assert_eq!(fate(&found(), row.as_ref(), at(10)), Fate::Stays, "{row:?}");
        }
    }

    #[test]
    fn what_bears_no_lease_is_not_ours_to_delete() {
        let found = Found { lease_until: None, ..found() };
        assert_eq!(fate(&found, None, at(59)), Fate::Stays);
    }
}
