//! What creates and deletes left halfway, found from the side of AWS: each page of a listing is held against its rows.

use std::collections::HashSet;
use std::time::Duration;

use model::claim::{Found, Resource};
use model::error::chain;
use model::sweep::{Disposition, LooksLost, Standing, Sweep, Swept, disposition};
use model::{Error, Timestamp};
use tokio::time::{Instant, timeout_at};

use crate::listing::{Listing, persist};
use crate::{Inventory, NameTable, Schema};

/// How long one page, with its rows, is asked for again while what it fails with may pass.
const PATIENCE: Duration = Duration::from_secs(10);

/// How far a sweep has come. It outlives a run whose time is up, so that the next one goes on.
#[derive(Debug)]
pub struct Sweeping<R: Resource> {
    listing: Listing<R>,
    /// What is to become of each that has been listed, by its row as it was read after the page.
    judged: Vec<Disposition>,
    /// The orphans of the last whole sweep. A listing may be behind, and shows what is deleted with its row already: what
    /// is seen for the first time is only remembered.
    suspects: HashSet<String>,
}

impl<R: Resource> Default for Sweeping<R> {
    fn default() -> Self {
        Self { listing: Listing::of_all(), judged: Vec::new(), suspects: HashSet::new() }
    }
}

/// One run of a sweep.
#[derive(Debug, Clone, Copy)]
pub struct SweepRun {
    /// When it began.
    pub now: Timestamp,
    /// When it is given up.
    pub until: Instant,
    /// What it may delete.
    pub how: Sweep,
}

/// What came of a sweep, as far as it went.
#[derive(Debug)]
pub struct SweepOutcome<R: Resource> {
    /// What it found.
    pub swept: Swept,
    /// Names whose create or delete was left halfway, for [`recover`](crate::recover()).
    pub unfinished: Vec<R::Name>,
    /// What failed first; the rest was done nevertheless.
    pub result: Result<(), Error>,
}

/// Holds every resource that bears this deployment's tags against its row, and deletes orphans. What a row says of one
/// resource holds page by page; which orphans are deleted, if any, only a complete listing can tell.
///
/// When the time is up, `sweeping` has what is known so far, and another run goes on. Being cut short anywhere is
/// harmless, and so is running twice at once.
pub async fn sweep<S: Schema>(
    inventory: &impl Inventory<S::Resource>,
    table: &NameTable<S>,
    sweeping: &mut Sweeping<S::Resource>,
    run: &SweepRun,
) -> SweepOutcome<S::Resource> {
    let started = Instant::now();
    let mut outcome = SweepOutcome { swept: Swept::default(), unfinished: Vec::new(), result: Ok(()) };
    let kind = S::Resource::KIND;
    let mut known = sweeping.listing.pages();
    let read = loop {
        let read = timeout_at(run.until, read_all(inventory, table, sweeping, run, &mut outcome)).await;
        match read.unwrap_or_else(|_| Err(Error::unavailable(format!("there was not enough time for all {kind}s")))) {
            read @ (Ok(()) | Err(Error::Unavailable { .. })) => break read,
            // AWS need not know the page any more that another run was told of.
            Err(error) if known > 0 && sweeping.listing.pages() == known => {
                tracing::warn!(cause = chain(&error), "the listing of {kind}s cannot be gone on with, and begins anew");
                sweeping.begin_anew();
                known = 0;
            }
            read => break read,
        }
    };
    outcome.swept.listed = sweeping.judged.len();
    match read {
        // The pages stay.
        Err(error @ Error::Unavailable { .. }) if sweeping.listing.pages() > 0 => {
            let listed = sweeping.judged.len();
            tracing::warn!(cause = chain(&error), listed, "the next run goes on with the {kind}s");
            outcome.swept.is_incomplete = true;
            if run.how.max_orphans.is_some() {
                let not_yet = format!(
                    "nothing was deleted as ordered, since not all {kind}s are listed yet: give the order again, which \
                     goes on with the listing"
                );
                outcome.result = Err(Error::unavailable(not_yet));
            }
        }
        Err(error) => {
            outcome.result = outcome.result.and(Err(error));
            sweeping.begin_anew();
        }
        Ok(()) => {
            let run = SweepRun { now: run.now + started.elapsed(), ..*run };
            let ended = end_orphans(inventory, table, sweeping, &run, &mut outcome.swept).await;
            outcome.result = outcome.result.and(ended);
            sweeping.begin_anew();
        }
    }
    outcome
}

impl<R: Resource> Sweeping<R> {
    fn begin_anew(&mut self) {
        self.listing = Listing::of_all();
        self.judged.clear();
    }

    /// What has been listed, with what is to become of it.
    fn judged(&self) -> impl Iterator<Item = (&Found<R>, &Disposition)> {
        self.listing.found().iter().zip(&self.judged)
    }
}

/// Reads the pages that are left, and the rows of each once it is there.
async fn read_all<S: Schema>(
    inventory: &impl Inventory<S::Resource>,
    table: &NameTable<S>,
    sweeping: &mut Sweeping<S::Resource>,
    run: &SweepRun,
    outcome: &mut SweepOutcome<S::Resource>,
) -> Result<(), Error> {
    let started = Instant::now();
    loop {
        let page = &sweeping.listing.found()[sweeping.judged.len()..];
        let names: Vec<_> = page.iter().map(|found| found.name.clone()).collect();
        let until = run.until.min(Instant::now() + PATIENCE);
        let rows = persist(until, async || table.summaries(&names).await).await?;
        let now = run.now + started.elapsed();
        let mut judged = Vec::with_capacity(page.len());
        for found in page {
            judged.push(match rows.get(&found.name.to_string()) {
                None => disposition(found, None, now),
                Some(Ok(row)) => disposition(found, Some(row), now),
                Some(Err(error)) => {
                    let error = Err(Error::internal(error.to_string()));
                    outcome.result = std::mem::replace(&mut outcome.result, Ok(())).and(error);
                    Disposition::Unclear
                }
            });
            if judged.last() == Some(&Disposition::Unfinished) {
                outcome.unfinished.push(found.name.clone());
            }
        }
        sweeping.judged.extend(judged);
        if !sweeping.listing.read_page(inventory, until).await? {
            return Ok(());
        }
    }
}

/// Deletes orphans, if those that there are look like accidents.
async fn end_orphans<S: Schema>(
    inventory: &impl Inventory<S::Resource>,
    table: &NameTable<S>,
    sweeping: &mut Sweeping<S::Resource>,
    run: &SweepRun,
    swept: &mut Swept,
) -> Result<(), Error> {
    let known: Vec<(&Found<S::Resource>, Standing)> = sweeping
        .judged()
        .filter_map(|(found, disposition)| {
            let is_known = sweeping.suspects.contains(&found.arn.to_string());
            Some((found, Standing::of(found, disposition, is_known)?))
        })
        .collect();
    let listing: Vec<Standing> = known.iter().map(|(_, standing)| *standing).collect();
    let orphans = || known.iter().filter(|(_, standing)| standing.is_orphan()).map(|(found, _)| *found);
    swept.orphans = orphans().count();
    let suspects = orphans().map(|found| found.arn.to_string()).collect();
    let result = match run.how.orphans_to_delete(&listing, run.now) {
        Ok(going) => {
            let going: Vec<&Found<S::Resource>> = going.into_iter().filter_map(|at| Some(known.get(at)?.0)).collect();
            delete_orphans(inventory, table, &going, run, swept).await
        }
        Err(LooksLost { orphans, in_use }) => {
            let (kind, listed) = (S::Resource::KIND, known.len());
            Err(Error::internal(format!(
                "no row stands for {orphans} of {listed} {kind}s, {in_use} of them in use, which looks like a table that \
                 was lost or restored; if they may go, invoke the reconciler with {{\"maxOrphans\": {orphans}}}"
            )))
        }
    };
    sweeping.suspects = suspects;
    result
}

/// One that cannot be deleted keeps no other of an order from it.
async fn delete_orphans<S: Schema>(
    inventory: &impl Inventory<S::Resource>,
    table: &NameTable<S>,
    orphans: &[&Found<S::Resource>],
    run: &SweepRun,
    swept: &mut Swept,
) -> Result<(), Error> {
    let mut result = Ok(());
    for found in orphans {
        let deleted = timeout_at(run.until, delete_orphan(inventory, table, found, run.now)).await;
        match deleted.unwrap_or_else(|_| Err(Error::unavailable("there was not enough time to delete all orphans"))) {
            Ok(true) => swept.orphans_deleted += 1,
            Ok(false) => {}
            Err(error) => result = result.and(Err(error)),
        }
    }
    result
}

/// False: it stays, because a row stands for it after all. One that is in use stays as well, and is an error: whoever
/// uses it was told of it, so that a row is lost.
async fn delete_orphan<S: Schema>(
    inventory: &impl Inventory<S::Resource>,
    table: &NameTable<S>,
    found: &Found<S::Resource>,
    now: Timestamp,
) -> Result<bool, Error> {
    let Found { name, arn, .. } = found;
    let row = table.summaries(std::slice::from_ref(name)).await?.remove(&name.to_string()).transpose()?;
    if disposition(found, row.as_ref(), now) != Disposition::Orphan {
        return Ok(false);
    }
    let kind = S::Resource::KIND;
    // A listing may take minutes.
    if !inventory.delete_idle(arn).await? {
        return Err(Error::internal(format!("no row stands for the {kind} {name}, which is in use, and stays: {arn}")));
    }
    tracing::warn!(%arn, %name, "deleted a {kind} that no row stood for");
    Ok(true)
}
