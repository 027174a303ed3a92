//! What creates and deletes left halfway, found from the side of AWS: a resource that bears this deployment's tags and
//! is not what its row stands for.
//!
//! A row that was left halfway is handed to [`recovery`](crate::recovery), whether AWS has anything of it or not. What no
//! row stands for is an orphan.

#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::Timestamp;
use crate::claim::{Found, Resource, RowSummary};

/// How long after a lease a resource or a row is left alone: clocks differ, and a listing may be behind.
const GRACE: Duration = Duration::from_secs(60);

/// What a sweep found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Resources that bear this deployment's tags.
    pub listed: usize,
    /// Whether there are more, for which there was no time.
    pub is_incomplete: bool,
    /// Of a complete listing, those that no row stands for.
    pub orphans: usize,
    /// Of these, the ones that were deleted.
    pub orphans_deleted: usize,
}

/// What a resource in AWS is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// What its row stands for, or is about to.
    Stands,
    /// The same, and its create or delete was left halfway.
    Unfinished,
    /// Not ours, or somebody may be at work on it.
    Unclear,
    /// No row stands for it, and none can come to.
    Orphan,
}

/// Decides by what the row of its name is about.
pub fn disposition<R: Resource>(found: &Found<R>, row: Option<&RowSummary<R>>, now: Timestamp) -> Disposition {
    // Without a lease it was not made by a create of ours, whatever else it is tagged with.
    let Some(lease_until) = found.lease_until else { return Disposition::Unclear };
    let halfway = |is_left| if is_left { Disposition::Unfinished } else { Disposition::Stands };
    match row {
        Some(RowSummary::Active(arn)) if *arn == found.arn => Disposition::Stands,
        Some(RowSummary::Deleting(arn)) if *arn == found.arn => halfway(is_left(Some(lease_until), now)),
        // A successor keeps the origin, and adopts what it made.
        Some(RowSummary::Creating { origin, lease_until, .. }) if Some(origin) == found.origin.as_ref() => {
            halfway(is_left(Some(*lease_until), now))
        }
        _ if !is_left(Some(lease_until), now) => Disposition::Unclear,
        // A claim's origin is never used twice: once it is not the row's any more, nobody can commit what it made.
        None | Some(RowSummary::Active(_) | RowSummary::Deleting(_) | RowSummary::Creating { .. }) => {
            Disposition::Orphan
        }
    }
}

/// Whether nobody is at work any more on a row that is being created until `lease_until`, or being deleted: that anybody
/// may go on with, at any time.
pub fn is_left(lease_until: Option<Timestamp>, now: Timestamp) -> bool {
    lease_until.is_none_or(|lease_until| lease_until + GRACE <= now)
}

/// How long an orphan waits after the lease of its create: it costs nothing meanwhile but its place in the quota.
const ORPHAN_WAITS: Duration = Duration::from_secs(60 * 60);

/// How to sweep.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sweep {
    /// How many orphans of a kind this run may delete, whatever it looks like. Unless told, one at most, and
    /// [`Sweep::orphans_to_delete`] says which.
    pub max_orphans: Option<usize>,
}

/// Of a complete listing, one resource of which it is clear whether a row stands for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// When the lease of its create ended, which is when it was made, for all that matters here.
    made: Timestamp,
    row: Row,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Row {
    Stands,
    Missing { is_known: bool, in_use: bool },
}

impl Standing {
    /// Of a resource that was found to be this; `is_known` says whether an earlier sweep has found it without a row, too.
    /// `None` if it says nothing about its table.
    pub fn of<R: Resource>(found: &Found<R>, disposition: &Disposition, is_known: bool) -> Option<Self> {
        let row = match disposition {
            Disposition::Stands | Disposition::Unfinished => Row::Stands,
            Disposition::Orphan => Row::Missing { is_known, in_use: found.in_use },
            Disposition::Unclear => return None,
        };
        Some(Self { made: found.lease_until?, row })
    }

    /// Whether no row stands for it.
    pub fn is_orphan(&self) -> bool {
        self.row != Row::Stands
    }

    fn is_orphan_in_use(&self) -> bool {
        matches!(self.row, Row::Missing { in_use: true, .. })
    }
}

/// There are more orphans than an accident leaves, or they are others than it would: none is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LooksLost {
    /// All orphans, those that still wait among them.
    pub orphans: usize,
    /// How many of these are in use.
    pub in_use: usize,
}

impl Sweep {
    /// Which orphans may be deleted, by their places in the listing. It has to be complete.
    ///
    /// No resource comes back, so that what a lost or restored table leaves has to be told from what an accident does, in
    /// a stack of any size. Both leave resources without rows. But a table that has lost some of its time has lost all
    /// that was made in that time, and some of it is in use; an accident happens to one create among others, whose rows
    /// are there, and nobody was ever told of what it made. So an orphan goes
    /// - once its create is an hour old, and it has been seen by an earlier sweep, since a listing may be behind, and
    /// - if nobody uses it,
    /// - if rows stand for the one made just before it *and* for the one made just after it, and
    /// - if there is one orphan for ten rows at most, or one alone.
    ///
    /// If this does not hold for one of those that have waited, none goes; else the oldest of them does. A lost table never
    /// has a row of the time before an orphan; one that was restored has none of the time after it, and after new creates
    /// it still has none between two orphans. What cannot be told apart is a restore that lost exactly one create, once
    /// another was made since: that one goes, unless it is in use.
    ///
    /// # Errors
    /// [`LooksLost`], for an operator, who may say how many go. That some are in use is not asked here then: each is
    /// looked at before it is deleted.
    pub fn orphans_to_delete(&self, listing: &[Standing], now: Timestamp) -> Result<Vec<usize>, LooksLost> {
        let orphans: Vec<usize> = (0..listing.len()).filter(|at| listing[*at].is_orphan()).collect();
        let in_use = listing.iter().filter(|standing| standing.is_orphan_in_use()).count();
        let looks_lost = LooksLost { orphans: orphans.len(), in_use };
        if let Some(max) = self.max_orphans {
            return if orphans.len() <= max { Ok(orphans) } else { Err(looks_lost) };
        }
        let mut by_age: Vec<usize> = (0..listing.len()).collect();
        by_age.sort_by_key(|at| listing[*at].made);
        let has_waited = |at: usize| {
            matches!(listing[at].row, Row::Missing { is_known: true, .. }) && listing[at].made + ORPHAN_WAITS <= now
        };
        let row_at = |place: Option<usize>| {
            place.and_then(|place| by_age.get(place)).is_some_and(|at| !listing[*at].is_orphan())
        };
        let stands_alone = |place: usize| row_at(place.checked_sub(1)) && row_at(place.checked_add(1));
        let waited: Vec<(usize, usize)> =
            by_age.iter().copied().enumerate().filter(|(_, at)| has_waited(*at)).collect();
        let rows = listing.len() - orphans.len();
        let is_accident = |(place, at): &(usize, usize)| stands_alone(*place) && !listing[*at].is_orphan_in_use();
        if waited.len() > (rows / 10).max(1) || !waited.iter().all(is_accident) {
            return Err(looks_lost);
        }
        Ok(waited.into_iter().map(|(_, at)| at).take(1).collect())
    }
}
