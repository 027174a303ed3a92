//! Transwrap servers: Fargate tasks that take a browser's WebSocket and push RTMPS. ECS says how each of them is, at
//! least once and in any order; the table holds which of them can take a broadcast now.
//!
//! A task has a version, which ECS raises by one with each change (Amazon ECS developer guide, "Task state change
//! events"), and its life goes one way: starting, running, draining, stopped. So whatever order the news comes in,
//! the row of a task follows the highest version heard of, and a row that says *stopped* stays for as long as late news
//! may come.

mod list;
mod rules;
#[cfg(test)]
mod tests;
mod url;

use std::net::IpAddr;
use std::time::Duration;

pub use self::list::{RingCursor, Seed, Segment};
pub use self::rules::{Address, Change, Guard, Verdict, contradicts, judge, mark_unreachable, resolve_address};
pub use self::url::{InvalidUrlTemplate, UrlTemplate};

use crate::{ClusterArn, InterfaceId, TaskId, Timestamp};

/// How often a task has changed, as ECS counts it: of two things said of a task, the one with the higher version is the
/// later one.
pub type TaskVersion = i64;

/// What ECS says of a task: in an event, or when it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Which task.
    pub id: TaskId,
    /// At which of its changes.
    pub version: TaskVersion,
    /// How it was then.
    pub phase: Phase,
}

/// Where a task is in its life; it never goes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// It does not run yet.
    Starting,
    /// It runs, and is meant to.
    Running(Running),
    /// It is going to stop: it may still run, but nobody should start a broadcast there.
    Draining,
    /// It has stopped for good.
    Stopped,
}

/// What is known of a running task besides its address, which ECS does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// The task's network interface. A task that shares its host's has none.
    pub interface: Option<InterfaceId>,
    /// Such as `eu-west-1a`.
    pub availability_zone: Option<String>,
    /// When it began to run.
    pub started_at: Option<Timestamp>,
}

impl Phase {
    /// The phase that ECS's `lastStatus` and `desiredStatus` mean (Amazon ECS developer guide, "Task lifecycle").
    /// A status that is not known yet counts as one on the way to running, which changes nothing.
    pub fn of(last_status: &str, desired_status: &str, running: impl FnOnce() -> Running) -> Self {
        match (last_status, desired_status) {
            ("STOPPED" | "DELETED", _) => Self::Stopped,
            ("DEACTIVATING" | "STOPPING" | "DEPROVISIONING", _) | (_, "STOPPED") => Self::Draining,
            ("RUNNING", _) => Self::Running(running()),
            _ => Self::Starting,
        }
    }
}

/// What the table holds of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskRow {
    /// Which task.
    pub id: TaskId,
    /// The version that this row is about.
    pub version: TaskVersion,
    /// What that means for those who look for a server.
    pub state: State,
}

/// Whether a task can take a broadcast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It can.
    Offered(Server),
    /// It cannot be reached: it has no public address, or none yet, or ECS does not know it any more.
    Unreachable,
    /// It is going to stop.
    Draining,
    /// It has stopped. The row outlives whatever may still be said of the task.
    Stopped,
}

impl State {
    /// How long a row stays that is not offered: longer than news of its task is late. SQS keeps a dead letter for 14
    /// days; one that fails again and is sent anew after that meets EC2, which knows no address of a task that is gone.
    pub const KEPT: Duration = Duration::from_secs(15 * 24 * 60 * 60);

    /// Whether the task can take a broadcast.
    pub fn is_offered(&self) -> bool {
        matches!(self, Self::Offered(_))
    }

    /// The word in the table and in the log.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Offered(_) => "offered",
            Self::Unreachable => "unreachable",
            Self::Draining => "draining",
            Self::Stopped => "stopped",
        }
    }
}

/// A server that can take a broadcast now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The task that it is.
    pub id: TaskId,
    /// Where browsers reach it.
    pub public_ip: IpAddr,
    /// Such as `eu-west-1a`.
    pub availability_zone: Option<String>,
    /// When it began to run.
    pub started_at: Option<Timestamp>,
}

/// Which tasks are transwrap servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fleet {
    /// The cluster that they run in.
    pub cluster: ClusterArn,
    /// ECS's `group` of a task: `service:<name>` of a service's, `family:<family>` of one that was run by itself unless
    /// told otherwise.
    pub groups: Vec<String>,
}

impl Fleet {
    /// Whether a task of this cluster and group is one.
    pub fn includes(&self, cluster: &str, group: &str) -> bool {
        self.cluster.as_str() == cluster && self.groups.iter().any(|ours| ours == group)
    }
}
