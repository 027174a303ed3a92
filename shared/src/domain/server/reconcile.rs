//! What no event said: the table is compared with what ECS and EC2 say now, in both directions, and repaired.
//!
//! Nothing is done on a listing that is not complete. Each repair is held to the same condition as an event's write, so
//! one that was overtaken by an event, or by another reconciler, does nothing.

use std::collections::BTreeSet;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{Address, Guard, Phase, Row, Segment, State, Task, Verdict, contradicts, judge, settle, withhold};
use crate::Error;
use crate::aws::{Ec2, Ecs, ServerTable};
use crate::domain::{TaskId, Timestamp};

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

    // Rows first, ECS second, write third: a row that has changed in between is left alone.
    let ids: BTreeSet<&TaskId> = listed.iter().map(|task| &task.id).collect();
    let unlisted: Vec<TaskId> = offered.iter().filter(|id| !ids.contains(id)).cloned().collect();
    let unlisted = read(servers, unlisted, |id| id).await?;
    let described = ecs.describe(unlisted.iter().map(|(id, _)| id)).await?;
    let known: BTreeSet<&TaskId> = described.iter().map(|task| &task.id).collect();
    let mut writes: Vec<(Row, Guard)> =
        unlisted.iter().filter(|(id, _)| !known.contains(id)).filter_map(|(_, row)| withhold(row.as_ref()?)).collect();

    let said = listed.into_iter().chain(described.iter().cloned());
    let suspects = said.filter(|task| contradicts(task, offered.contains(&task.id))).collect();
    let suspects = read(servers, suspects, |task: &Task| &task.id).await?;
    let verdicts: Vec<Verdict> = suspects.iter().map(|(task, row)| judge(row.as_ref(), task)).collect();
    let wanted = verdicts.iter().filter_map(|verdict| match verdict {
        Verdict::Locate(interface) => Some(interface),
        _ => None,
    });
    let addresses = ec2.locate_all(wanted).await?;
    let mut drift = Drift::default();
    for ((task, row), verdict) in suspects.iter().zip(verdicts) {
        let change = match (verdict, &task.phase) {
            (Verdict::Write(state, guard), _) => Some((state, guard)),
            (Verdict::Locate(interface), Phase::Running(running)) => {
                let address = addresses.get(&interface).copied().unwrap_or(Address::Gone);
                drift.unreachable += usize::from(!matches!(address, Address::Public(_)));
                settle(row.as_ref(), task, running, address)
            }
            _ => None,
        };
        writes.extend(change.map(|(state, guard)| {
            let new = Row { id: task.id.clone(), version: task.version, state };
            (new, guard)
        }));
    }

    let written: Vec<(TaskId, bool)> = stream::iter(&writes)
        .map(async |(row, guard)| {
            let written = servers.write(row, guard, now).await?;
            Ok::<_, Error>(written.then(|| (row.id.clone(), matches!(row.state, State::Offered(_)))))
        })
        .buffer_unordered(AT_ONCE)
        .try_filter_map(async |written| Ok(written))
        .try_collect()
        .await?;
    drift.added = written.iter().filter(|(_, now_offered)| *now_offered).count();
    drift.removed = written.iter().filter(|(id, now_offered)| !now_offered && offered.contains(id)).count();
    drift.offered = offered.len() + drift.added - drift.removed;
    Ok(drift)
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
) -> Result<Vec<(T, Option<Row>)>, Error> {
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
