//! What keeps the count of a service's tasks: starts those that are missing, stops those that are too many, and replaces
//! those of an older deployment.

use serde_json::{Value, json};

use super::{
    context::{Context, Event},
    error,
    operation::RUN_TASK,
    run::{self, Launcher},
    service::{Deployment, Service, ServiceStatus},
    state::State,
    status::Status,
    task::{StopCode, Task},
};
use crate::aws::service::shape::Input;

/// How long a place stays empty once its task has ended, in milliseconds.
const PAUSE: i64 = 2_000;
/// The longest pause, after tasks that end at once again and again.
const LONGEST_PAUSE: i64 = 60_000;
/// A task that ran no longer than this has failed, in milliseconds.
const SHORT_LIFE: i64 = 10_000;
/// Tasks that one `RunTask` starts.
const AT_ONCE: usize = 10;

/// Whether a service is not as it is to be, or may not be.
pub(super) fn is_due(state: &State, now: i64) -> bool {
    state.services.values().any(|service| match service.status {
        ServiceStatus::Active => {
            let (current, older) = tasks(state, service);
            service.deployments.len() > 1
                || !older.is_empty()
                || (current.len() != service.desired_count && service.paused_until <= now)
                || service.placed.iter().any(|id| !current.iter().any(|task| task.id == *id))
        }
        ServiceStatus::Draining => true,
        ServiceStatus::Inactive => false,
    })
}

/// Brings every service one step nearer to what it is to be; answers the events of its tasks.
pub(super) fn run(state: &mut State, context: &Context<'_>) -> Vec<Event> {
    let mut events = Vec::new();
    let keys: Vec<_> = state.services.keys().cloned().collect();
    for key in keys {
        // Taken out for as long as the tasks are changed.
        let Some(mut service) = state.services.remove(&key) else { continue };
        match service.status {
            ServiceStatus::Active => keep(state, &mut service, context, &mut events),
            ServiceStatus::Draining => drain(state, &mut service, context, &mut events),
            ServiceStatus::Inactive => {}
        }
        state.services.insert(key, service);
    }
    events
}

/// The tasks of the primary deployment that are to run, the oldest first, and those of the others.
fn tasks<'a>(state: &'a State, service: &Service) -> (Vec<&'a Task>, Vec<&'a Task>) {
    let primary = service.deployments.first().map(|deployment| deployment.id.as_str());
    let mut tasks: Vec<_> = state.tasks.values().filter(|task| service.has(task)).collect();
    tasks.sort_by_key(|task| task.times.created);
    tasks.into_iter().partition(|task| task.started_by.as_deref() == primary)
}

fn keep(state: &mut State, service: &mut Service, context: &Context<'_>, events: &mut Vec<Event>) {
    pause_for_lost_tasks(state, service, context.now);
    let desired = service.desired_count;
    let (current, older) = tasks(state, service);
    let is_running = |task: &&&Task| task.status == Status::Running;
    let running = current.iter().filter(is_running).count();
    let surplus: Vec<_> = current.iter().skip(desired).map(|task| task.id.clone()).collect();
    // Those that do not run yet are of no use to anybody.
    let healthy_least = (desired * service.percent("minimumHealthyPercent", 100)).div_ceil(100);
    let mut spare = (running + older.iter().filter(is_running).count()).saturating_sub(healthy_least);
    let replaced = older.iter().filter(|task| {
        let is_spare = task.status != Status::Running || spare > 0;
        if is_spare && task.status == Status::Running {
            spare -= 1;
        }
        is_spare
    });
    let replaced: Vec<_> = replaced.map(|task| task.id.clone()).collect();
    let (count, older_count) = (current.len(), older.len());

    stop(state, service, surplus.iter().chain(&replaced), context, events);
    let most = (desired * service.percent("maximumPercent", 200) / 100).saturating_sub(count + older_count);
    let missing = desired.saturating_sub(count).min(most);
    if missing > 0 && service.paused_until <= context.now {
        start(state, service, missing, context, events);
    }
    if older_count == 0 && running == desired && service.deployments.len() > 1 {
        service.deployments.truncate(1);
        service.tell("has reached a steady state.", context.now);
    }
    let placed = tasks(state, service).0.iter().map(|task| task.id.clone()).collect();
    service.placed = placed;
}

/// Waits before tasks that have ended are replaced: the longer, the more of them ended at once.
fn pause_for_lost_tasks(state: &State, service: &mut Service, now: i64) {
    let current: Vec<_> = tasks(state, service).0.iter().map(|task| task.id.clone()).collect();
    let lost = service.placed.iter().filter(|id| !current.contains(id)).count();
    if lost == 0 {
        return;
    }
    let has_failed = |id: &String| {
        let Some(task) = state.tasks.get(id) else { return false };
        let is_own_end = task.stop.as_ref().is_some_and(|stop| stop.code != StopCode::UserInitiated);
        let ran = task.times.started.map_or(0, |started| task.times.stopping.unwrap_or(now) - started);
        is_own_end && ran < SHORT_LIFE
    };
    let failed = service.placed.iter().any(|id| !current.contains(id) && has_failed(id));
    service.failures = if failed { service.failures.saturating_add(1) } else { 0 };
    let pause = PAUSE.saturating_mul(1 << service.failures.saturating_sub(1).min(10)).min(LONGEST_PAUSE);
    service.paused_until = now + pause;
}

fn drain(state: &mut State, service: &mut Service, context: &Context<'_>, events: &mut Vec<Event>) {
    let (current, older) = tasks(state, service);
    let all: Vec<_> = current.into_iter().chain(older).map(|task| task.id.clone()).collect();
    stop(state, service, all.iter(), context, events);
    let group = service.group();
    let is_left =
        |task: &Task| task.cluster == service.cluster && task.group == group && task.status != Status::Stopped;
    if !state.tasks.values().any(is_left) {
        service.status = ServiceStatus::Inactive;
    }
}

fn stop<'a>(
    state: &mut State,
    service: &mut Service,
    ids: impl Iterator<Item = &'a String>,
    context: &Context<'_>,
    events: &mut Vec<Event>,
) {
    let deployment = service.deployments.first().map(|deployment| deployment.id.clone()).unwrap_or_default();
    let reason = format!("Scaling activity initiated by (deployment {deployment})");
    for id in ids {
        let Some(task) = state.tasks.get_mut(id) else { continue };
        if task.ask_to_stop(StopCode::ServiceSchedulerInitiated, &reason, context.now) {
            events.push(task.to_event(context.region));
            service.tell(&format!("has stopped 1 running tasks: (task {id})."), context.now);
        }
    }
}

fn start(state: &mut State, service: &mut Service, count: usize, context: &Context<'_>, events: &mut Vec<Event>) {
    let Some(deployment) = service.deployments.first().cloned() else { return };
    for started in (0..count).step_by(AT_ONCE) {
        let request = request(service, &deployment, AT_ONCE.min(count - started));
        let outcome = Input::check(RUN_TASK, &request)
            .map_err(error::invalid_parameter)
            .and_then(|input| run::start(state, input, context, &Launcher::Service(&service.name)));
        match outcome {
            Ok(outcome) => {
                for task in outcome.output["tasks"].as_array().into_iter().flatten() {
                    let id = task["taskArn"].as_str().and_then(|arn| arn.rsplit('/').next()).unwrap_or_default();
                    service.tell(&format!("has started 1 tasks: (task {id})."), context.now);
                }
                events.extend(outcome.events);
            }
            Err(error) => {
                service.tell(&format!("was unable to place a task. Reason: {}", error.message), context.now);
                service.paused_until = context.now + LONGEST_PAUSE;
                return;
            }
        }
    }
}

/// The input of `RunTask`.
fn request(service: &Service, deployment: &Deployment, count: usize) -> Value {
    let mut request = deployment.launch.clone();
    let mut set = |member: &str, value: Value| request.insert(member.to_owned(), value);
    set("cluster", json!(service.cluster));
    set("taskDefinition", json!(deployment.definition_arn));
    set("startedBy", json!(deployment.id));
    set("count", json!(count));
    if let Some(enabled) = service.settings.get("enableExecuteCommand") {
        set("enableExecuteCommand", enabled.clone());
    }
    match service.settings.get("propagateTags").and_then(Value::as_str) {
        Some("SERVICE") => _ = set("tags", super::tags::to_json(&service.tags)),
        Some("TASK_DEFINITION") => _ = set("propagateTags", json!("TASK_DEFINITION")),
        _ => {}
    }
    request.into()
}
