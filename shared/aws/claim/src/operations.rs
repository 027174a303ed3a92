//! Create or fetch, and delete. Each step may be cut short anywhere: a delete is then gone on with by whoever comes next,
//! a create by its [recovery](crate::recover()), which whoever meets it asks for.

use std::time::Duration;

use model::claim::{
    Claim, CreateError, CreateStep, DeleteStep, DesiredOptions, NameRequest, NameRow, Outcome, Resource, busy,
    next_create_step, next_delete_step,
};
use model::error::chain;
use model::recovery::RETRY_AFTER;
use model::{ClaimId, Error, Timestamp};
use tokio::time::{Instant, sleep};

use crate::{NameTable, Provider, Schema};

/// How long a request waits for another's claim before it answers [`Error::Busy`], and how often it looks.
const MAX_WAIT: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(100);

/// Returns the resource of that name, creating it first if there is none. Any number of concurrent callers get one.
///
/// # Errors
/// [`Conflict::OptionsDiffer`](model::error::Conflict::OptionsDiffer) if it exists with other options; [`Error::Busy`]
/// if another request holds the name for longer than this one waits; [`Error::Unfinished`] if one died that did, so that
/// its recovery is to be asked for; what AWS fails with, after which the same request may be repeated.
pub async fn create_or_fetch<S: Schema>(
    provider: &impl Provider<S::Resource>,
    table: &NameTable<S>,
    now: Timestamp,
    request: &NameRequest<<S::Resource as Resource>::Name>,
    desired: &impl DesiredOptions<S::Resource>,
) -> Result<Outcome<S::Resource>, Error> {
    let started = Instant::now();
    let now = || now + started.elapsed();
    loop {
        let row = table.read(&request.name).await?;
        match next_create_step(row, request, desired, now()) {
            CreateStep::Existing(resource) => return Outcome::Existing(resource).meeting(desired),
            CreateStep::FinishDelete(resource) => {
                match finish_delete(provider, table, &resource, &request.claim_id).await {
                    // It stays after all: look again.
                    Ok(()) | Err(Error::Conflict(_)) if started.elapsed() < MAX_WAIT => {}
                    Ok(()) | Err(Error::Conflict(_)) => return Err(busy::<S::Resource>()),
                    Err(error) => return Err(error),
                }
            }
            CreateStep::Wait(claim) if started.elapsed() >= MAX_WAIT => return Err(claim.busy(now())),
            CreateStep::Wait(_) => sleep(POLL).await,
            CreateStep::Recover => return Err(Error::Unfinished(S::Resource::KIND)),
            CreateStep::Claim(claim) => {
                if table.claim(&claim, None).await? {
                    return create_claimed(provider, table, now(), &claim).await?.meeting(desired);
                }
            }
        }
    }
}

/// Creates the resource of a claim that this request holds, and commits it.
async fn create_claimed<S: Schema>(
    provider: &impl Provider<S::Resource>,
    table: &NameTable<S>,
    now: Timestamp,
    claim: &Claim<S::Resource>,
) -> Result<Outcome<S::Resource>, Error> {
    let resource = match provider.create(claim, now).await {
        Ok(resource) => resource,
        Err(CreateError::Refused(error)) => {
            // Of many refused at once, some meet on their owner's counter for too long: the recovery frees those names.
            let Err(cause) = table.release(claim).await else { return Err(error) };
            tracing::warn!(cause = chain(&cause), "a name could not be freed");
            table.lease(claim, now).await?;
            return Err(error.retry_after(RETRY_AFTER));
        }
        // It may exist, or may yet come to: only a lapsed lease makes it safe to look for it.
        Err(CreateError::Unknown(error)) => return Err(error.retry_after(now.until(claim.lease_until))),
    };
    match table.commit(&resource, &claim.id).await {
        Ok(true) => Ok(Outcome::Created(resource)),
        Ok(false) => resolve_lost_claim(provider, table, now, &resource).await,
        Err(error) => Err(error.retry_after(now.until(claim.lease_until))),
    }
}

/// The claim was taken over while this request still worked under it, which the lease is meant to exclude. The resource
/// goes, unless the successor adopted it; while that is undecided, it stays and its tags tell the reconciler.
async fn resolve_lost_claim<S: Schema>(
    provider: &impl Provider<S::Resource>,
    table: &NameTable<S>,
    now: Timestamp,
    ours: &S::Resource,
) -> Result<Outcome<S::Resource>, Error> {
    let started = Instant::now();
    loop {
        match table.read(ours.name()).await? {
            Some(NameRow::Active(theirs)) if theirs.arn() == ours.arn() => return Ok(Outcome::Existing(theirs)),
            Some(NameRow::Deleting(theirs)) if theirs.arn() == ours.arn() => {
                return Err(Error::NotFound(S::Resource::KIND));
            }
            Some(NameRow::Creating(claim)) => {
                if started.elapsed() >= MAX_WAIT {
                    return Err(claim.busy(now + started.elapsed()));
                }
                sleep(POLL).await;
            }
            other => {
                provider.delete(ours.arn()).await?;
                return match other {
                    Some(NameRow::Active(theirs)) => Ok(Outcome::Existing(theirs)),
                    _ => Err(busy::<S::Resource>()),
                };
            }
        }
    }
}

/// Returns the resource of that name.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Busy`] while it is being created; [`Error::Unfinished`] if it was left halfway, so that its
/// recovery is to be asked for.
pub async fn fetch<S: Schema>(
    table: &NameTable<S>,
    name: &<S::Resource as Resource>::Name,
    now: Timestamp,
) -> Result<S::Resource, Error> {
    table.read(name).await?.ok_or(Error::NotFound(S::Resource::KIND))?.into_active(now)
}

/// Deletes a resource of the caller's, in AWS too, with what hangs on it. Repeating it is harmless, and finishes a
/// delete that was cut short.
///
/// # Errors
/// [`Denial::NotOwner`](model::error::Denial::NotOwner); [`Error::Busy`] while it is being created;
/// [`Error::Unfinished`] if its create died, so that the recovery is to be asked for; [`Error::Conflict`] while it cannot
/// be deleted; what AWS fails with.
pub async fn delete<S: Schema>(
    provider: &impl Provider<S::Resource>,
    table: &NameTable<S>,
    now: Timestamp,
    request: &NameRequest<<S::Resource as Resource>::Name>,
) -> Result<(), Error> {
    match next_delete_step(table.read(&request.name).await?, request, now)? {
        DeleteStep::Done => Ok(()),
        DeleteStep::Begin(resource) => {
            // Asked first, so that what cannot be deleted is not out of sight meanwhile.
            provider.check_deletable(&resource, now).await?;
            finish_delete(provider, table, &resource, &request.claim_id).await
        }
        DeleteStep::Finish(resource) => finish_delete(provider, table, &resource, &request.claim_id).await,
        DeleteStep::Recover => Err(Error::Unfinished(S::Resource::KIND)),
    }
}

/// Deletes a resource, whoever owns it, in AWS too, with what hangs on it; one that is not in the table any more is fine.
/// Each step may be repeated by anybody, which is what a request does that meets an unfinished delete.
///
/// # Errors
/// [`Error::Conflict`] while it cannot be deleted; what AWS fails with.
pub async fn finish_delete<S: Schema>(
    provider: &impl Provider<S::Resource>,
    table: &NameTable<S>,
    resource: &S::Resource,
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
                Some(NameRow::Active(present) | NameRow::Deleting(present)) if present.arn() == resource.arn() => {
                    Err(Error::Conflict(conflict))
                }
                _ => Ok(()),
            }
        }
        Err(error) => Err(error),
    }
}
