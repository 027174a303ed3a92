//! What creates and deletes left halfway, found from the side of AWS: a resource that bears this deployment's tags and
//! is not what its row stands for.
//!
//! A row that was left halfway is handed to [`recovery`](crate::recovery), whether AWS has anything of it or not. What no
//! row stands for is an orphan.

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

/// How long an orphan waits after the lease of its create: it costs nothing meanwhile but its place in the quota, and
/// whoever has lost a table has time to find out.
const ORPHAN_WAITS: Duration = Duration::from_secs(60 * 60);

/// How to sweep.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sweep {
    /// How many orphans of a kind this run may delete, whatever it looks like. Unless told, [`Sweep::orphans_to_delete`]
    /// says which.
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
    Missing { is_known: bool },
}

impl Standing {
    /// Of a resource that was found to be this; `is_known` says whether an earlier sweep has found it without a row, too.
    /// `None` if it says nothing about its table.
    pub fn of<R: Resource>(found: &Found<R>, disposition: &Disposition, is_known: bool) -> Option<Self> {
        let row = match disposition {
            Disposition::Stands | Disposition::Unfinished => Row::Stands,
            Disposition::Orphan => Row::Missing { is_known },
            Disposition::Unclear => return None,
        };
        Some(Self { made: found.lease_until?, row })
    }

    /// Whether no row stands for it.
    pub fn is_orphan(&self) -> bool {
        self.row != Row::Stands
    }
}

/// There are more orphans than an accident leaves, or they are others than it would: none is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LooksLost {
    /// All orphans, those that still wait among them.
    pub orphans: usize,
}

impl Sweep {
    /// Which orphans may be deleted, by their places in the listing. It has to be complete.
    ///
    /// No resource comes back, so that what a lost or restored table leaves has to be told from what an accident does, in
    /// a stack of any size. Both leave resources without rows. But a table that has lost some of its time has lost all
    /// that was made in that time; an accident happens to one create among others, whose rows are there. So an orphan
    /// goes
    /// - once it has waited for an hour, and has been seen by an earlier sweep, since a listing may be behind, and
    /// - if rows stand for the one made just before it *and* for the one made just after it, and
    /// - if there is one orphan for ten rows at most, or one alone.
    ///
    /// If this does not hold for one of those that have waited, none goes. A lost table never has a row of the time before
    /// an orphan; one that was restored has none of the time after it, and after new creates it still has none between
    /// two orphans.
    ///
    /// # Errors
    /// [`LooksLost`], for an operator, who may say how many go.
    pub fn orphans_to_delete(&self, listing: &[Standing], now: Timestamp) -> Result<Vec<usize>, LooksLost> {
        let orphans: Vec<usize> = (0..listing.len()).filter(|at| listing[*at].is_orphan()).collect();
        let looks_lost = LooksLost { orphans: orphans.len() };
        if let Some(max) = self.max_orphans {
            return if orphans.len() <= max { Ok(orphans) } else { Err(looks_lost) };
        }
        let mut by_age: Vec<usize> = (0..listing.len()).collect();
        by_age.sort_by_key(|at| listing[*at].made);
        let has_waited =
            |at: usize| listing[at].row == (Row::Missing { is_known: true }) && listing[at].made + ORPHAN_WAITS <= now;
        let row_at = |place: Option<usize>| {
            place.and_then(|place| by_age.get(place)).is_some_and(|at| !listing[*at].is_orphan())
        };
        let stands_alone = |place: usize| row_at(place.checked_sub(1)) && row_at(place.checked_add(1));
        let waited: Vec<(usize, usize)> =
            by_age.iter().copied().enumerate().filter(|(_, at)| has_waited(*at)).collect();
        let rows = listing.len() - orphans.len();
        if waited.len() > (rows / 10).max(1) || !waited.iter().all(|(place, _)| stands_alone(*place)) {
            return Err(looks_lost);
        }
        Ok(waited.into_iter().map(|(_, at)| at).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::Stage;
    use crate::{ClaimId, StageArn};

    fn sweep(max_orphans: Option<usize>) -> Sweep {
        Sweep { max_orphans }
    }

    /// Resources made minute after minute from noon on: `#` with its row, `o` without, `n` seen without for the first time.
    fn listing(of: &str) -> Vec<Standing> {
        let noon: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let made = (0..).map(|minute| noon + Duration::from_secs(60) * minute);
        let row = |what| if what == '#' { Row::Stands } else { Row::Missing { is_known: what == 'o' } };
        made.zip(of.chars()).map(|(made, what)| Standing { made, row: row(what) }).collect()
    }

    /// Whether all orphans among these go, once all have waited; if not, none does.
    fn go(of: &str) -> bool {
        let (listing, later) = (listing(of), "2026-03-09T12:00:00Z".parse().unwrap());
        let orphans: Vec<usize> = (0..listing.len()).filter(|at| listing[*at].is_orphan()).collect();
        match sweep(None).orphans_to_delete(&listing, later) {
            Ok(gone) => {
                assert_eq!(gone, if of.contains('n') { vec![] } else { orphans }, "{of}");
                true
            }
            Err(LooksLost { orphans: told }) => {
                assert_eq!(told, orphans.len(), "{of}");
                false
            }
        }
    }

    #[test]
    fn an_orphan_goes_between_two_that_stand_and_else_only_when_told() {
        for (of, gone) in [
            ("", true),
            ("#", true),
            ("#o#", true),
            ("o", false),
            ("#o", false),
            ("o#", false),
            ("##o", false),
            ("o##", false),
            ("#oo#", false),
            ("#o#o#", false),
            ("#o#######", true),
            ("#oo#################", false),
            ("#o########o#########", false),
            ("#o########o##########", false),
            ("#o########o###########", true),
            ("#oo####################", false),
            ("#n#", true),
            ("n", true),
            ("#no##################", false),
        ] {
            assert_eq!(go(of), gone, "{of}");
        }
    }

    #[test]
    fn a_lost_or_restored_table_of_any_size_costs_no_resource() {
        for lost in 1..=20 {
            for kept in 0..=20 {
                for made_since in 0..=20 {
                    // One that was lost between others that stand looks like an accident: nobody can tell them apart.
                    if lost == 1 && kept > 0 && made_since > 0 {
                        continue;
                    }
                    let of =
                        [("#", kept), ("o", lost), ("#", made_since)].map(|(what, count)| what.repeat(count)).concat();
                    assert!(!go(&of), "{of}");
                }
            }
        }
    }

    #[test]
    fn one_accident_in_a_stack_of_any_size_is_cleared_up() {
        for before in 1..=20 {
            for after in 1..=20 {
                let of = [("#", before), ("o", 1), ("#", after)].map(|(what, count)| what.repeat(count)).concat();
                assert!(go(&of), "{of}");
            }
        }
    }

    #[test]
    fn the_order_of_a_listing_says_nothing_of_age() {
        let mut listing = listing("###o#");
        listing.rotate_left(2);
        assert_eq!(sweep(None).orphans_to_delete(&listing, "2026-03-09T12:00:00Z".parse().unwrap()), Ok(vec![1]));
        // The youngest, although it is listed between others.
        listing.swap(1, 2);
        let (a, b) = (listing[1].made, listing[2].made);
        (listing[1].made, listing[2].made) = (b, a);
        assert!(sweep(None).orphans_to_delete(&listing, "2026-03-09T12:00:00Z".parse().unwrap()).is_err());
    }

    #[test]
    fn an_orphan_waits_for_an_hour_without_a_word() {
        let (listing, at) = (listing("#o#"), |time: &str| format!("2026-03-01T{time}Z").parse().unwrap());
        assert_eq!(sweep(None).orphans_to_delete(&listing, at("13:00:59")), Ok(vec![]));
        assert_eq!(sweep(None).orphans_to_delete(&listing, at("13:01:00")), Ok(vec![1]));
    }

    #[test]
    fn what_still_waits_is_no_witness_for_what_has_waited() {
        // At 13:02, the orphan of 12:01 has waited; that of 12:03 has not.
        let at: Timestamp = "2026-03-01T13:02:00Z".parse().unwrap();
        assert_eq!(sweep(None).orphans_to_delete(&listing("#o#o"), at), Ok(vec![1]));
        assert_eq!(sweep(None).orphans_to_delete(&listing("##o"), at), Err(LooksLost { orphans: 1 }));
        assert_eq!(sweep(None).orphans_to_delete(&listing("#ooo"), at), Err(LooksLost { orphans: 3 }));
    }

    #[test]
    fn an_operator_says_how_many_go_whatever_it_looks_like() {
        let (lost, now) = (listing("ooo"), at(3));
        assert_eq!(sweep(Some(3)).orphans_to_delete(&lost, now), Ok(vec![0, 1, 2]));
        assert_eq!(sweep(Some(2)).orphans_to_delete(&lost, now), Err(LooksLost { orphans: 3 }));
        assert_eq!(sweep(Some(0)).orphans_to_delete(&listing("##"), now), Ok(vec![]));
    }

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
        Some(RowSummary::Creating { origin: claim(origin), lease_until })
    }

    #[test]
    fn each_row_decides_what_the_resource_is() {
        for (row, expected) in [
            (None, Disposition::Orphan),
            (Some(RowSummary::Active(arn("found"))), Disposition::Stands),
            (Some(RowSummary::Active(arn("other"))), Disposition::Orphan),
            (Some(RowSummary::Deleting(arn("found"))), Disposition::Unfinished),
            (Some(RowSummary::Deleting(arn("other"))), Disposition::Orphan),
            (creating("first", at(10)), Disposition::Unfinished),
            // Somebody has taken it over, and may be adopting it right now.
            (creating("first", at(30)), Disposition::Stands),
            (creating("second", at(30)), Disposition::Orphan),
        ] {
            assert_eq!(disposition(&found(), row.as_ref(), at(20)), expected, "{row:?}");
        }
    }

    #[test]
    fn nothing_is_an_orphan_or_left_while_its_create_may_be_at_work() {
        for (row, expected) in [
            (None, Disposition::Unclear),
            (Some(RowSummary::Active(arn("other"))), Disposition::Unclear),
            (Some(RowSummary::Deleting(arn("found"))), Disposition::Stands),
            (creating("first", at(10)), Disposition::Stands),
            (creating("second", at(30)), Disposition::Unclear),
        ] {
            assert_eq!(disposition(&found(), row.as_ref(), at(10)), expected, "{row:?}");
        }
    }

    #[test]
    fn what_bears_no_lease_is_not_ours_to_delete() {
        let found = Found { lease_until: None, ..found() };
        assert_eq!(disposition(&found, None, at(59)), Disposition::Unclear);
    }

    #[test]
    fn a_row_is_left_a_minute_after_its_lease_and_a_delete_at_any_time() {
        assert!(!is_left(Some(at(10)), at(10)) && is_left(Some(at(10)), at(11)) && is_left(None, at(0)));
    }
}
