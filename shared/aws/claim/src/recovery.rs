//! Names whose create or delete died, completed: many at a time, by one listing of AWS.

use std::collections::HashMap;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, join, select};
use futures_util::stream::{StreamExt, iter, poll_fn};
use model::claim::{Claim, Resource};
use model::error::chain;
use model::recovery::{Recovered, RecoveryStep, next_recovery_step};
use model::{ClaimId, Error, Timestamp};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout_at};

use crate::listing::persist;
use crate::operations::finish_delete;
use crate::{NameTable, Provider, Recovering, Schema};

/// How many names are worked on side by side.
const AT_ONCE: usize = 20;
/// How often the claims of a run are renewed while their lease lasts, so that one renewal may fail.
const RENEWALS: u32 = 3;
/// How long a claim is left alone after its recovery has failed, so that what follows does not meet what it failed on.
const BACKOFF: Duration = Duration::from_secs(1);

/// How to recover.
#[derive(Debug, Clone)]
pub struct Recovery {
    /// Fresh for this run.
    pub attempt: ClaimId,
    /// How long a claim of this run holds a name, unless it is renewed, which it is for as long as the run takes. If the run
    /// dies, others wait for so long.
    pub lease: Duration,
    /// When the listing of AWS is left to another run.
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
/// look for that `recovering` does not know. Being cut short anywhere is harmless, and so is running twice at once.
///
/// Answers what became of each, in their order: one that fails keeps no other from it, and may be asked for again.
pub async fn recover<S: Schema>(
    provider: &impl Provider<S::Resource>,
    table: &NameTable<S>,
    recovering: &mut Recovering<S::Resource>,
    now: Timestamp,
    names: &[<S::Resource as Resource>::Name],
    how: &Recovery,
) -> Vec<Result<Recovered, Error>> {
    let started = Instant::now();
    let now = || now + started.elapsed();
    let begun = iter(names).map(|name| begin(table, now(), name, how));
    let begun: Vec<Result<Begun<S>, Error>> = begun.buffered(AT_ONCE).collect().await;
    let (mut ended, mut deleting, mut places, mut held) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (place, begun) in begun.into_iter().enumerate() {
        match begun {
            Err(error) => ended.push((place, Err(error))),
            Ok(Begun::Done(recovered)) => ended.push((place, Ok(recovered))),
            Ok(Begun::Deleting(resource)) => deleting.push((place, resource)),
            Ok(Begun::Held(claim)) => {
                places.push(place);
                held.push(claim);
            }
        }
    }
    let creates = end_creates(provider, table, recovering, &now, &held, how);
    let deletes = iter(&deleting)
        .map(async |(place, resource)| (*place, in_time(how, end_delete(provider, table, resource, how)).await));
    let work = join(creates, deletes.buffered(AT_ONCE).collect::<Vec<_>>());
    let renew = async || iter(&held).for_each_concurrent(AT_ONCE, |claim| renew(table, claim, now() + how.lease)).await;
    let (creates, deletes) = renewing(how.lease / RENEWALS, renew, work).await;
    // What failed is left to another run, which is not to wait for a lease that nobody needs any more.
    let creates = iter(held.iter().zip(creates)).map(async |(claim, ended)| {
        if ended.is_err() {
            table.lease(claim, now() + BACKOFF).await?;
        }
        ended
    });
    ended.extend(places.into_iter().zip(creates.buffered(AT_ONCE).collect::<Vec<_>>().await));
    ended.extend(deletes);
    ended.sort_by_key(|(place, _)| *place);
    ended.into_iter().map(|(_, ended)| ended).collect()
}

/// Renews the lease of a claim of this run's, unless that has ended.
async fn renew<S: Schema>(table: &NameTable<S>, claim: &Claim<S::Resource>, until: Timestamp) {
    if let Err(error) = table.lease(claim, until).await {
        // Another run may take the claim over, which is harmless.
        tracing::warn!(cause = chain(&error), name = %claim.name, "the lease of a recovery could not be renewed");
    }
}

/// Does the work, with a renewal whenever the interval is over.
async fn renewing<T>(every: Duration, renew: impl AsyncFn(), work: impl Future<Output = T>) -> T {
    let renewals = async {
        loop {
            sleep(every).await;
            renew().await;
        }
    };
    match select(pin!(work), pin!(renewals)).await {
        Either::Left((done, _)) => done,
        Either::Right((never, _)) => never,
    }
}

/// Ends creates whose claims are held: what they have made is adopted as it is found, and of those that have made nothing,
/// the names are freed.
async fn end_creates<S: Schema>(
    provider: &impl Provider<S::Resource>,
    table: &NameTable<S>,
    recovering: &mut Recovering<S::Resource>,
    now: &impl Fn() -> Timestamp,
    held: &[Claim<S::Resource>],
    how: &Recovery,
) -> Vec<Result<Recovered, Error>> {
    let (tell, mut told) = mpsc::unbounded_channel();
    let listing = async {
        let listed = recovering
            .look(provider.inventory(), held, &how.attempt, how.list_until, |place, arn| drop(tell.send((place, arn))))
            .await;
        drop(tell);
        let empty = held.iter().enumerate().filter(|(_, claim)| recovering.has_made_nothing(claim));
        let released = iter(empty).map(async |(place, claim)| (place, release(table, claim, how).await));
        (listed, released.buffered(AT_ONCE).collect::<Vec<_>>().await)
    };
    // At the provider's pace: the listing does not wait for them, nor they for its end.
    let adoptions = poll_fn(|context| told.poll_recv(context))
        .map(async |(place, arn)| (place, adopt(provider, table, now(), &held[place], arn, how).await));
    let adoptions = adoptions.buffer_unordered(held.len().max(1)).collect::<Vec<_>>();
    let ((listed, released), adopted) = join(listing, adoptions).await;
    let mut ended: HashMap<usize, Result<Recovered, Error>> = released.into_iter().chain(adopted).collect();
    let cause = listed.err().map(|error| chain(&error)).unwrap_or_default();
    let ended = held.iter().enumerate().map(|(place, claim)| {
        let ended = ended.remove(&place).unwrap_or_else(|| Err(Error::unavailable(cause.clone())));
        if ended.is_ok() {
            recovering.forget(claim);
        }
        ended
    });
    ended.collect()
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

/// Adopts what the create of a claim of this run's has made. If it is gone, the name is free.
async fn adopt<S: Schema>(
    provider: &impl Provider<S::Resource>,
    table: &NameTable<S>,
    now: Timestamp,
    claim: &Claim<S::Resource>,
    arn: <S::Resource as Resource>::Arn,
    how: &Recovery,
) -> Result<Recovered, Error> {
    let adopted = persist(how.until, async || provider.adopt(claim, arn.clone(), now).await);
    let Some(resource) = in_time(how, adopted).await? else { return release(table, claim, how).await };
    let committed = persist(how.until, async || table.commit(&resource, &claim.id).await);
    Ok(if in_time(how, committed).await? { Recovered::Adopted } else { Recovered::Busy })
}

/// Frees the name of a claim of this run's under which there is nothing.
async fn release<S: Schema>(
    table: &NameTable<S>,
    claim: &Claim<S::Resource>,
    how: &Recovery,
) -> Result<Recovered, Error> {
    let released = persist(how.until, async || table.release(claim).await);
    in_time(how, released).await.map(|()| Recovered::Released)
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::task::yield_now;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn claims_are_renewed_for_as_long_as_the_work_takes() {
        let renewals = AtomicU32::new(0);
        let renew = async || {
            renewals.fetch_add(1, Ordering::Relaxed);
        };
        let work = async {
            while renewals.load(Ordering::Relaxed) < 3 {
                yield_now().await;
            }
            "done"
        };
        let done = timeout(Duration::from_secs(10), renewing(Duration::from_millis(1), renew, work)).await;
        assert_eq!(done.ok(), Some("done"));
    }
}
