//! A task, and what may become of it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{interface::Interface, status::Status, tags::Tags};

/// Exit code of a process that ended on `SIGTERM`.
const EXIT_TERMINATED: i32 = 128 + 15;
/// Exit code of a container that crashes.
const EXIT_CRASHED: i32 = 1;
/// Exit code of a process that ended on `SIGKILL`.
const EXIT_KILLED: i32 = 128 + 9;

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
    /// Whether it passes through every state.
    #[serde(default)]
    pub(super) is_long: bool,
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
    /// What there is to say of its end besides the code.
    #[serde(default)]
    pub(super) reason: Option<String>,
    /// The binary whose process it is; none if it is a record.
    #[serde(default)]
    pub(super) binary: Option<String>,
    /// Whether the task ends with it.
    #[serde(default = "yes")]
    pub(super) is_essential: bool,
}

fn yes() -> bool {
    true
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
        self.next().is_some()
    }

    /// The state after this one. A task is stopping until its processes have ended.
    fn next(&self) -> Option<Status> {
        let is_waiting = self.is_ending() && self.processes().next().is_some();
        if is_waiting { None } else { self.status.next(self.stop.is_some(), self.is_long) }
    }

    /// Whether its processes are told to end.
    pub(super) fn is_ending(&self) -> bool {
        match self.status {
            Status::Stopping => true,
            Status::Running => self.stop.is_some() && !self.is_long,
            _ => false,
        }
    }

    /// The containers that are processes and have not ended; none before the task has run.
    pub(super) fn processes(&self) -> impl Iterator<Item = &Container> {
        let lives = self.times.started.is_some() && self.status < Status::Deprovisioning;
        self.containers.iter().filter(move |one| lives && one.binary.is_some() && one.exit_code.is_none())
    }

    /// Goes on to the next state. `false` if there is none.
    pub(super) fn advance(&mut self, now: i64) -> bool {
        match self.next() {
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
            container.exit_code.get_or_insert(if container.binary.is_some() { EXIT_KILLED } else { EXIT_CRASHED });
        }
        self.end(StopCode::EssentialContainerExited, "Essential container in task exited", now);
        true
    }

    /// Takes notice of the end of a container's process. Whether that is an event: an essential one ends the task, unless the
    /// task is stopping anyway.
    pub(super) fn exited(&mut self, container: &str, code: i32, now: i64) -> bool {
        let container = self.containers.iter_mut().find(|one| one.name == container && one.exit_code.is_none());
        let Some(container) = container else { return false };
        container.exit_code = Some(code);
        let is_essential = container.is_essential;
        let runs = matches!(self.status, Status::Running | Status::Deactivating) && !self.is_ending();
        let ends = is_essential && runs;
        if ends {
            self.end(StopCode::EssentialContainerExited, "Essential container in task exited", now);
        }
        ends
    }

    /// Takes notice of a container whose process could not be started. Whether that is an event.
    pub(super) fn failed_to_start(&mut self, container: &str, reason: &str, now: i64) -> bool {
        let container = self.containers.iter_mut().find(|one| one.name == container && one.exit_code.is_none());
        let Some(container) = container else { return false };
        container.reason = Some(format!("CannotStartContainerError: {reason}"));
        self.end(StopCode::TaskFailedToStart, "Task failed to start", now);
        true
    }

    /// Ends the processes that the last local cloud had, if there were any.
    pub(super) fn lose_processes(&mut self, now: i64) {
        if self.processes().next().is_some() {
            self.end(StopCode::EssentialContainerExited, "Essential container in task exited", now);
        }
    }

    /// Its containers have ended, or end now.
    fn end(&mut self, code: StopCode, reason: &str, now: i64) {
        self.stop.get_or_insert_with(|| Stop { code, reason: reason.to_owned() });
        self.times.stopping.get_or_insert(now);
        self.enter(Status::Deprovisioning, now);
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
            Status::Running => {
                times.pull_stopped.get_or_insert(now);
                times.started = Some(now);
            }
            Status::Deprovisioning if times.started.is_some() => {
                times.execution_stopped = Some(now);
                for container in &mut self.containers {
                    // A process that is left is killed.
                    let code = if container.binary.is_some() { EXIT_KILLED } else { EXIT_TERMINATED };
                    container.exit_code.get_or_insert(code);
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
