//! What creates and deletes left halfway, ended from the side of AWS.

use std::time::Duration;

use model::claim::{Found, Resource};
use model::sweep::{Disposition, Sweep, Swept, disposition};
use model::{Error, Timestamp};
use tokio::time::Instant;

use crate::{Listing, NameTable, Provider, Schema};

/// How long a listing may take.
const LISTING: Duration = Duration::from_secs(60);

/// Looks at every resource that bears this deployment's tags, and ends what was left halfway. Running it twice at once
/// is harmless. Answers what was done even if not all could be.
///
/// # Errors
/// What AWS failed with first: one resource that cannot be ended keeps no other from it. Before the listing was
/// complete, nothing has been changed.
pub async fn sweep<S: Schema>(
    provider: &impl Provider<S::Resource>,
    table: &NameTable<S>,
    now: Timestamp,
    sweep: &Sweep,
) -> (Swept, Result<(), Error>) {
    let mut listing = Listing::of_all();
    if let Err(error) = listing.complete(provider, Instant::now() + LISTING).await {
        return (Swept::default(), Err(error));
    }
    let all = listing.found();
    let mut swept = Swept { listed: all.len(), ..Swept::default() };
    let mut result = Ok(());
    let mut ends = Vec::new();
    for found in all {
        match table.summary(&found.name).await {
            Ok(row) => ends.push((found, disposition(found, row.as_ref(), now))),
            Err(error) => result = result.and(Err(error)),
        }
    }
    let orphans = ends.iter().filter(|(_, disposition)| *disposition == Disposition::Orphan).count();
    if !sweep.allows(orphans, all.len()) {
        let (kind, listed) = (S::Resource::KIND, all.len());
        result = result.and(Err(Error::internal(format!(
            "no row stands for {orphans} of {listed} {kind}s, which is more than an accident; if they may go, invoke the \
             reconciler with {{\"maxOrphans\": {orphans}}}"
        ))));
        ends.retain(|(_, disposition)| *disposition != Disposition::Orphan);
    }
    for (found, disposition) in ends {
        if let Err(error) = end(provider, table, now, sweep, found, disposition, &mut swept).await {
            result = result.and(Err(error));
        }
    }
    (swept, result)
}

/// Does with one resource what is to become of it.
async fn end<S: Schema>(
    provider: &impl Provider<S::Resource>,
    table: &NameTable<S>,
    now: Timestamp,
    Sweep { attempt, lease, .. }: &Sweep,
    Found { name, arn, .. }: &Found<S::Resource>,
    disposition: Disposition,
    swept: &mut Swept,
) -> Result<(), Error> {
    match disposition {
        Disposition::Stays => {}
        Disposition::Orphan => {
            if delete_unless_in_use(provider, arn).await? {
                tracing::warn!(%arn, %name, "deleted a {} that no row stood for", S::Resource::KIND);
                swept.orphans += 1;
            }
        }
        Disposition::CreateEnds(lapsed) => {
            if table.take_over(name, &lapsed, attempt, now + *lease).await? {
                match delete_unless_in_use(provider, arn).await {
                    Ok(true) => {
                        table.release_held(name, attempt).await?;
                        swept.creates_ended += 1;
                    }
                    // Whoever asks for the name adopts it; nobody has to wait for this run's lease.
                    other => {
                        table.lapse_held(name, attempt, now).await?;
                        other?;
                    }
                }
            }
        }
        Disposition::DeleteGoesOn => {
            if table.continue_delete(name, arn, attempt).await? {
                if delete_unless_in_use(provider, arn).await? {
                    provider.forget(name, arn).await?;
                    table.finish_delete(name, arn).await?;
                    swept.deletes_finished += 1;
                } else {
                    // It cannot be deleted while it is in use, and its owner can use it.
                    table.revoke_delete(name, arn, attempt).await?;
                }
            }
        }
    }
    Ok(())
}

/// False: it cannot be deleted now, because it is in use.
async fn delete_unless_in_use<R: Resource>(provider: &impl Provider<R>, arn: &R::Arn) -> Result<bool, Error> {
    match provider.delete(arn).await {
        Ok(()) => Ok(true),
        Err(Error::Conflict(_)) => Ok(false),
        Err(error) => Err(error),
    }
}
