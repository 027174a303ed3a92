//! Names whose create or delete died, completed: many at a time, by one listing of AWS.

use std::time::Duration;

use futures_util::stream::{StreamExt, iter};
use model::claim::{Claim, Resource};
use model::error::chain;
use model::recovery::{Recovered, RecoveryStep, made_by, next_recovery_step};
use model::{ClaimId, Error, Timestamp};
use tokio::time::{Instant, timeout_at};

use crate::listing::persist;
use crate::operations::finish_delete;
use crate::{Listing, NameTable, Provider, Schema};

/// How many names are worked on side by side.
const AT_ONCE: usize = 20;
/// How long a claim is left alone after its recovery has failed, so that what follows does not meet what it failed on.
const BACKOFF: Duration = Duration::from_secs(1);

/// How to recover.
#[derive(Debug, Clone)]
pub struct Recovery {
    /// Fresh for this run.
    pub attempt: ClaimId,
    /// How long a claim of this run holds a name; longer than the run may take.
    pub lease: Duration,
    /// When the listing of AWS is given up.
    pub list_until: Instant,
    /// When everything else is given up. What was taken over by then is left to another run, which takes a call or two
    /// a name.
    pub until: Instant,
}

/// A name that has been looked at.
enum Begun<S: Schema> {
    /// There is nothing more to do.
    Done(Recovered),
    /// Its claim is this run's.
    Held(Claim<S::Resource>),
    /// Its delete is to be finished.
    Deleting(S::Resource),
}

/// Completes what creates and deletes of these names have left halfway. AWS is listed once, if there is anything to
/// look for. Being cut short anywhere is harmless, and so is running twice at once.
///
/// Answers what became of each, in their order: one that fails keeps no other from it, and may be asked for again.
pub async fn recover<S: Schema>(
    provider: &impl Provider<S::Resource>,
    table: &NameTable<S>,
    now: Timestamp,
    names: &[<S::Resource as Resource>::Name],
    how: &Recovery,
) -> Vec<Result<Recovered, Error>> {
    let started = Instant::now();
    let now = || now + started.elapsed();
    let begun = iter(names).map(|name| begin(table, now(), name, how));
    let begun: Vec<Result<Begun<S>, Error>> = begun.buffered(AT_ONCE).collect().await;
    // It begins here, when every claim is held: whoever had one before is not at work any more.
    let mut held = begun.iter().filter_map(|begun| match begun {
        Ok(Begun::Held(claim)) => Some(&claim.name),
        _ => None,
    });
    let listing = match (held.next(), held.next()) {
        (None, _) => Ok(Listing::of_all()),
        (Some(only), None) => complete(provider, Listing::of_name(only.clone()), how).await,
        _ => complete(provider, Listing::of_all(), how).await,
    };
    let ended = iter(begun).map(async |begun| match begun? {
        Begun::Done(recovered) => Ok(recovered),
        Begun::Held(claim) => {
            let ended = match &listing {
                Ok(listing) => in_time(how, end_create(provider, table, now(), &claim, listing, how)).await,
                Err(cause) => Err(Error::unavailable(cause.clone())),
            };
            if ended.is_err() {
                table.lapse(&claim, now() + BACKOFF).await?;
            }
            ended
        }
        Begun::Deleting(resource) => in_time(how, end_delete(provider, table, &resource, how)).await,
    });
    ended.buffered(AT_ONCE).collect().await
}

/// Completes a listing. The cause of its failure is that of each name that needs it.
async fn complete<R: Resource>(
    provider: &impl Provider<R>,
    mut listing: Listing<R>,
    how: &Recovery,
) -> Result<Listing<R>, String> {
    match listing.complete(provider, how.list_until).await {
        Ok(()) => Ok(listing),
        Err(error) => Err(chain(&error)),
    }
}

/// Looks at a name, and takes its claim over if that has lapsed.
async fn begin<S: Schema>(
    table: &NameTable<S>,
    now: Timestamp,
    name: &<S::Resource as Resource>::Name,
    how: &Recovery,
) -> Result<Begun<S>, Error> {
    Ok(match next_recovery_step(table.read(name).await?, &how.attempt, now + how.lease, now) {
        RecoveryStep::Nothing => Begun::Done(Recovered::Nothing),
        RecoveryStep::Wait => Begun::Done(Recovered::Busy),
        RecoveryStep::FinishDelete(resource) => Begun::Deleting(resource),
        RecoveryStep::TakeOver(claim, lapsed) => {
            if table.claim(&claim, Some(&lapsed)).await? {
                Begun::Held(claim)
            } else {
                Begun::Done(Recovered::Busy)
            }
        }
    })
}

/// Gives up what takes too long.
async fn in_time<T>(how: &Recovery, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    timeout_at(how.until, work).await.unwrap_or_else(|_| Err(Error::unavailable("there was not enough time")))
}

/// Adopts what the create of a claim of this run's has made, or else frees its name.
async fn end_create<S: Schema>(
    provider: &impl Provider<S::Resource>,
    table: &NameTable<S>,
    now: Timestamp,
    claim: &Claim<S::Resource>,
    listing: &Listing<S::Resource>,
    how: &Recovery,
) -> Result<Recovered, Error> {
    for found in made_by(claim, listing.found().iter()) {
        let adopted = persist(how.until, async || provider.adopt(claim, found.arn.clone(), now).await).await?;
        if let Some(resource) = adopted {
            let committed = persist(how.until, async || table.commit(&resource, &claim.id).await).await?;
            return Ok(if committed { Recovered::Adopted } else { Recovered::Busy });
        }
    }
    persist(how.until, async || table.release(claim).await).await?;
    Ok(Recovered::Released)
}

/// Goes on with a delete. What cannot be deleted now stays, and its owner has it.
async fn end_delete<S: Schema>(
    provider: &impl Provider<S::Resource>,
    table: &NameTable<S>,
    resource: &S::Resource,
    how: &Recovery,
) -> Result<Recovered, Error> {
    let finished = persist(how.until, async || finish_delete(provider, table, resource, &how.attempt).await).await;
    match finished {
        Ok(()) => Ok(Recovered::DeleteFinished),
        Err(Error::Conflict(_)) => Ok(Recovered::Nothing),
        Err(error) => Err(error),
    }
}
