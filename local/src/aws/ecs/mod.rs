//! Amazon ECS, as far as Fargate tasks go: clusters, task definitions, tasks and the events of their life.
//!
//! After the service model `ecs` 2014-11-13 and the Amazon ECS developer guide. A task is a record, which a
//! [clock](Clock) moves from state to state; a container of an image that stands for a binary is a
//! [process] besides. A service keeps a count of tasks. Container instances and capacity providers of one's own
//! are not here.

mod agent;
pub(crate) mod agent_url;
mod arn;
mod arns_page;
mod capacity;
mod clock;
mod cluster;
mod context;
mod declare;
mod description;
mod error;
mod fargate;
mod interface;
mod inventory;
mod list;
mod operation;
mod permission;
mod process;
mod processes;
mod register;
mod run;
mod scheduler;
mod serve;
mod service;
mod side_door;
mod state;
mod status;
mod tags;
mod task;
mod task_definition;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;
use time::OffsetDateTime;
use tokio::sync::watch;

pub(crate) use self::clock::Clock;
pub(crate) use self::context::{Event, Outcome};
pub(crate) use self::process::{Certificates, Exit, ProcessSettings, Processes};
use self::{
    context::Context,
    operation::{OPERATIONS, Run},
    state::State,
};
use crate::aws::assumptions::Assumed;
use crate::aws::ec2::NetworkInterface;
use crate::aws::service::operation::Operation;
use crate::aws::service::shape::Input;
use crate::aws::service::{Requirement, ServiceError};
use crate::plumbing::state_file::Stored;

/// The service in one region.
pub(crate) struct Ecs {
    region: String,
    state: Stored<State>,
    clock: watch::Sender<Clock>,
    /// None: every container is a record.
    processes: Option<Processes>,
    assumed: Assumed,
}

impl Ecs {
    /// The service with what `state_file` remembers; without a file, everything is in memory and new. The clock runs by
    /// itself at first.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub(crate) fn open(region: &str, state_file: Option<PathBuf>) -> anyhow::Result<Self> {
        let state = Stored::open(state_file)?;
        Ok(Self {
            region: region.to_owned(),
            state,
            clock: watch::Sender::default(),
            processes: None,
            assumed: Assumed::default(),
        })
    }

    /// Containers of images that stand for binaries are processes.
    pub(crate) fn with_processes(self, processes: Processes) -> Self {
        Self { processes: Some(processes), ..self }
    }

    /// What is assumed of ECS.
    pub(crate) fn assuming(self, assumed: Assumed) -> Self {
        Self { assumed, ..self }
    }

    /// The name of every operation that the local cloud has.
    pub(crate) fn operations() -> impl Iterator<Item = &'static str> {
        Operation::names(&OPERATIONS)
    }

    /// The permissions that this call needs.
    pub(crate) fn requirements(&self, operation: &str, input: &Value) -> Vec<Requirement> {
        self.state.read(|state| permission::requirements(state, &self.region, operation, input))
    }

    /// Carries out one call. The caller sees to it that the events reach the event bus.
    ///
    /// # Errors
    /// As the service's model lists them for the operation; an unknown operation is `UnknownOperationException`.
    pub(crate) fn call(&self, operation: &str, input: &Value, now: OffsetDateTime) -> Result<Outcome, ServiceError> {
        let operation = Operation::named(&OPERATIONS, operation).ok_or_else(|| error::unknown_operation(operation))?;
        let input = Input::check(operation.input, input).map_err(error::invalid_parameter)?;
        let context = self.context(now);
        match operation.run {
            Run::Read(run) => {
                let output = self.state.read(|state| run(state, input, &context))?;
                Ok(Outcome { output, events: Vec::new() })
            }
            Run::Write(run) => {
                let outcome = self.state.change(|state| {
                    state.forget_expired(context.now);
                    run(state, input, &context)
                })?;
                self.follow();
                Ok(outcome)
            }
        }
    }

    /// The network interfaces of the tasks, as EC2 knows them.
    pub(crate) fn network_interfaces(&self) -> Vec<NetworkInterface> {
        self.state.read(|state| {
            state
                .tasks
                .values()
                .filter_map(|task| task.interface.network_interface(task.status, &self.region))
                .collect()
        })
    }

    /// Forgets everything, and lets the clock run by itself.
    pub(crate) fn reset(&self) {
        self.state.change_anyway(|state| *state = State::default());
        self.clock.send_replace(Clock::default());
        self.follow();
    }

    fn context(&self, now: OffsetDateTime) -> Context<'_> {
        static NONE: BTreeMap<String, String> = BTreeMap::new();
        let binaries = self.processes.as_ref().map_or(&NONE, Processes::binaries);
        let long_task_life = self.assumed.now().long_task_life;
        Context { region: &self.region, now: crate::plumbing::clock::epoch_millis(now), binaries, long_task_life }
    }
}
