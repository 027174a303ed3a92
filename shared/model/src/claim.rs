//! Exactly-once create of things that AWS would create twice: who holds a name, and what a request has to do next.
//!
//! `CreateStage` and `CreateChannel` are not idempotent, and any number of stages or channels may share a name. So the
//! row in DynamoDB decides:
//!
//! 1. A conditional write claims the name ([`Claim`], with a lease).
//! 2. The resource is created in AWS with tags that name the row and the claim.
//! 3. It is committed under the condition that the claim still stands.
//!
//! A lease is longer than a function may run, so the holder of a lapsed one is not at work any more. Whoever meets a
//! lapsed claim asks for its [`recovery`](crate::recovery), which takes it over, for the same owner, and adopts what
//! its create may have made. No request does: that takes a listing of everything there is in AWS. A recovery renews its
//! claims instead, and creates nothing: one that has lost them changes nothing any more.
//!
//! [`next_create_step`] and [`next_delete_step`] decide; crate `aws-claim` carries out.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::error::{Conflict, Denial, Error, FieldError};
use crate::{ClaimId, Timestamp, UserId};

/// Something that one row of a table, and one resource in AWS, stand for.
pub trait Resource: Clone + fmt::Debug + PartialEq + Send + Sync {
    /// What the API calls it, such as `stage`, and the tag with its name in AWS, such as `greenroom:stage`.
    const KIND: &'static str;
    /// Its name in the deployment.
    type Name: Clone + fmt::Debug + fmt::Display + PartialEq + FromStr + Send + Sync;
    /// What AWS calls it.
    type Arn: Clone + fmt::Debug + fmt::Display + PartialEq + FromStr + Send + Sync;
    /// What its first caller decided.
    type Options: Clone + fmt::Debug + PartialEq + Send + Sync;

    /// Unique in the deployment.
    fn name(&self) -> &Self::Name;
    /// The first caller of the name.
    fn owner(&self) -> &UserId;
    /// What AWS calls it.
    fn arn(&self) -> &Self::Arn;
    /// When its row became a resource.
    fn created_at(&self) -> Timestamp;
    /// What keeps somebody from another one who has this many.
    fn too_many(most: u32) -> Conflict;
}

/// What a caller asks of a resource; what it leaves out may be anything.
pub trait DesiredOptions<R: Resource>: Clone + Send + Sync {
    /// The options of a new resource.
    fn options(&self) -> R::Options;
    /// Each option that an existing resource has another value of.
    fn unmet(&self, resource: &R) -> Vec<FieldError>;
}

/// A resource in AWS that is tagged as a name's.
#[derive(Debug, Clone, PartialEq)]
pub struct Found<R: Resource> {
    /// What AWS calls it.
    pub arn: R::Arn,
    /// The name that it is tagged with.
    pub name: R::Name,
    /// The create that made it, by its first attempt.
    pub origin: Option<ClaimId>,
    /// When nobody is at work on that attempt any more.
    pub lease_until: Option<Timestamp>,
    /// Whether the listing shows that somebody uses it.
    pub in_use: bool,
}

/// How creating a resource failed.
#[derive(Debug)]
pub enum CreateError {
    /// AWS refused: there is none.
    Refused(Error),
    /// Nobody knows: there may be one, or one may yet come to be.
    Unknown(Error),
}

/// A name that somebody is creating a resource for.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim<R: Resource> {
    /// The name claimed.
    pub name: R::Name,
    /// The first caller of the name, and the owner of what is being created, whoever finishes it.
    pub owner: UserId,
    /// What the first caller asked for.
    pub options: R::Options,
    /// Which attempt holds the name.
    pub id: ClaimId,
    /// The first attempt of this create, kept by whoever takes over. What is created is tagged with it, so that a
    /// successor tells it from an orphan of an earlier resource of that name.
    pub origin: ClaimId,
    /// Until when it does.
    pub lease_until: Timestamp,
}

/// What the table holds of a name.
#[derive(Debug, Clone, PartialEq)]
pub enum NameRow<R: Resource> {
    /// Somebody is, or was, creating it.
    Creating(Claim<R>),
    /// It exists.
    Active(R),
    /// It is being deleted. The row outlives the resource in AWS, so that a crash in between loses nothing.
    Deleting(R),
}

/// What a row is about, and which attempt or resource, without its contents.
#[derive(Debug, Clone, PartialEq)]
pub enum RowSummary<R: Resource> {
    /// As [`NameRow::Creating`].
    Creating {
        /// The first attempt of this create.
        origin: ClaimId,
        /// Until when the attempt holds it.
        lease_until: Timestamp,
    },
    /// As [`NameRow::Active`].
    Active(R::Arn),
    /// As [`NameRow::Deleting`].
    Deleting(R::Arn),
}

impl<R: Resource> Claim<R> {
    /// The answer to somebody who met this claim. It mostly resolves in less than a second, and when its holder has
    /// died, asking again before the lease lapses changes nothing. A recovery takes seconds and holds many names at a
    /// time, each of which is done before the last.
    pub fn busy(&self, now: Timestamp) -> Error {
        let longest = Duration::from_secs(if self.id == self.origin { 5 } else { 2 });
        let retry_after = now.until(self.lease_until).clamp(Duration::from_secs(1), longest);
        Error::Busy { resource: R::KIND, retry_after }
    }
}

impl<R: Resource> NameRow<R> {
    /// The first caller of the name.
    pub fn owner(&self) -> &UserId {
        match self {
            Self::Creating(claim) => &claim.owner,
            Self::Active(resource) | Self::Deleting(resource) => resource.owner(),
        }
    }

    /// The resource, once it can be used.
    ///
    /// # Errors
    /// [`Error::Busy`] while it is being created; [`Error::Unfinished`] if its create has died, or its delete was begun, so
    /// that its recovery is to be asked for: only then is it known whether it exists.
    pub fn into_active(self, now: Timestamp) -> Result<R, Error> {
        match self {
            Self::Active(resource) => Ok(resource),
            Self::Creating(claim) if claim.lease_until > now => Err(claim.busy(now)),
            // A delete under way looks like one that died, and may be taken back.
            Self::Creating(_) | Self::Deleting(_) => Err(Error::Unfinished(R::KIND)),
        }
    }
}

/// The resource, for its owner.
///
/// # Errors
/// [`Denial::NotOwner`] unless `caller` owns it.
pub fn owned_by<R: Resource>(resource: R, caller: &UserId) -> Result<R, Error> {
    if resource.owner() == caller { Ok(resource) } else { Err(Error::Forbidden(Denial::NotOwner)) }
}

/// The answer to somebody who met another request at work.
pub fn busy<R: Resource>() -> Error {
    Error::Busy { resource: R::KIND, retry_after: Duration::from_secs(1) }
}

/// Who asks for which name, and under which claim, should one be needed.
#[derive(Debug, Clone)]
pub struct NameRequest<N> {
    /// Which resource.
    pub name: N,
    /// Who asks.
    pub caller: UserId,
    /// Fresh for this request.
    pub claim_id: ClaimId,
    /// How long a claim of this request holds; longer than the function may run.
    pub lease: Duration,
}

impl<N: Clone> NameRequest<N> {
    /// The claim of a name that is free.
    fn claim<R: Resource<Name = N>>(&self, desired: &impl DesiredOptions<R>, now: Timestamp) -> Claim<R> {
        Claim {
            name: self.name.clone(),
            owner: self.caller.clone(),
            options: desired.options(),
            id: self.claim_id.clone(),
            origin: self.claim_id.clone(),
            lease_until: now + self.lease,
        }
    }
}

/// A resource, and whether this request is the one that made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<R> {
    /// This request committed it.
    Created(R),
    /// It was there.
    Existing(R),
}

impl<R: Resource> Outcome<R> {
    /// The outcome, if it is what was asked for.
    ///
    /// # Errors
    /// [`Conflict::OptionsDiffer`] names each option that the resource has another value of.
    pub fn meeting(self, desired: &impl DesiredOptions<R>) -> Result<Self, Error> {
        let (Self::Created(resource) | Self::Existing(resource)) = &self;
        let unmet = desired.unmet(resource);
        if unmet.is_empty() { Ok(self) } else { Err(Error::Conflict(Conflict::OptionsDiffer(unmet))) }
    }
}

/// What a request for a resource has to do next, by the row of its name.
#[derive(Debug, Clone, PartialEq)]
pub enum CreateStep<R: Resource> {
    /// It exists: answer with it.
    Existing(R),
    /// Finish the delete of what had the name before, then look again.
    FinishDelete(R),
    /// Wait for another request's claim, then look again.
    Wait(Claim<R>),
    /// Ask for the recovery of the name: whoever claimed it has died.
    Recover,
    /// Claim the name.
    Claim(Claim<R>),
}

/// Decides what to do about `row` for somebody who wants the resource to exist.
pub fn next_create_step<R: Resource>(
    row: Option<NameRow<R>>,
    request: &NameRequest<R::Name>,
    desired: &impl DesiredOptions<R>,
    now: Timestamp,
) -> CreateStep<R> {
    match row {
        Some(NameRow::Active(resource)) => CreateStep::Existing(resource),
        Some(NameRow::Deleting(resource)) => CreateStep::FinishDelete(resource),
        Some(NameRow::Creating(claim)) if claim.lease_until > now => CreateStep::Wait(claim),
        Some(NameRow::Creating(_)) => CreateStep::Recover,
        None => CreateStep::Claim(request.claim(desired, now)),
    }
}

/// What a request to delete has to do next, by the row of the name.
#[derive(Debug, Clone, PartialEq)]
pub enum DeleteStep<R: Resource> {
    /// There is nothing to delete.
    Done,
    /// Delete it, once it is known that it can be deleted.
    Begin(R),
    /// Go on with a delete that was begun.
    Finish(R),
    /// Ask for the recovery of the name: whoever claimed it has died.
    Recover,
}

/// Decides what to do about `row` for somebody who wants the resource gone.
///
/// # Errors
/// [`Denial::NotOwner`]; [`Error::Busy`] while it is being created.
pub fn next_delete_step<R: Resource>(
    row: Option<NameRow<R>>,
    request: &NameRequest<R::Name>,
    now: Timestamp,
) -> Result<DeleteStep<R>, Error> {
    let Some(row) = row else { return Ok(DeleteStep::Done) };
    if *row.owner() != request.caller {
        return Err(Error::Forbidden(Denial::NotOwner));
    }
    match row {
        NameRow::Active(resource) => Ok(DeleteStep::Begin(resource)),
        NameRow::Deleting(resource) => Ok(DeleteStep::Finish(resource)),
        NameRow::Creating(claim) if claim.lease_until > now => Err(claim.busy(now)),
        NameRow::Creating(_) => Ok(DeleteStep::Recover),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::stage::{Admission, DesiredStageOptions, Doors, Endpoints, Stage};

    pub(crate) fn at(second: u8) -> Timestamp {
        format!("2026-03-01T12:00:{second:02}Z").parse().unwrap()
    }

    pub(crate) fn stage() -> Stage {
        Stage {
            name: "demo".parse().unwrap(),
            arn: "arn:aws:ivs:us-east-1:000000000000:stage/abc".parse().unwrap(),
            owner: "alice".parse().unwrap(),
            doors: Doors::Open,
            admission: Admission::Open,
            endpoints: Endpoints { events: String::new(), whip: String::new(), fetched_at: at(0) },
            created_at: at(0),
        }
    }

    fn request(caller: &str) -> NameRequest<crate::StageName> {
        NameRequest {
            name: "demo".parse().unwrap(),
            caller: caller.parse().unwrap(),
            claim_id: "ours".parse().unwrap(),
            lease: Duration::from_secs(15),
        }
    }

    /// Alice's claim, until twelve o'clock and thirty seconds.
    pub(crate) fn claim() -> Claim<Stage> {
        Claim {
            name: "demo".parse().unwrap(),
            owner: "alice".parse().unwrap(),
            options: Admission::Hosted,
            id: "theirs".parse().unwrap(),
            origin: "first".parse().unwrap(),
            lease_until: at(30),
        }
    }

    const ANY: DesiredStageOptions = DesiredStageOptions { admission: None };

    #[test]
    fn a_free_name_is_claimed_for_the_caller_with_the_options_asked_for() {
        let step = next_create_step(None, &request("bob"), &ANY, at(20));
        let expected = Claim {
            owner: "bob".parse().unwrap(),
            options: Admission::Open,
            id: "ours".parse().unwrap(),
            origin: "ours".parse().unwrap(),
            lease_until: at(35),
            ..claim()
        };
        assert_eq!(step, CreateStep::Claim(expected));
    }

    #[test]
    fn a_claim_is_waited_for_until_its_lease_lapses_and_then_it_is_recovered() {
        let row = || Some(NameRow::Creating(claim()));
        let step = |second| next_create_step(row(), &request("bob"), &ANY, at(second));
        assert_eq!(step(29), CreateStep::Wait(claim()));
        assert_eq!(step(30), CreateStep::Recover);
    }

    #[test]
    fn who_meets_a_claim_is_told_when_asking_again_may_change_something() {
        let retry_after = |claim: Claim<Stage>, second| match claim.busy(at(second)) {
            Error::Busy { retry_after, .. } => retry_after.as_secs(),
            error => panic!("{error:?}"),
        };
        let first = || Claim { id: "first".parse().unwrap(), ..claim() };
        assert_eq!((retry_after(first(), 10), retry_after(first(), 27), retry_after(first(), 30)), (5, 3, 1));
        // A recovery's.
        assert_eq!((retry_after(claim(), 10), retry_after(claim(), 30)), (2, 1));
    }

    #[test]
    fn what_exists_is_the_answer_and_what_is_being_deleted_is_not() {
        let step = |row| next_create_step(Some(row), &request("bob"), &ANY, at(20));
        assert_eq!(step(NameRow::Active(stage())), CreateStep::Existing(stage()));
        assert_eq!(step(NameRow::Deleting(stage())), CreateStep::FinishDelete(stage()));
    }

    #[test]
    fn whether_there_is_what_was_left_halfway_is_told_once_that_is_finished() {
        assert_eq!(NameRow::Active(stage()).into_active(at(40)).unwrap(), stage());
        assert!(matches!(NameRow::Creating(claim()).into_active(at(29)), Err(Error::Busy { .. })));
        for row in [NameRow::Creating(claim()), NameRow::Deleting(stage())] {
            assert!(matches!(row.into_active(at(30)), Err(Error::Unfinished("stage"))));
        }
    }

    #[test]
    fn only_the_owner_deletes_whatever_the_row_says() {
        for row in [NameRow::Active(stage()), NameRow::Deleting(stage()), NameRow::Creating(claim())] {
            let refused = next_delete_step(Some(row.clone()), &request("bob"), at(40));
            assert!(matches!(refused, Err(Error::Forbidden(Denial::NotOwner))), "{row:?}");
        }
    }

    #[test]
    fn each_row_decides_how_its_owner_deletes_it() {
        let step = |row, second| next_delete_step(row, &request("alice"), at(second)).unwrap();
        assert_eq!(step(None, 20), DeleteStep::Done);
        assert_eq!(step(Some(NameRow::Active(stage())), 20), DeleteStep::Begin(stage()));
        assert_eq!(step(Some(NameRow::Deleting(stage())), 20), DeleteStep::Finish(stage()));
        assert_eq!(step(Some(NameRow::Creating(claim())), 30), DeleteStep::Recover);
        let busy = next_delete_step(Some(NameRow::Creating(claim())), &request("alice"), at(29));
        assert!(matches!(busy, Err(Error::Busy { .. })));
    }
}
