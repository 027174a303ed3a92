//! From the tasks to their processes, and back.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;
use tokio::sync::watch;

use super::{
    Ecs, Event,
    process::{End, Exit, Key, Order, Wish},
    state::State,
    task::{Container, Task},
    task_definition::TaskDefinition,
};
use crate::aws::service::ServiceError;

/// How long a container that is told to end may take, in seconds, unless its definition says otherwise.
const STOP_TIMEOUT: u64 = 30;
/// Digits of a task's id that tell one from the others in the log.
const SHORT_ID: usize = 8;

impl Ecs {
    /// Has the processes follow the tasks.
    pub(super) fn follow(&self) {
        if let Some(processes) = &self.processes {
            processes.carry_out(self.state.read(|state| orders(state, &self.region)));
        }
    }

    /// Takes notice of how a process ended; answers the events.
    ///
    /// # Errors
    /// The state file cannot be written.
    pub(crate) fn exited(&self, exit: &Exit, now: OffsetDateTime) -> Result<Vec<Event>, ServiceError> {
        let now = self.context(now).now;
        let Key { task, container } = &exit.key;
        let event = self.state.change(|state| {
            let Some(task) = state.tasks.get_mut(task) else { return Ok::<_, ServiceError>(None) };
            let is_event = match &exit.end {
                End::Exited(code) => task.exited(container, *code, now),
                End::NotStarted(reason) => task.failed_to_start(container, reason, now),
            };
            Ok(is_event.then(|| task.to_event(&self.region)))
        })?;
        self.follow();
        Ok(event.into_iter().collect())
    }

    /// Ends the tasks whose processes were those of another run of the local cloud. Answers an event of each task as it is
    /// now: that run may have ended before its last one was delivered, and events come at least once.
    ///
    /// # Errors
    /// The state file cannot be written.
    pub(crate) fn take_up_tasks(&self, now: OffsetDateTime) -> Result<Vec<Event>, ServiceError> {
        let now = self.context(now).now;
        self.state.change(|state| {
            let events = state.tasks.values_mut().map(|task| {
                task.lose_processes(now);
                task.to_event(&self.region)
            });
            Ok(events.collect())
        })
    }

    /// Kills every process, and waits until they are gone. The tasks stay as they are.
    pub(crate) async fn end_processes(&self) {
        if let Some(processes) = &self.processes {
            processes.end().await;
        }
    }

    /// The port of a task's process on loopback, if it has one, and whether the connections to it are cut, from now on.
    /// `None` if the task has no process.
    pub(crate) fn network(&self, task: &str) -> Option<(Option<u16>, watch::Receiver<bool>)> {
        self.processes.as_ref()?.network(task)
    }
}

/// What the processes are to do, as the tasks are now.
fn orders(state: &State, region: &str) -> Vec<Order> {
    let mut orders = Vec::new();
    for task in state.tasks.values() {
        let Some(definition) = state.definition(region, &task.definition_arn) else { continue };
        orders.extend(task.processes().filter_map(|container| order(task, container, definition)));
    }
    orders
}

fn order(task: &Task, container: &Container, definition: &TaskDefinition) -> Option<Order> {
    let declared = definition.containers().find(|declared| declared["name"] == container.name.as_str())?;
    let mut overrides = task.overrides["containerOverrides"].as_array().into_iter().flatten();
    let overrides = overrides.rfind(|given| given["name"] == container.name.as_str());
    let stop_timeout = Duration::from_secs(declared["stopTimeout"].as_u64().unwrap_or(STOP_TIMEOUT));
    let mut environment = variables(declared);
    environment.extend(overrides.map(variables).unwrap_or_default());
    let command = overrides.map(|given| &given["command"]).filter(|command| command.is_array());
    let command = command.unwrap_or(&declared["command"]).as_array().into_iter().flatten();
    Some(Order {
        key: Key { task: task.id.clone(), container: container.name.clone() },
        wish: if task.is_ending() { Wish::End(stop_timeout) } else { Wish::Run },
        binary: container.binary.clone()?,
        arguments: command.filter_map(Value::as_str).map(str::to_owned).collect(),
        environment,
        listens: declared["portMappings"].as_array().is_some_and(|ports| !ports.is_empty()),
        role: role(task, definition),
        name: format!("{}/{}", task.family, task.id.chars().take(SHORT_ID).collect::<String>()),
    })
}

/// The ARN of the role that the task has, by its overrides or its definition.
fn role(task: &Task, definition: &TaskDefinition) -> Option<String> {
    let given = task.overrides["taskRoleArn"].as_str().or_else(|| definition.get("taskRoleArn")?.as_str());
    given.filter(|role| !role.is_empty()).map(str::to_owned)
}

fn variables(of: &Value) -> BTreeMap<String, String> {
    let variables = of["environment"].as_array().into_iter().flatten();
    let variable =
        |variable: &Value| Some((variable["name"].as_str()?.to_owned(), variable["value"].as_str()?.to_owned()));
    variables.filter_map(variable).collect()
}
