use super::*;
use crate::stage::Stage;
use crate::{ClaimId, StageArn};

fn sweep(max_orphans: Option<usize>) -> Sweep {
    Sweep { max_orphans }
}

/// Resources made minute after minute from noon on: `#` with its row, `o` without, `n` seen without for the first time,
/// `u` without and in use.
fn listing(of: &str) -> Vec<Standing> {
    let noon: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    let made = (0..).map(|minute| noon + Duration::from_secs(60) * minute);
    let row = |what| match what {
        '#' => Row::Stands,
        what => Row::Missing { is_known: what != 'n', in_use: what == 'u' },
    };
    made.zip(of.chars()).map(|(made, what)| Standing { made, row: row(what) }).collect()
}

/// Which of these go, once all have waited; `None` if it looks lost.
fn going(of: &str) -> Option<Vec<usize>> {
    let (listing, later) = (listing(of), "2026-03-09T12:00:00Z".parse().unwrap());
    match sweep(None).orphans_to_delete(&listing, later) {
        Ok(gone) => Some(gone),
        Err(LooksLost { orphans, in_use }) => {
            assert_eq!(orphans, of.replace('#', "").len(), "{of}");
            assert_eq!(in_use, of.matches('u').count(), "{of}");
            None
        }
    }
}

#[test]
fn an_orphan_goes_between_two_that_stand_and_else_only_when_told() {
    for (of, gone) in [
        ("", Some(vec![])),
        ("#", Some(vec![])),
        ("#o#", Some(vec![1])),
        ("o", None),
        ("#o", None),
        ("o#", None),
        ("##o", None),
        ("o##", None),
        ("#oo#", None),
        ("#o#o#", None),
        ("#o#######", Some(vec![1])),
        ("#oo#################", None),
        ("#o########o#########", None),
        ("#o########o##########", None),
        ("#oo####################", None),
        ("#n#", Some(vec![])),
        ("n", Some(vec![])),
        ("#no##################", None),
    ] {
        assert_eq!(going(of), gone, "{of}");
    }
}

#[test]
fn one_orphan_goes_at_a_time_the_oldest_first() {
    assert_eq!(going("#o########o###########"), Some(vec![1]));
}

#[test]
fn what_is_in_use_is_no_accident_and_no_other_goes_beside_it() {
    for of in ["#u#", "#u########o###########", "#o########u###########", "#u######################"] {
        assert_eq!(going(of), None, "{of}");
    }
}

#[test]
fn a_lost_or_restored_table_of_any_size_costs_one_idle_resource_at_most() {
    for lost in 1..=20 {
        for kept in 0..=20 {
            for made_since in 0..=20 {
                let of = |row: &str| {
                    [("#", kept), (row, lost), ("#", made_since)].map(|(what, count)| what.repeat(count)).concat()
                };
                assert_eq!(going(&of("u")), None, "{}", of("u"));
                // One between others looks like an accident as long as nobody uses it: it is all that goes.
                let looks_like_an_accident = lost == 1 && kept > 0 && made_since > 0;
                assert_eq!(going(&of("o")), looks_like_an_accident.then(|| vec![kept]), "{}", of("o"));
            }
        }
    }
}

#[test]
fn one_accident_in_a_stack_of_any_size_is_cleared_up() {
    for before in 1..=20 {
        for after in 1..=20 {
            let of = [("#", before), ("o", 1), ("#", after)].map(|(what, count)| what.repeat(count)).concat();
            assert_eq!(going(&of), Some(vec![before]), "{of}");
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
    assert_eq!(sweep(None).orphans_to_delete(&listing("##o"), at), Err(LooksLost { orphans: 1, in_use: 0 }));
    assert_eq!(sweep(None).orphans_to_delete(&listing("#ooo"), at), Err(LooksLost { orphans: 3, in_use: 0 }));
}

#[test]
fn an_operator_says_how_many_go_whatever_it_looks_like() {
    let (lost, now) = (listing("ooo"), at(3));
    assert_eq!(sweep(Some(3)).orphans_to_delete(&lost, now), Ok(vec![0, 1, 2]));
    assert_eq!(sweep(Some(2)).orphans_to_delete(&lost, now), Err(LooksLost { orphans: 3, in_use: 0 }));
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
    Found { arn: arn("found"), name, origin: Some(claim("first")), lease_until: Some(at(10)), in_use: false }
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
