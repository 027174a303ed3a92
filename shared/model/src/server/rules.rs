//! What follows from what ECS says of a task, given what the table holds of it. No clock, no AWS.

use std::net::IpAddr;

use super::{InterfaceId, Phase, Running, Server, State, Task, TaskRow};

/// What to do about something that ECS says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The table knows of something later.
    Stale,
    /// The table says so already, or the news makes no difference to anybody.
    NoNews,
    /// It matters which public address this interface has; then [`resolve_address`].
    Locate(InterfaceId, Running),
    /// The table has to say so.
    Write(Change),
}

/// A row to be written, unless somebody else has heard of something later meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What the row becomes.
    pub row: TaskRow,
    /// Under which condition.
    pub guard: Guard,
}

impl Change {
    fn to(state: State, task: &Task, guard: Guard) -> Self {
        Self { row: TaskRow { id: task.id.clone(), version: task.version, state }, guard }
    }
}

/// Under which condition a row may be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    /// There is no row, or it is about an earlier version than the one written.
    Newer,
    /// The row is still of the version and state that this one has. At one version, a row goes between offered and
    /// unreachable and nowhere else, so that these tell it from what became of it.
    Unchanged(TaskRow),
}

impl Guard {
    /// Whether `new` may take the place of `present`. DynamoDB is asked the same by the condition of the write.
    pub fn admits(&self, present: Option<&TaskRow>, new: &TaskRow) -> bool {
        match self {
            Self::Newer => present.is_none_or(|present| present.version < new.version),
            Self::Unchanged(seen) => present.is_some_and(|present| {
                (present.version, present.state.as_str()) == (seen.version, seen.state.as_str())
            }),
        }
    }
}

/// What a network interface says of its public address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address {
    /// It has one.
    Public(IpAddr),
    /// It has none, or none yet.
    Unassociated,
    /// The interface is gone, as its task will be.
    Gone,
}

/// Judges what ECS says of a task by what the table holds of it.
///
/// News that changes nothing writes nothing, and leaves the row at its earlier version. That is safe because a life
/// goes one way: whatever lies between two versions that mean the same means the same, too.
pub fn judge(row: Option<&TaskRow>, task: &Task) -> Verdict {
    let state = row.map(|row| &row.state);
    match row {
        Some(row) if row.version > task.version => return Verdict::Stale,
        // Said before. Only an address may have come since, which is no change to ECS.
        Some(row) if row.version == task.version && row.state != State::Unreachable => return Verdict::NoNews,
        _ => {}
    }
    let write = |state| Verdict::Write(Change::to(state, task, Guard::Newer));
    match (&task.phase, state) {
        // Nobody waits for what does not run yet, and a row that there is tells more.
        (Phase::Starting, _) => Verdict::NoNews,
        (Phase::Running(_), Some(State::Offered(_))) => Verdict::NoNews,
        (Phase::Running(running), state) => match &running.interface {
            Some(interface) => Verdict::Locate(interface.clone(), running.clone()),
            None if state == Some(&State::Unreachable) => Verdict::NoNews,
            None => write(State::Unreachable),
        },
        (Phase::Draining, Some(State::Draining)) | (Phase::Stopped, Some(State::Stopped)) => Verdict::NoNews,
        (Phase::Draining, _) => write(State::Draining),
        (Phase::Stopped, _) => write(State::Stopped),
    }
}

/// Whether what ECS says now contradicts the list of servers, so that the row of the task has to be looked at.
pub fn contradicts(task: &Task, is_offered: bool) -> bool {
    match task.phase {
        Phase::Starting => false,
        Phase::Running(_) => !is_offered,
        Phase::Draining | Phase::Stopped => is_offered,
    }
}

/// What the row of a task becomes that ECS does not know any more; `None` if that makes no difference. `row` was read
/// before ECS was asked.
///
/// The version stays: should ECS have been behind, and the task be there after all, the next time that it is seen
/// running counts again. By then EC2 decides.
pub fn mark_unreachable(row: &TaskRow) -> Option<Change> {
    let unreachable = TaskRow { state: State::Unreachable, ..row.clone() };
    row.state.is_offered().then(|| Change { row: unreachable, guard: Guard::Unchanged(row.clone()) })
}

/// What the row of a running task becomes, now that its address is known; `None` if that makes no difference.
pub fn resolve_address(row: Option<&TaskRow>, task: &Task, running: &Running, address: Address) -> Option<Change> {
    let state = match address {
        Address::Public(public_ip) => State::Offered(Server {
            id: task.id.clone(),
            public_ip,
            availability_zone: running.availability_zone.clone(),
            started_at: running.started_at,
        }),
        Address::Unassociated | Address::Gone => State::Unreachable,
    };
    match row {
        Some(row) if row.state == state => None,
        // The same news once more, which now can be acted on.
        Some(row) if row.version == task.version => Some(Change::to(state, task, Guard::Unchanged(row.clone()))),
        _ => Some(Change::to(state, task, Guard::Newer)),
    }
}
