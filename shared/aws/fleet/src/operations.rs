//! What no event said: the table is compared with what ECS and EC2 say now, in both directions, and repaired.
//!
//! Nothing is done on a listing that is not complete. Each repair is held to the same condition as an event's write, so
//! one that was overtaken by an event, or by another reconciler, does nothing.

use std::collections::BTreeSet;

use aws_server::ServerTable;
use aws_task::Ec2;
use futures_util::{StreamExt, TryStreamExt, stream};
use model::server::{
    Address, Change, Phase, Segment, Task, TaskRow, Verdict, contradicts, judge, mark_unreachable, resolve_address,
};
use model::{Error, TaskId, Timestamp};

use crate::Ecs;

/// Rows that are read or written at the same time.
const AT_ONCE: usize = 16;
/// What one page of the table holds.
const PAGE: usize = 1000;

/// How far the table was from what ECS says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drift {
    /// Servers that can take a broadcast, after the repair.
    pub offered: usize,
    /// Servers that were missing from the list.
    pub added: usize,
    /// Servers that were on the list and could not take a broadcast any more.
    pub removed: usize,
    /// Tasks that run without a public address.
    pub unreachable: usize,
}

/// Compares the table with ECS and repairs it. Running it twice at once is harmless.
///
/// # Errors
/// What ECS, EC2 and DynamoDB fail with. Before the listings were complete, nothing has been changed; after that, each
/// change that was made was right by itself.
pub async fn reconcile(servers: &ServerTable, ecs: &Ecs, ec2: &Ec2, now: Timestamp) -> Result<Drift, Error> {
    let offered = all_offered(servers).await?;
    let listed = ecs.tasks_meant_to_run().await?;
    let (described, mut changes) = ask_for_unlisted(servers, ecs, &offered, &listed).await?;
    let said = listed.into_iter().chain(described);
    let suspects = said.filter(|task| contradicts(task, offered.contains(&task.id))).collect();
    let (repairs, unreachable) = repairs(servers, ec2, suspects).await?;
    changes.extend(repairs);
    let written = write_all(servers, &changes, now).await?;

    let added = written.iter().filter(|row| row.state.is_offered()).count();
    let removed = written.iter().filter(|row| !row.state.is_offered() && offered.contains(&row.id)).count();
    Ok(Drift { offered: offered.len() + added - removed, added, removed, unreachable })
}

/// Asks ECS by name for what the table offers and ECS has not listed: what it says of those, and changes that take the
/// ones it does not know off the list.
async fn ask_for_unlisted(
    servers: &ServerTable,
    ecs: &Ecs,
    offered: &BTreeSet<TaskId>,
    listed: &[Task],
) -> Result<(Vec<Task>, Vec<Change>), Error> {
    let listed: BTreeSet<&TaskId> = listed.iter().map(|task| &task.id).collect();
    let unlisted: Vec<TaskId> = offered.iter().filter(|id| !listed.contains(id)).cloned().collect();
    // Rows first, ECS second, write third: a row that has changed in between is left alone.
    let unlisted = read(servers, unlisted, |id| id).await?;
    let described = ecs.describe(unlisted.iter().map(|(id, _)| id)).await?;
    let known: BTreeSet<&TaskId> = described.iter().map(|task| &task.id).collect();
    let unknown = unlisted.iter().filter(|(id, _)| !known.contains(id));
    let unreachable = unknown.filter_map(|(_, row)| mark_unreachable(row.as_ref()?)).collect();
    Ok((described, unreachable))
}

/// What the rows of these tasks have to become, and how many of them run and cannot be reached.
async fn repairs(servers: &ServerTable, ec2: &Ec2, suspects: Vec<Task>) -> Result<(Vec<Change>, usize), Error> {
    let suspects = read(servers, suspects, |task| &task.id).await?;
    let judged: Vec<_> = suspects.iter().map(|(task, row)| (task, row.as_ref(), judge(row.as_ref(), task))).collect();
    let interfaces = judged.iter().filter_map(|(_, _, verdict)| match verdict {
        Verdict::Locate(interface, _) => Some(interface),
        _ => None,
    });
    let addresses = ec2.locate_all(interfaces).await?;
    let (mut changes, mut unreachable) = (Vec::new(), 0);
    for (task, row, verdict) in judged {
        let change = match verdict {
            Verdict::Stale => continue,
            Verdict::NoNews => None,
            Verdict::Write(change) => Some(change),
            Verdict::Locate(interface, running) => {
                let address = addresses.get(&interface).copied().unwrap_or(Address::Gone);
                resolve_address(row, task, &running, address)
            }
        };
        let becomes_offered = change.as_ref().is_some_and(|change| change.row.state.is_offered());
        unreachable += usize::from(matches!(task.phase, Phase::Running(_)) && !becomes_offered);
        changes.extend(change);
    }
    Ok((changes, unreachable))
}

/// Writes what still may be written, and answers which rows those are.
async fn write_all<'a>(
    servers: &ServerTable,
    changes: &'a [Change],
    now: Timestamp,
) -> Result<Vec<&'a TaskRow>, Error> {
    stream::iter(changes)
        .map(async |change| Ok(servers.write(change, now).await?.then_some(&change.row)))
        .buffer_unordered(AT_ONCE)
        .try_filter_map(async |written| Ok(written))
        .try_collect()
        .await
}

/// The servers that the table offers, to the last page.
async fn all_offered(servers: &ServerTable) -> Result<BTreeSet<TaskId>, Error> {
    let mut offered = BTreeSet::new();
    let mut after = None;
    loop {
        let (page, last) = servers.offered(&Segment::Whole, after.as_ref(), PAGE).await?;
        offered.extend(page.into_iter().map(|server| server.id));
        match last {
            Some(last) => after = Some(last),
            None => return Ok(offered),
        }
    }
}

/// Each of these with its row, if it has one.
async fn read<T>(
    servers: &ServerTable,
    of: Vec<T>,
    id: impl Fn(&T) -> &TaskId,
) -> Result<Vec<(T, Option<TaskRow>)>, Error> {
    let id = &id;
    stream::iter(of)
        .map(async |it| {
            let row = servers.read(id(&it)).await?;
            Ok((it, row))
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await
}
