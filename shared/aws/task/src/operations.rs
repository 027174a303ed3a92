//! An event: one task, one change.

use aws_server::ServerTable;
use model::server::{Address, Task, Verdict, judge, resolve_address};
use model::{Error, Timestamp};

use crate::Ec2;

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

/// How often an event is judged anew because somebody else has written the row meanwhile.
const ATTEMPTS: usize = 4;

/// Records what an event says of a task. At most three AWS calls: read the row, locate the task, write the row; again
/// if somebody else has written it meanwhile. An event that brings no news costs the read.
///
/// # Errors
/// [`Error::Unavailable`] while the task has no public address: the row says that it is unreachable, and the event has
/// to be delivered again. What DynamoDB and EC2 fail with; then, too, the event can be repeated.
pub async fn track(servers: &ServerTable, ec2: &Ec2, now: Timestamp, task: &Task) -> Result<Tracked, Error> {
    for _ in 0..ATTEMPTS {
        let row = servers.read(&task.id).await?;
        let (change, address) = match judge(row.as_ref(), task) {
            Verdict::Stale => return Ok(Tracked::Stale),
            Verdict::NoNews => return Ok(Tracked::NoNews),
            Verdict::Write(change) => (Some(change), None),
            Verdict::Locate(interface, running) => {
                let address = ec2.locate(&interface).await?;
                (resolve_address(row.as_ref(), task, &running, address), Some(address))
            }
        };
        let tracked = match change {
            None => Tracked::NoNews,
            Some(change) if servers.write(&change, now).await? => Tracked::Recorded(change.row.state.as_str()),
            // By something later, or at the same version by somebody who saw less of the address than this one.
            Some(_) => continue,
        };
        return match address {
            Some(Address::Unassociated) => Err(Error::unavailable(format!(
                "the task {} runs and has no public address; was it started with assignPublicIp?",
                task.id
            ))),
            _ => Ok(tracked),
        };
    }
    Err(Error::unavailable(format!("the row of the task {} is being written by others", task.id)))
}
