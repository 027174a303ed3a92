//! Exactly-once create of things that AWS would create twice.
//!
//! `CreateStage` and `CreateChannel` are not idempotent, and any number of stages or channels may share a name. So the
//! row in DynamoDB decides:
//!
//! 1. A conditional write claims the name ([`Claim`], with a lease).
//! 2. The resource is created in AWS with tags that name the row and the claim.
//! 3. It is committed under the condition that the claim still stands.
//!
//! Whoever finds a lapsed claim takes it over, for the same owner, and adopts what its predecessor may have created.
//! A lease is longer than a function may run, so the holder of a lapsed one is not at work any more.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{ClaimId, Timestamp, UserId};
use crate::aws::{NameTable, Stored};
use crate::error::{Conflict, Denial, Error, FieldError};

/// Something that one row of a table, and one resource in AWS, stand for.
pub trait Resource: Clone + fmt::Debug + PartialEq + Send + Sync {
    /// What the API calls it, such as `stage`.
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
}

/// What a caller asks of a resource; what it leaves out may be anything.
pub trait Wishes<R: Resource>: Clone + Send + Sync {
    /// The options of a new resource.
    fn options(&self) -> R::Options;
    /// Each wish that an existing resource does not meet.
    fn unmet(&self, resource: &R) -> Vec<FieldError>;
}

/// Where resources come to be: AWS, and what hangs on them.
pub trait Provider<R: Resource>: Sync {
    /// Creates the resource of a claim, tagged with it. It is sent once.
    fn create(&self, claim: &Claim<R>, now: Timestamp) -> impl Future<Output = Result<R, CreateError>> + Send;
    /// Every resource in AWS that is tagged as this name's, or as any of this deployment's names, from a complete
    /// listing, in an order that all callers share.
    fn find(&self, name: Option<&R::Name>) -> impl Future<Output = Result<Vec<Found<R>>, Error>> + Send;
    /// A found resource, as if the claim had created it; `None` if it is gone.
    fn adopt(
        &self,
        claim: &Claim<R>,
        arn: R::Arn,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<R>, Error>> + Send;
    /// Whether it can be deleted now; if not, [`Error::Conflict`].
    fn check_deletable(&self, arn: &R::Arn) -> impl Future<Output = Result<(), Error>> + Send;
    /// Deletes it in AWS. One that is gone is fine. [`Error::Conflict`]: it cannot be deleted now, and stays.
    fn delete(&self, arn: &R::Arn) -> impl Future<Output = Result<(), Error>> + Send;
    /// Deletes what hangs on a resource, once it is gone.
    fn forget(&self, name: &R::Name, arn: &R::Arn) -> impl Future<Output = Result<(), Error>> + Send;
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
pub enum Row<R: Resource> {
    /// Somebody is, or was, creating it.
    Creating(Claim<R>),
    /// It exists.
    Active(R),
    /// It is being deleted. The row outlives the resource in AWS, so that a crash in between loses nothing.
    Deleting(R),
}

/// What a row is about, and which attempt or resource, without its contents.
#[derive(Debug, Clone, PartialEq)]
pub enum Outline<R: Resource> {
    /// As [`Row::Creating`].
    Creating {
        /// Which attempt holds the name.
        id: ClaimId,
        /// The first attempt of this create.
        origin: ClaimId,
        /// Until when the attempt holds it.
        lease_until: Timestamp,
    },
    /// As [`Row::Active`].
    Active(R::Arn),
    /// As [`Row::Deleting`].
    Deleting(R::Arn),
}

impl<R: Resource> Row<R> {
    fn owner(&self) -> &UserId {
        match self {
            Self::Creating(claim) => &claim.owner,
            Self::Active(resource) | Self::Deleting(resource) => resource.owner(),
        }
    }

    /// The resource, once it can be used.
    ///
    /// # Errors
    /// [`Error::Busy`] while it is being created, [`Error::NotFound`] while it is being deleted.
    pub fn into_active(self, now: Timestamp) -> Result<R, Error> {
        match self {
            Self::Active(resource) => Ok(resource),
            Self::Creating(claim) if claim.lease_until > now => Err(busy::<R>(now.until(claim.lease_until))),
            // Nobody is at work on a lapsed claim: there is nothing until somebody creates it again.
            Self::Creating(_) | Self::Deleting(_) => Err(Error::NotFound(R::KIND)),
        }
    }
}

/// # Errors
/// [`Denial::NotOwner`] unless `caller` owns the resource.
pub(crate) fn owned_by<R: Resource>(resource: R, caller: &UserId) -> Result<R, Error> {
    if resource.owner() == caller { Ok(resource) } else { Err(Error::Forbidden(Denial::NotOwner)) }
}

/// The answer to somebody who met another's claim: it mostly resolves in less than a second, and when its holder has
/// died, asking again before the lease lapses changes nothing.
fn busy<R: Resource>(lease_left: Duration) -> Error {
    let longest = Duration::from_secs(5);
    Error::Busy { resource: R::KIND, retry_after: lease_left.clamp(Duration::from_secs(1), longest) }
}

/// Who asks for which name, and under which claim, should one be needed.
#[derive(Debug, Clone)]
pub struct Request<N> {
    /// Which resource.
    pub name: N,
    /// Who asks.
    pub caller: UserId,
    /// Fresh for this request.
    pub claim_id: ClaimId,
    /// How long a claim of this request holds; longer than the function may run.
    pub lease: Duration,
}

impl<N: Clone> Request<N> {
    /// The claim of somebody whose lease has lapsed, continued by this request: owner and options stay.
    fn take_over<R: Resource<Name = N>>(&self, lapsed: &Claim<R>, now: Timestamp) -> Claim<R> {
        Claim { id: self.claim_id.clone(), lease_until: now + self.lease, ..lapsed.clone() }
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
    /// # Errors
    /// [`Conflict::OptionsDiffer`] names each wish that the resource does not meet.
    fn meeting(self, wishes: &impl Wishes<R>) -> Result<Self, Error> {
        let (Self::Created(resource) | Self::Existing(resource)) = &self;
        let unmet = wishes.unmet(resource);
        if unmet.is_empty() { Ok(self) } else { Err(Error::Conflict(Conflict::OptionsDiffer(unmet))) }
    }
}

/// How long a request waits for another's claim before it answers [`Error::Busy`], and how often it looks.
const PATIENCE: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(100);

/// How long a claim is left alone after a search of AWS has failed, so that those who wait do not all search at once.
const BREATHER: Duration = Duration::from_secs(1);

/// Returns the resource of that name, creating it first if there is none. Any number of concurrent callers get one.
///
/// # Errors
/// [`Conflict::OptionsDiffer`] if it exists with other options; [`Error::Busy`] if another request holds the name for
/// longer than this one waits; what AWS fails with, after which the same request may be repeated.
pub(crate) async fn create_or_fetch<R: Stored>(
    provider: &impl Provider<R>,
    table: &NameTable<R>,
    now: Timestamp,
    request: &Request<R::Name>,
    wishes: &impl Wishes<R>,
) -> Result<Outcome<R>, Error> {
    let started = Instant::now();
    let now = || now + started.elapsed();
    loop {
        let (claim, predecessor) = match table.read(&request.name).await? {
            Some(Row::Active(resource)) => return Outcome::Existing(resource).meeting(wishes),
            Some(Row::Deleting(resource)) => {
                match finish_delete(provider, table, &resource, &request.claim_id).await {
                    // It stays after all: look again.
                    Ok(()) | Err(Error::Conflict(_)) if started.elapsed() < PATIENCE => continue,
                    Ok(()) | Err(Error::Conflict(_)) => return Err(busy::<R>(Duration::ZERO)),
                    Err(error) => return Err(error),
                }
            }
            Some(Row::Creating(claim)) if claim.lease_until > now() => {
                if started.elapsed() >= PATIENCE {
                    return Err(busy::<R>(now().until(claim.lease_until)));
                }
                sleep(POLL).await;
                continue;
            }
            Some(Row::Creating(lapsed)) => (request.take_over(&lapsed, now()), Some(lapsed.id)),
            None => {
                let claim = Claim {
                    name: request.name.clone(),
                    owner: request.caller.clone(),
                    options: wishes.options(),
                    id: request.claim_id.clone(),
                    origin: request.claim_id.clone(),
                    lease_until: now() + request.lease,
                };
                (claim, None)
            }
        };
        if table.claim(&claim, predecessor.as_ref()).await? {
            let outcome = create_claimed(provider, table, now(), &claim, predecessor.is_some()).await?;
            return match outcome {
                // Whoever finishes another's create fetches what is that other's.
                Outcome::Created(resource) if *resource.owner() != request.caller => Outcome::Existing(resource),
                outcome => outcome,
            }
            .meeting(wishes);
        }
    }
}

/// Creates, or adopts, the resource of a claim that this request holds, and commits it.
async fn create_claimed<R: Stored>(
    provider: &impl Provider<R>,
    table: &NameTable<R>,
    now: Timestamp,
    claim: &Claim<R>,
    inherited: bool,
) -> Result<Outcome<R>, Error> {
    let adopted = if inherited {
        match adopt(provider, table, claim, now).await {
            Ok(adopted) => adopted,
            Err(error) => {
                // The predecessor's resource may be there still: whoever comes next has to look again.
                table.lapse(claim, now + BREATHER).await?;
                return Err(error);
            }
        }
    } else {
        None
    };
    let resource = match adopted {
        Some(resource) => resource,
        None => match provider.create(claim, now).await {
            Ok(resource) => resource,
            Err(CreateError::Refused(error)) => {
                table.release(claim).await?;
                return Err(error);
            }
            // It may exist, or may yet come to: only a lapsed lease makes it safe to look for it.
            Err(CreateError::Unknown(error)) => return Err(error.retry_after(now.until(claim.lease_until))),
        },
    };
    match table.commit(&resource, &claim.id).await {
        Ok(true) => Ok(Outcome::Created(resource)),
        Ok(false) => resolve_lost_claim(provider, table, now, &resource).await,
        Err(error) => Err(error.retry_after(now.until(claim.lease_until))),
    }
}

/// Finds what earlier attempts left in AWS: one of this create is kept, any other is deleted.
async fn adopt<R: Stored>(
    provider: &impl Provider<R>,
    table: &NameTable<R>,
    claim: &Claim<R>,
    now: Timestamp,
) -> Result<Option<R>, Error> {
    let (own, mut others): (Vec<Found<R>>, Vec<Found<R>>) = provider
        .find(Some(&claim.name))
        .await?
        .into_iter()
        .partition(|found| found.origin.as_ref() == Some(&claim.origin));
    let mut kept = None;
    for found in own {
        match kept {
            None => kept = provider.adopt(claim, found.arn, now).await?,
            Some(_) => others.push(found),
        }
    }
    delete_found(provider, table, claim, &others).await?;
    Ok(kept)
}

/// Deletes what was found, under a claim that still stands: without it, one of these may be somebody's by now.
async fn delete_found<R: Stored>(
    provider: &impl Provider<R>,
    table: &NameTable<R>,
    claim: &Claim<R>,
    found: &[Found<R>],
) -> Result<(), Error> {
    for found in found {
        match table.read(&claim.name).await? {
            Some(Row::Creating(present)) if present.id == claim.id => provider.delete(&found.arn).await?,
            _ => return Err(busy::<R>(Duration::ZERO)),
        }
    }
    Ok(())
}

/// The claim was taken over while this request still worked under it, which the lease is meant to exclude. The resource
/// goes, unless the successor adopted it; while that is undecided, it stays and its tags tell the reconciler.
async fn resolve_lost_claim<R: Stored>(
    provider: &impl Provider<R>,
    table: &NameTable<R>,
    now: Timestamp,
    ours: &R,
) -> Result<Outcome<R>, Error> {
    let started = Instant::now();
    loop {
        match table.read(ours.name()).await? {
            Some(Row::Active(theirs)) if theirs.arn() == ours.arn() => return Ok(Outcome::Existing(theirs)),
            Some(Row::Deleting(theirs)) if theirs.arn() == ours.arn() => return Err(Error::NotFound(R::KIND)),
            Some(Row::Creating(claim)) => {
                if started.elapsed() >= PATIENCE {
                    return Err(busy::<R>((now + started.elapsed()).until(claim.lease_until)));
                }
                sleep(POLL).await;
            }
            other => {
                provider.delete(ours.arn()).await?;
                return match other {
                    Some(Row::Active(theirs)) => Ok(Outcome::Existing(theirs)),
                    _ => Err(busy::<R>(Duration::ZERO)),
                };
            }
        }
    }
}

/// Returns the resource of that name.
///
/// # Errors
/// [`Error::NotFound`], or [`Error::Busy`] while it is being created.
pub(crate) async fn fetch<R: Stored>(table: &NameTable<R>, name: &R::Name, now: Timestamp) -> Result<R, Error> {
    table.read(name).await?.ok_or(Error::NotFound(R::KIND))?.into_active(now)
}

/// Deletes a resource of the caller's, in AWS too, with what hangs on it. Repeating it is harmless, and finishes a
/// delete that was cut short.
///
/// # Errors
/// [`Denial::NotOwner`]; [`Error::Busy`] while it is being created; [`Error::Conflict`] while it cannot be deleted;
/// what AWS fails with.
pub(crate) async fn delete<R: Stored>(
    provider: &impl Provider<R>,
    table: &NameTable<R>,
    now: Timestamp,
    request: &Request<R::Name>,
) -> Result<(), Error> {
    loop {
        let Some(row) = table.read(&request.name).await? else { return Ok(()) };
        if *row.owner() != request.caller {
            return Err(Error::Forbidden(Denial::NotOwner));
        }
        match row {
            Row::Active(resource) => {
                // Asked first, so that what cannot be deleted is not out of sight meanwhile.
                provider.check_deletable(resource.arn()).await?;
                return finish_delete(provider, table, &resource, &request.claim_id).await;
            }
            Row::Deleting(resource) => return finish_delete(provider, table, &resource, &request.claim_id).await,
            Row::Creating(claim) if claim.lease_until > now => return Err(busy::<R>(now.until(claim.lease_until))),
            Row::Creating(lapsed) => {
                let claim = request.take_over(&lapsed, now);
                if table.claim(&claim, Some(&lapsed.id)).await? {
                    return delete_claimed(provider, table, &claim, now).await;
                }
            }
        }
    }
}

/// Deletes what a create that died may have left, under a claim that this request holds.
async fn delete_claimed<R: Stored>(
    provider: &impl Provider<R>,
    table: &NameTable<R>,
    claim: &Claim<R>,
    now: Timestamp,
) -> Result<(), Error> {
    let deleted = async { delete_found(provider, table, claim, &provider.find(Some(&claim.name)).await?).await };
    match deleted.await {
        Ok(()) => table.release(claim).await,
        Err(error) => {
            table.lapse(claim, now + BREATHER).await?;
            Err(error)
        }
    }
}

/// Each step may be repeated by anybody, which is what a request does that meets an unfinished delete.
async fn finish_delete<R: Stored>(
    provider: &impl Provider<R>,
    table: &NameTable<R>,
    resource: &R,
    attempt: &ClaimId,
) -> Result<(), Error> {
    // The attempt is this request's from here on: another's cannot revoke what this one has carried out.
    if !table.begin_delete(resource, attempt).await? {
        return Ok(());
    }
    match provider.delete(resource.arn()).await {
        Ok(()) => {
            provider.forget(resource.name(), resource.arn()).await?;
            table.finish_delete(resource.name(), resource.arn()).await
        }
        Err(Error::Conflict(conflict)) => {
            if table.revoke_delete(resource.name(), resource.arn(), attempt).await? {
                return Err(Error::Conflict(conflict));
            }
            // Another attempt went on with it, and may have succeeded since.
            match table.read(resource.name()).await? {
                Some(Row::Active(present) | Row::Deleting(present)) if present.arn() == resource.arn() => {
                    Err(Error::Conflict(conflict))
                }
                _ => Ok(()),
            }
        }
        Err(error) => Err(error),
    }
}
