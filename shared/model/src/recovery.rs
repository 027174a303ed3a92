//! Creates and deletes that died halfway, found from the side of their rows: what becomes of a name.
//!
//! 1. [`next_recovery_step`] says by its row whether anything is broken. A claim that has lapsed is taken over.
//! 2. AWS is listed, once for all names. What a listing does not show that began after a claim was taken over, nobody is
//!    at work on.
//! 3. What a claim's create has made ([`made_by`]) is adopted, for the owner and with the options of its first caller.
//!    If there is nothing, the name is free again.
//!
//! Nothing is created here, so a create's origin stands for one resource at most, and a name that is free again is
//! claimed by whoever asks first. Being killed anywhere, or running twice at once, is harmless: every write is made
//! under the condition that the claim is still the one that was read or taken.
//!
//! Crate `aws-claim` carries out.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::claim::{Claim, Found, NameRow, Resource};
use crate::{ClaimId, Timestamp};

/// When it is worth asking again for a name whose recovery has just been asked for: the second for which the queue
/// gathers names, one for the function to start, and seven for the ten pages, at the [rate](crate::rates) of a recovery,
/// in which IVS lists the 1,000 stages that an account may have. In a larger account, whoever comes back by then meets the
/// recovery's claim, and is told to come again. Where there is little traffic, Lambda may gather for up to 20 seconds:
/// whoever comes back by then asks for the recovery once more, which changes nothing.
pub const RETRY_AFTER: Duration = Duration::from_secs(9);

/// What asks for the recovery of a name: the message of the queue.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RecoveryOrder {
    /// [`Resource::KIND`].
    pub kind: String,
    /// Of that kind.
    pub name: String,
}

/// What to do about a name, by its row.
#[derive(Debug, Clone, PartialEq)]
pub enum RecoveryStep<R: Resource> {
    /// Nothing: it is free, or exists.
    Nothing,
    /// Come again: somebody has claimed it, and may be at work on it.
    Wait,
    /// Take over the lapsed claim of this id, then see what its create has made.
    TakeOver(Claim<R>, ClaimId),
    /// Go on with a delete that was begun.
    FinishDelete(R),
}

/// Decides what to do about `row`. A claim of this attempt holds until `lease_until`.
pub fn next_recovery_step<R: Resource>(
    row: Option<NameRow<R>>,
    attempt: &ClaimId,
    lease_until: Timestamp,
    now: Timestamp,
) -> RecoveryStep<R> {
    match row {
        None | Some(NameRow::Active(_)) => RecoveryStep::Nothing,
        Some(NameRow::Deleting(resource)) => RecoveryStep::FinishDelete(resource),
        Some(NameRow::Creating(claim)) if claim.lease_until > now => RecoveryStep::Wait,
        // Owner, options and origin stay those of the first caller.
        Some(NameRow::Creating(lapsed)) => {
            let claim = Claim { id: attempt.clone(), lease_until, ..lapsed.clone() };
            RecoveryStep::TakeOver(claim, lapsed.id)
        }
    }
}

/// What the create of a claim has made, of what a listing shows. It becomes the name's; if a complete listing shows none,
/// the name is free. What other creates of the name have made is the sweep's: it knows how
/// many orphans are more than an accident leaves.
pub fn made_by<'a, R: Resource + 'a>(
    claim: &Claim<R>,
    listed: impl Iterator<Item = &'a Found<R>>,
) -> impl Iterator<Item = &'a Found<R>> {
    listed.filter(|found| found.name == claim.name && found.origin.as_ref() == Some(&claim.origin))
}

/// What became of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovered {
    /// There was nothing to do.
    Nothing,
    /// Its create is completed: the resource exists.
    Adopted,
    /// Its create has made nothing: the name is free.
    Released,
    /// Its delete is completed: the name is free.
    DeleteFinished,
    /// Somebody else is at work on it: come again.
    Busy,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::tests::{at, claim, stage};
    use crate::stage::Stage;

    fn id(id: &str) -> ClaimId {
        id.parse().unwrap()
    }

    fn found(name: &str, origin: &str) -> Found<Stage> {
        let arn = "arn:aws:ivs:us-east-1:000000000000:stage/abc".parse().unwrap();
        Found { arn, name: name.parse().unwrap(), origin: Some(id(origin)), lease_until: Some(at(30)), in_use: false }
    }

    #[test]
    fn each_row_decides_what_recovery_does_about_it() {
        let step = |row, second| next_recovery_step(row, &id("ours"), at(59), at(second));
        assert_eq!(step(None, 20), RecoveryStep::Nothing);
        assert_eq!(step(Some(NameRow::Active(stage())), 20), RecoveryStep::Nothing);
        assert_eq!(step(Some(NameRow::Deleting(stage())), 20), RecoveryStep::FinishDelete(stage()));
        assert_eq!(step(Some(NameRow::Creating(claim())), 29), RecoveryStep::Wait);
    }

    #[test]
    fn who_takes_a_lapsed_claim_over_keeps_owner_options_and_origin() {
        let step = next_recovery_step(Some(NameRow::Creating(claim())), &id("ours"), at(59), at(30));
        let expected = Claim { id: id("ours"), lease_until: at(59), ..claim() };
        assert_eq!(step, RecoveryStep::TakeOver(expected, id("theirs")));
    }

    #[test]
    fn a_claim_comes_to_what_its_own_create_has_made_and_to_nothing_else() {
        let untagged = Found { origin: None, ..found("demo", "first") };
        let listed = [found("demo", "earlier"), found("other", "first"), untagged, found("demo", "first")];
        let made: Vec<_> = made_by(&claim(), listed.iter()).collect();
        assert_eq!(made, [&found("demo", "first")]);
    }

    #[test]
    fn an_order_is_written_as_it_is_read() {
        let order = RecoveryOrder { kind: "stage".to_owned(), name: "demo".to_owned() };
        let text = serde_json::to_string(&order).unwrap();
        assert_eq!(text, r#"{"kind":"stage","name":"demo"}"#);
        assert_eq!(serde_json::from_str::<RecoveryOrder>(&text).unwrap(), order);
    }
}
