//! What creates and deletes left halfway, found from the side of AWS: a resource that bears this deployment's tags and
//! is not what its row stands for.
//!
//! A row that nobody asks for again is found here, too, as long as there is something in AWS that costs money or counts
//! towards a quota. What is found is ended rather than finished: its caller was told that it failed, and did not ask
//! again.

use std::time::Duration;

use crate::claim::{Found, Resource, RowSummary};
use crate::{ClaimId, Timestamp};

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
pub enum Disposition {
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
pub fn disposition<R: Resource>(found: &Found<R>, row: Option<&RowSummary<R>>, now: Timestamp) -> Disposition {
    // Without a lease it was not made by a create of ours, whatever else it is tagged with.
    let Some(lease_until) = found.lease_until else { return Disposition::Stays };
    let is_over = |lease: Timestamp| lease + GRACE <= now;
    match row {
        Some(RowSummary::Active(arn)) if *arn == found.arn => Disposition::Stays,
        _ if !is_over(lease_until) => Disposition::Stays,
        Some(RowSummary::Deleting(arn)) if *arn == found.arn => Disposition::DeleteGoesOn,
        // A successor keeps the origin, and adopts what it made.
        Some(RowSummary::Creating { id, origin, lease_until }) if Some(origin) == found.origin.as_ref() => {
            if is_over(*lease_until) { Disposition::CreateEnds(id.clone()) } else { Disposition::Stays }
        }
        // A claim's origin is never used twice: once it is not the row's any more, nobody can commit what it made.
        None | Some(RowSummary::Active(_) | RowSummary::Deleting(_) | RowSummary::Creating { .. }) => {
            Disposition::Orphan
        }
    }
}

/// How to sweep.
#[derive(Debug, Clone)]
pub struct Sweep {
    /// Fresh for this run.
    pub attempt: ClaimId,
    /// How long a claim of this run holds a name; longer than the sweep may take.
    pub lease: Duration,
    /// How many orphans of a kind this run may delete. Unless told: ten or a tenth of what is listed, whichever is
    /// more, and never more than half. Beyond, it looks as if a table was restored or lost, and no resource comes back,
    /// while an orphan waits at no cost but its place in the quota.
    pub max_orphans: Option<usize>,
}

impl Sweep {
    /// Whether so many orphans among so many resources may be deleted.
    pub fn allows(&self, orphans: usize, listed: usize) -> bool {
        match self.max_orphans {
            Some(max) => orphans <= max,
            None => orphans <= (listed / 10).max(10) && orphans <= listed / 2,
        }
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
    use crate::StageArn;
    use crate::stage::Stage;

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

    fn creating(origin: &str, lease_until: Timestamp) -> Option<RowSummary<Stage>> {
        Some(RowSummary::Creating { id: claim("latest"), origin: claim(origin), lease_until })
    }

    #[test]
    fn each_row_decides_what_becomes_of_the_resource() {
        for (row, expected) in [
            (None, Disposition::Orphan),
            (Some(RowSummary::Active(arn("found"))), Disposition::Stays),
            (Some(RowSummary::Active(arn("other"))), Disposition::Orphan),
            (Some(RowSummary::Deleting(arn("found"))), Disposition::DeleteGoesOn),
            (Some(RowSummary::Deleting(arn("other"))), Disposition::Orphan),
            (creating("first", at(10)), Disposition::CreateEnds(claim("latest"))),
            // Somebody has taken it over, and may be adopting it right now.
            (creating("first", at(30)), Disposition::Stays),
            (creating("second", at(30)), Disposition::Orphan),
        ] {
            assert_eq!(disposition(&found(), row.as_ref(), at(20)), expected, "{row:?}");
        }
    }

    #[test]
    fn nothing_is_touched_while_its_create_may_be_at_work() {
        for row in [None, Some(RowSummary::Active(arn("other"))), creating("first", at(10)), creating("second", at(30))]
        {
            assert_eq!(disposition(&found(), row.as_ref(), at(10)), Disposition::Stays, "{row:?}");
        }
    }

    #[test]
    fn what_bears_no_lease_is_not_ours_to_delete() {
        let found = Found { lease_until: None, ..found() };
        assert_eq!(disposition(&found, None, at(59)), Disposition::Stays);
    }
}
