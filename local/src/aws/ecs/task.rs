//! A task, and what may become of it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{interface::Interface, status::Status, tags::Tags};

/// Exit code of a process that ended on `SIGTERM`.
const EXIT_TERMINATED: i32 = 128 + 15;
/// Exit code of a container that crashes.
const EXIT_CRASHED: i32 = 1;

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Task {
    /// 32 hexadecimal digits.
    pub(super) id: String,
    /// A name.
    pub(super) cluster: String,
    pub(super) definition_arn: String,
    pub(super) family: String,
    pub(super) group: String,
    pub(super) started_by: Option<String>,
    /// None for a task that was started by launch type.
    pub(super) capacity_provider: Option<String>,
    pub(super) platform_version: String,
    /// `x86_64` or `arm64`.
    pub(super) architecture: String,
    pub(super) cpu: String,
    pub(super) memory: String,
    /// Of the ephemeral storage, in GiB.
    pub(super) storage: i64,
    pub(super) enable_execute_command: bool,
    /// As they were given, with an entry for every container.
    pub(super) overrides: Value,
    pub(super) tags: Tags,
    pub(super) containers: Vec<Container>,
    pub(super) interface: Interface,
    pub(super) status: Status,
    /// None while the task is to run: `desiredStatus` follows from it.
    pub(super) stop: Option<Stop>,
    pub(super) times: Times,
    /// 1 for a new task, and one more with every change that is an event.
    pub(super) version: u64,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Container {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) image: String,
    pub(super) cpu: String,
    pub(super) memory: Option<String>,
    pub(super) runtime_id: String,
    pub(super) exit_code: Option<i32>,
}

/// Why a task stops.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Stop {
    pub(super) code: StopCode,
    pub(super) reason: String,
}

/// `stopCode`, as far as it happens here.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum StopCode {
    UserInitiated,
    EssentialContainerExited,
    ServiceSchedulerInitiated,
    TaskFailedToStart,
}

impl StopCode {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::UserInitiated => "UserInitiated",
            Self::EssentialContainerExited => "EssentialContainerExited",
            Self::ServiceSchedulerInitiated => "ServiceSchedulerInitiated",
            Self::TaskFailedToStart => "TaskFailedToStart",
        }
    }
}

/// When it came to what, in milliseconds since 1970.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Times {
    pub(super) created: i64,
    pub(super) updated: i64,
    pub(super) connected: Option<i64>,
    pub(super) pull_started: Option<i64>,
    pub(super) pull_stopped: Option<i64>,
    pub(super) started: Option<i64>,
    pub(super) stopping: Option<i64>,
    pub(super) execution_stopped: Option<i64>,
    pub(super) stopped: Option<i64>,
}

impl Times {
    pub(super) fn of_new_task(now: i64) -> Self {
        Self {
            created: now,
            updated: now,
            connected: None,
            pull_started: None,
            pull_stopped: None,
            started: None,
            stopping: None,
            execution_stopped: None,
            stopped: None,
        }
    }
}

impl Task {
    pub(super) fn desired_status(&self) -> &'static str {
        if self.stop.is_some() { "STOPPED" } else { "RUNNING" }
    }

    /// Whether there is a state ahead of it.
    pub(super) fn moves(&self) -> bool {
        self.status.next(self.stop.is_some()).is_some()
    }

    /// Goes on to the next state. `false` if there is none.
    pub(super) fn advance(&mut self, now: i64) -> bool {
        match self.status.next(self.stop.is_some()) {
            Some(next) => {
                self.enter(next, now);
                true
            }
            None => false,
        }
    }

    /// Has the task stop, which is a change of its own: the state follows later. `false` if it is stopping already.
    pub(super) fn ask_to_stop(&mut self, code: StopCode, reason: &str, now: i64) -> bool {
        if self.stop.is_some() {
            return false;
        }
        self.stop = Some(Stop { code, reason: reason.to_owned() });
        self.times.stopping = Some(now);
        self.touch(now);
        true
    }

    /// Ends its essential container by itself. `false` if no container runs.
    pub(super) fn crash(&mut self, now: i64) -> bool {
        if self.status != Status::Running {
            return false;
        }
        for container in &mut self.containers {
            container.exit_code = Some(EXIT_CRASHED);
        }
        self.stop.get_or_insert_with(|| Stop {
            code: StopCode::EssentialContainerExited,
            reason: "Essential container in task exited".to_owned(),
        });
        self.times.stopping.get_or_insert(now);
        self.enter(Status::Deprovisioning, now);
        true
    }

    fn enter(&mut self, status: Status, now: i64) {
        self.status = status;
        let times = &mut self.times;
        match status {
            Status::Pending => {
                self.interface.is_made = true;
                times.connected = Some(now);
                times.pull_started = Some(now);
            }
            Status::Activating => times.pull_stopped = Some(now),
            Status::Running => times.started = Some(now),
            Status::Deprovisioning if times.started.is_some() => {
                times.execution_stopped = Some(now);
                for container in &mut self.containers {
                    container.exit_code.get_or_insert(EXIT_TERMINATED);
                }
            }
            Status::Stopped => times.stopped = Some(now),
            Status::Provisioning | Status::Deactivating | Status::Stopping | Status::Deprovisioning => {}
        }
        self.touch(now);
    }

    fn touch(&mut self, now: i64) {
        self.times.updated = now;
        self.version += 1;
    }
}
