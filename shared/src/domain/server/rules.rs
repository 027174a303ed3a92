//! What follows from what ECS says of a task, given what the table holds of it. No clock, no AWS.

use std::net::IpAddr;

use super::{InterfaceId, Phase, Row, Running, Server, State, Task};

/// What to do about something that ECS says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The table knows of something later.
    Stale,
    /// The table says so already, or the news makes no difference to anybody.
    NoNews,
    /// It matters which public address this interface has; then [`settle`].
    Locate(InterfaceId),
    /// The row has to become this, if the guard still holds.
    Write(State, Guard),
}

/// Under which condition a row may be written: somebody else may have heard of something later meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    /// There is no row, or it is about an earlier version than the one written.
    Newer,
    /// The row is still this one.
    Unchanged(Row),
}

impl Guard {
    /// Whether `new` may take the place of `present`. DynamoDB is asked the same by the condition of the write.
    pub fn admits(&self, present: Option<&Row>, new: &Row) -> bool {
        match self {
            Self::Newer => present.is_none_or(|present| present.version < new.version),
            Self::Unchanged(seen) => present == Some(seen),
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
/// News that changes nothing writes nothing, and leaves the row at its earlier version. That is safe because a life goes
/// one way: whatever lies between two versions that mean the same means the same, too.
pub fn judge(row: Option<&Row>, task: &Task) -> Verdict {
    let state = row.map(|row| &row.state);
    match row {
        Some(row) if row.version > task.version => return Verdict::Stale,
        // Said before. Only an address may have come since, which is no change to ECS.
        Some(row) if row.version == task.version && row.state != State::Unreachable => return Verdict::NoNews,
        _ => {}
    }
    match (&task.phase, state) {
        // Nobody waits for what does not run yet, and a row that there is tells more.
        (Phase::Starting, _) => Verdict::NoNews,
        (Phase::Running(_), Some(State::Offered(_))) => Verdict::NoNews,
        (Phase::Running(Running { interface: Some(interface), .. }), _) => Verdict::Locate(interface.clone()),
        (Phase::Running(Running { interface: None, .. }), Some(State::Unreachable)) => Verdict::NoNews,
        (Phase::Running(Running { interface: None, .. }), _) => Verdict::Write(State::Unreachable, Guard::Newer),
        (Phase::Draining, Some(State::Draining)) | (Phase::Stopped, Some(State::Stopped)) => Verdict::NoNews,
        (Phase::Draining, _) => Verdict::Write(State::Draining, Guard::Newer),
        (Phase::Stopped, _) => Verdict::Write(State::Stopped, Guard::Newer),
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
pub fn withhold(row: &Row) -> Option<(Row, Guard)> {
    let withheld = Row { state: State::Unreachable, ..row.clone() };
    matches!(row.state, State::Offered(_)).then(|| (withheld, Guard::Unchanged(row.clone())))
}

/// What the row of a running task becomes, now that its address is known; `None` if that makes no difference.
pub fn settle(row: Option<&Row>, task: &Task, running: &Running, address: Address) -> Option<(State, Guard)> {
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
        Some(row) if row.version == task.version => Some((state, Guard::Unchanged(row.clone()))),
        _ => Some((state, Guard::Newer)),
    }
}
