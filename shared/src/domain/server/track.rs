//! An event: one task, one change.

use super::{Address, Phase, Row, Task, Verdict, judge, settle};
use crate::Error;
use crate::aws::{Ec2, ServerTable};
use crate::domain::Timestamp;

/// What came of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tracked {
    /// The table says so now: the state of the task.
    Recorded(&'static str),
    /// The table said so already, or it makes no difference.
    NoNews,
    /// The table knows of something later.
    Stale,
}

/// Records what an event says of a task. At most three AWS calls: read the row, locate the task, write the row. An event
/// that brings no news costs the read.
///
/// # Errors
/// [`Error::Unavailable`] while the task has no public address: the row says that it is unreachable, and the event has
/// to be delivered again. What DynamoDB and EC2 fail with; then, too, the event can be repeated.
pub async fn track(servers: &ServerTable, ec2: &Ec2, now: Timestamp, task: &Task) -> Result<Tracked, Error> {
    let row = servers.read(&task.id).await?;
    let (state, guard, located) = match judge(row.as_ref(), task) {
        Verdict::Stale => return Ok(Tracked::Stale),
        Verdict::NoNews => return Ok(Tracked::NoNews),
        Verdict::Write(state, guard) => (Some(state), Some(guard), None),
        Verdict::Locate(interface) => {
            let address = ec2.locate(&interface).await?;
            let Phase::Running(running) = &task.phase else { return Ok(Tracked::NoNews) };
            let (state, guard) = settle(row.as_ref(), task, running, address).unzip();
            (state, guard, Some(address))
        }
    };
    let tracked = match state.zip(guard) {
        None => Tracked::NoNews,
        Some((state, guard)) => {
            let said = state.as_str();
            let new = Row { id: task.id.clone(), version: task.version, state };
            if servers.write(&new, &guard, now).await? { Tracked::Recorded(said) } else { Tracked::Stale }
        }
    };
    match located {
        Some(Address::Unassociated) if tracked != Tracked::Stale => {
            Err(Error::unavailable(format!("the task {} runs and has no public address yet", task.id)))
        }
        _ => Ok(tracked),
    }
}
