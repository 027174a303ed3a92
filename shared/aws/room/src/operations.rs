//! How rooms come to be, are recovered, and end.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use aws_claim::{Inventory, ListedPage, Provider, Recovering, Recovery, SweepOutcome, SweepRun, Sweeping};
use aws_recovery_queue::RecoveryQueue;
use model::claim::{Claim, CreateError, NameRequest, NameRow, Outcome, Resource};
use model::error::Conflict;
use model::recovery::Recovered;
use model::room::{Fate, Room, RoomOf};
use model::{ClaimId, Error, RoomArn, RoomName, Timestamp};
use tokio::time::timeout_at;

use crate::ivs::RoomPage;
use crate::{RoomIvs, RoomRows, RoomTable, SubjectTables};

/// The most keys that one BatchGetItem takes.
const BATCH: usize = 100;

/// Rooms come to be in IVS Chat, and users and the log hang on them.
struct RoomProvider<'a> {
    ivs: &'a RoomIvs,
    rows: &'a RoomRows,
    /// Of whoever creates.
    recovery: Option<&'a RecoveryQueue>,
}

impl Inventory<Room> for RoomIvs {
    async fn list(&self, only: Option<&RoomName>, page: Option<&str>) -> Result<ListedPage<Room>, Error> {
        self.list_rooms(only, page).await.map(|page| page.listed)
    }

    /// IVS Chat does not tell who is in a room. Nobody gets a token for one that has no row.
    async fn delete_idle(&self, arn: &RoomArn) -> Result<bool, Error> {
        self.delete_room(arn).await.map(|()| true)
    }
}

impl Provider<Room> for RoomProvider<'_> {
    type Inventory = RoomIvs;

    fn inventory(&self) -> &RoomIvs {
        self.ivs
    }

    /// What the room belongs to may end meanwhile, and tell so before there is a room: so the recovery, which knows, is
    /// asked to look at this one once the claim is over. Before the create, as nothing may happen after it.
    async fn create(&self, claim: &Claim<Room>, now: Timestamp) -> Result<Room, CreateError> {
        let Some(recovery) = self.recovery else {
            return Err(CreateError::Refused(Error::internal("a recovery creates no room")));
        };
        recovery.ask(Room::KIND, &claim.name).await.map_err(CreateError::Refused)?;
        let arn = self.ivs.create_room(claim).await?;
        Ok(Room::of(claim, arn, now))
    }

    async fn adopt(&self, claim: &Claim<Room>, arn: RoomArn, now: Timestamp) -> Result<Option<Room>, Error> {
        self.ivs.adoption().await;
        let is_there = self.ivs.has_room(&arn).await?;
        Ok(is_there.then(|| Room::of(claim, arn, now)))
    }

    /// A room can be deleted with everybody in it.
    async fn check_deletable(&self, _: &Room, _: Timestamp) -> Result<(), Error> {
        Ok(())
    }

    async fn delete(&self, arn: &RoomArn) -> Result<(), Error> {
        self.ivs.delete_room(arn).await
    }

    async fn forget(&self, name: &RoomName, arn: &RoomArn) -> Result<(), Error> {
        self.rows.purge(name, arn).await
    }
}

/// Returns the room of a subject, creating it first if there is none; one of an earlier subject of that name is ended
/// before. Any number of concurrent callers get one room. The request's caller is the subject's owner, whoever asks.
///
/// # Errors
/// [`Error::Busy`] if another request holds the name for longer than this one waits; [`Error::Unfinished`] if its recovery
/// is to be asked for; what AWS fails with, after which the same request may be repeated.
#[expect(clippy::too_many_arguments, reason = "what a create takes, and what hangs on it")]
pub async fn create_or_fetch(
    ivs: &RoomIvs,
    rooms: &RoomTable,
    rows: &RoomRows,
    subjects: &SubjectTables,
    recovery: &RecoveryQueue,
    now: Timestamp,
    request: &NameRequest<RoomName>,
    desired: &RoomOf,
) -> Result<Outcome<Room>, Error> {
    let provider = RoomProvider { ivs, rows, recovery: Some(recovery) };
    match aws_claim::create_or_fetch(&provider, &rooms.names, now, request, desired).await {
        Err(Error::Conflict(Conflict::OptionsDiffer(_))) => {}
        outcome => return outcome,
    }
    if let Some(NameRow::Active(stale)) = rooms.read(&request.name).await?
        && stale.subject != desired.0
        // Whoever asks may be the one who is late: then the room is that of a later subject.
        && subjects.fate(&stale).await? == Fate::Ends
    {
        end(ivs, rows, rooms, &stale, &request.claim_id).await?;
    }
    let outcome = aws_claim::create_or_fetch(&provider, &rooms.names, now, request, desired).await;
    // The subject has ended meanwhile, and so has whoever asked for another one.
    outcome.map_err(|error| match error {
        Error::Conflict(_) => model::claim::busy::<Room>(),
        other => other,
    })
}

/// Ends a room, in IVS Chat too, with the rows of its users. Repeating it is harmless.
///
/// # Errors
/// What AWS fails with.
pub async fn end(
    ivs: &RoomIvs,
    rows: &RoomRows,
    rooms: &RoomTable,
    room: &Room,
    attempt: &ClaimId,
) -> Result<(), Error> {
    let provider = RoomProvider { ivs, rows, recovery: None };
    aws_claim::finish_delete(&provider, &rooms.names, room, attempt).await
}

/// Completes what creates and deletes of these rooms have left halfway, by one listing of IVS Chat, and ends those whose
/// stage or channel is gone. Answers what became of each, in their order; one whose stage or channel is being deleted is busy.
#[expect(clippy::too_many_arguments, reason = "what a recovery takes, and what hangs on it")]
pub async fn recover(
    ivs: &RoomIvs,
    rooms: &RoomTable,
    rows: &RoomRows,
    subjects: &SubjectTables,
    recovering: &mut Recovering<Room>,
    now: Timestamp,
    names: &[RoomName],
    how: &Recovery,
) -> Vec<Result<Recovered, Error>> {
    let provider = RoomProvider { ivs, rows, recovery: None };
    let recovered = aws_claim::recover(&provider, &rooms.names, recovering, now, names, how).await;
    let mut ended = Vec::with_capacity(names.len());
    for (name, recovered) in names.iter().zip(recovered) {
        ended.push(match recovered {
            Ok(recovered @ (Recovered::Nothing | Recovered::Adopted)) => {
                let end = timeout_at(how.until, end_without_subject(ivs, rooms, rows, subjects, name, how)).await;
                let end = end.unwrap_or_else(|_| Err(Error::unavailable("there was not enough time")));
                end.map(|end| end.unwrap_or(recovered))
            }
            other => other,
        });
    }
    ended
}

/// Ends a room whose stage or channel is gone. `None`: there is nothing to end.
async fn end_without_subject(
    ivs: &RoomIvs,
    rooms: &RoomTable,
    rows: &RoomRows,
    subjects: &SubjectTables,
    name: &RoomName,
    how: &Recovery,
) -> Result<Option<Recovered>, Error> {
    // The room comes first: what it belongs to was there before it, so that what is not there then is gone.
    let Some(NameRow::Active(room)) = rooms.read(name).await? else { return Ok(None) };
    match subjects.fate(&room).await? {
        Fate::Stays => Ok(None),
        Fate::Undecided => Ok(Some(Recovered::Busy)),
        Fate::Ends => end(ivs, rows, rooms, &room, &how.attempt).await.map(|()| Some(Recovered::DeleteFinished)),
    }
}

/// What a sweep lists, with what it has seen.
struct Noting<'a> {
    ivs: &'a RoomIvs,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    names: BTreeSet<String>,
    reviewed_otherwise: Vec<RoomArn>,
}

impl Inventory<Room> for Noting<'_> {
    async fn list(&self, only: Option<&RoomName>, page: Option<&str>) -> Result<ListedPage<Room>, Error> {
        let RoomPage { listed, reviewed_otherwise } = self.ivs.list_rooms(only, page).await?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.names.extend(listed.found.iter().map(|found| found.name.to_string()));
        seen.reviewed_otherwise.extend(reviewed_otherwise);
        Ok(listed)
    }

    async fn delete_idle(&self, arn: &RoomArn) -> Result<bool, Error> {
        self.ivs.delete_idle(arn).await
    }
}

/// Holds every room in IVS Chat against its row, and deletes orphans; see [`aws_claim::sweep()`]. Those whose stage or
/// channel is gone are among the unfinished, as far as this run has listed them. Then, as long as there is time, those whose
/// messages are reviewed otherwise than they are to be are changed, such as those from before a parameter was: answers how many.
pub async fn sweep(
    ivs: &RoomIvs,
    rooms: &RoomTable,
    subjects: &SubjectTables,
    sweeping: &mut Sweeping<Room>,
    run: &SweepRun,
) -> (SweepOutcome<Room>, usize) {
    let noting = Noting { ivs, seen: Mutex::default() };
    let mut outcome = aws_claim::sweep(&noting, &rooms.names, sweeping, run).await;
    let seen = noting.seen.into_inner().unwrap_or_else(PoisonError::into_inner);
    let names: Vec<RoomName> = seen.names.iter().filter_map(|name| name.parse().ok()).collect();
    for names in names.chunks(BATCH) {
        match over(rooms, subjects, names).await {
            Ok(over) => outcome.unfinished.extend(over),
            Err(error) => outcome.result = outcome.result.and(Err(error)),
        }
    }
    let mut changed = 0;
    for arn in &seen.reviewed_otherwise {
        match timeout_at(run.until, ivs.review_room(arn)).await {
            Ok(Ok(())) => changed += 1,
            Ok(Err(error)) => {
                outcome.result = outcome.result.and(Err(error));
                break;
            }
            // The next run goes on.
            Err(_) => break,
        }
    }
    (outcome, changed)
}

/// Of these rooms, those whose stage or channel is gone.
async fn over(rooms: &RoomTable, subjects: &SubjectTables, names: &[RoomName]) -> Result<Vec<RoomName>, Error> {
    // The rooms come first, as in a recovery.
    let rooms = rooms.active(names).await?;
    let fates = subjects.fates(&rooms).await?;
    let over = rooms.into_iter().zip(fates).filter(|(_, fate)| *fate == Fate::Ends);
    Ok(over.map(|(room, _)| room.name).collect())
}

/// The rooms whose create or delete was left halfway, whether IVS Chat has anything of them or not.
///
/// # Errors
/// What DynamoDB fails with.
pub async fn unfinished(rooms: &RoomTable, now: Timestamp) -> Result<Vec<RoomName>, Error> {
    rooms.names.unfinished(now).await
}
