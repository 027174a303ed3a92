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

/// Looks at every resource that bears this deployment's tags, and ends what was left halfway. Running it twice at once is
/// harmless. `attempt` is fresh, and `lease` longer than this function may run.
///
/// # Errors
/// What AWS fails with. Before the listing was complete, nothing has been changed.
pub(crate) async fn sweep<R: Stored>(
    provider: &impl Provider<R>,
    table: &NameTable<R>,
    now: Timestamp,
    attempt: &ClaimId,
    lease: Duration,
) -> Result<Swept, Error> {
    let all = provider.find(None).await?;
    let mut swept = Swept { listed: all.len(), ..Swept::default() };
    for found in &all {
        let row = table.outline(&found.name).await?;
        match fate(found, row.as_ref(), now) {
            Fate::Stays => {}
            Fate::Orphan => {
                tracing::warn!(arn = %found.arn, name = %found.name, "deleting a {} that no row stands for", R::KIND);
                swept.orphans += usize::from(is_deleted(provider, found).await?);
            }
            Fate::CreateEnds(lapsed) => {
                if table.seize(&found.name, &lapsed, attempt, now + lease).await? && is_deleted(provider, found).await?
                {
                    table.release_held(&found.name, attempt).await?;
                    swept.creates_ended += 1;
                }
            }
            Fate::DeleteGoesOn => {
                if table.continue_delete(&found.name, &found.arn, attempt).await? {
                    if is_deleted(provider, found).await? {
                        provider.forget(&found.name, &found.arn).await?;
                        table.finish_delete(&found.name, &found.arn).await?;
                        swept.deletes_finished += 1;
                    } else {
                        // It is in use, as it was when its owner tried.
                        table.revoke_delete(&found.name, &found.arn, attempt).await?;
                    }
                }
            }
        }
    }
    Ok(swept)
}

/// False: it cannot be deleted now, because it is in use.
async fn is_deleted<R: Resource>(provider: &impl Provider<R>, found: &Found<R>) -> Result<bool, Error> {
    match provider.delete(&found.arn).await {
        Ok(()) => Ok(true),
        Err(Error::Conflict(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
