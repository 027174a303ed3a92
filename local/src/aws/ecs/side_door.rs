//! What ECS has no API for: the passing of time, a container that ends by itself, an address that is late, a task that
//! nobody remembers, and what a service would start.

use serde_json::Value;
use time::OffsetDateTime;
use tokio::sync::watch;

use super::{
    Clock, Ecs, Event, Outcome, error, operation::RUN_TASK, run, run::Launcher, scheduler, state::State, task::Task,
};
use crate::aws::service::ServiceError;
use crate::aws::service::shape::Input;

impl Ecs {
    pub(crate) fn clock(&self) -> Clock {
        *self.clock.borrow()
    }

    /// Sets the clock by `{"mode": "manual"}` or `{"mode": "automatic", "stepMs"?}`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn set_clock(&self, body: &[u8]) -> Result<Clock, String> {
        let clock = Clock::read(body)?;
        self.clock.send_replace(clock);
        Ok(clock)
    }

    /// The clock and its changes.
    pub(crate) fn watch_clock(&self) -> watch::Receiver<Clock> {
        self.clock.subscribe()
    }

    /// Moves one task, or all of them, `steps` states further, as far as there are any; answers the events. With all of
    /// them, the schedulers of the services have their turn after each step.
    ///
    /// # Errors
    /// There is no such task, or the state file cannot be written.
    pub(crate) fn tick(&self, task: Option<&str>, steps: u32, now: OffsetDateTime) -> Result<Vec<Event>, ServiceError> {
        let context = self.context(now);
        let now = context.now;
        let any_moves = self.state.read(|state| match task {
            Some(id) => state.tasks.get(id).map(Task::moves).ok_or_else(|| no_such_task(id)),
            None => Ok(state.tasks.values().any(Task::moves) || scheduler::is_due(state, now)),
        })?;
        if !any_moves {
            return Ok(Vec::new());
        }
        let events = self.state.change(|state| {
            let mut events = Vec::new();
            for _ in 0..steps {
                let moving = state.tasks.values_mut().filter(|one| task.is_none_or(|id| one.id == id));
                let moved = moving.filter_map(|task| task.advance(now).then(|| task.to_event(&self.region)));
                events.extend(moved);
                if task.is_none() {
                    events.extend(scheduler::run(state, &context));
                }
            }
            state.forget_expired(now);
            Ok::<_, ServiceError>(events)
        })?;
        self.follow();
        Ok(events)
    }

    /// Ends the essential container of a running task. A process is killed.
    ///
    /// # Errors
    /// There is no such task, or it does not run.
    pub(crate) fn crash(&self, id: &str, now: OffsetDateTime) -> Result<Vec<Event>, ServiceError> {
        let now = self.context(now).now;
        let event = self.state.change(|state| {
            let task = task_mut(state, id)?;
            if !task.crash(now) {
                let what = format!("the task is {}: only a running one can crash", task.status.as_str());
                return Err(ServiceError::new(409, "ConflictException", what));
            }
            Ok(task.to_event(&self.region))
        })?;
        self.follow();
        Ok(vec![event])
    }

    /// Keeps the public address of a task back, or no longer. ECS does not know of it: there is no event.
    ///
    /// # Errors
    /// There is no such task.
    pub(crate) fn set_public_ip(&self, id: &str, associated: bool) -> Result<(), ServiceError> {
        self.state.change(|state| {
            task_mut(state, id)?.interface.is_association_pending = !associated;
            Ok(())
        })
    }

    /// Forgets a task without an event, as if it had stopped over an hour ago.
    ///
    /// # Errors
    /// There is no such task.
    pub(crate) fn forget(&self, id: &str) -> Result<(), ServiceError> {
        self.state.change(|state| state.tasks.remove(id).map(drop).ok_or_else(|| no_such_task(id)))?;
        self.follow();
        Ok(())
    }

    /// Cuts the connections to a task, or lets them go on.
    ///
    /// # Errors
    /// There is no such task, or it has no process.
    pub(crate) fn cut(&self, id: &str, cut: bool) -> Result<(), ServiceError> {
        self.state.read(|state| state.tasks.contains_key(id).then_some(()).ok_or_else(|| no_such_task(id)))?;
        match self.processes.as_ref().is_some_and(|processes| processes.cut(id, cut)) {
            true => Ok(()),
            false => Err(ServiceError::new(409, "ConflictException", "the task has no process that runs")),
        }
    }

    /// Starts tasks as the scheduler of a service does. The input is that of `RunTask`.
    ///
    /// # Errors
    /// As `RunTask`.
    pub(crate) fn run_service(&self, name: &str, input: &Value, now: OffsetDateTime) -> Result<Outcome, ServiceError> {
        let input = Input::check(RUN_TASK, input).map_err(error::invalid_parameter)?;
        let context = self.context(now);
        self.state.change(|state| {
            state.forget_expired(context.now);
            run::start(state, input, &context, &Launcher::Service(name))
        })
    }
}

fn task_mut<'a>(state: &'a mut State, id: &str) -> Result<&'a mut Task, ServiceError> {
    state.tasks.get_mut(id).ok_or_else(|| no_such_task(id))
}

fn no_such_task(id: &str) -> ServiceError {
    ServiceError::new(404, "ResourceNotFoundException", format!("there is no task `{id}`"))
}
