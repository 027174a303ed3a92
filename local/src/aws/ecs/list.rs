//! `ListTasks`, `DescribeTasks`, `StopTask`.

use serde_json::{Value, json};

use super::{
    arn,
    arns_page::arns_page,
    context::{Context, Outcome},
    error::{invalid_parameter, no_such_service},
    state::State,
    task::{StopCode, Task},
};
use crate::aws::service::ServiceError;
use crate::aws::service::shape::Input;

/// Tasks that one call may describe, and those on a page of the list.
const MAX_TASKS: usize = 100;

/// One page of a cluster's tasks, in the order of their ids.
pub(super) fn list(state: &State, input: Input<'_>, context: &Context<'_>) -> Result<Value, ServiceError> {
    let (name, cluster) = state.cluster(context.region, input.text("cluster"))?;
    let (family, service) = (input.text("family"), input.text("serviceName"));
    let started_by = input.text("startedBy");
    if started_by.is_some() && (family.is_some() || service.is_some()) {
        return Err(invalid_parameter("startedBy must be the only filter."));
    }
    if service.is_some_and(|service| !cluster.services.contains(service)) {
        return Err(no_such_service());
    }
    if input.text("containerInstance").is_some() {
        return Err(invalid_parameter("the local cloud has no container instances"));
    }
    let group = service.map(|service| format!("service:{service}"));
    // To ask for PENDING finds nothing: no task is to be pending.
    let desired_status = input.text("desiredStatus").unwrap_or("RUNNING");
    let is_asked_for = |task: &&Task| {
        task.desired_status() == desired_status
            && family.is_none_or(|family| task.family == family)
            && group.as_ref().is_none_or(|group| task.group == *group)
            && started_by.is_none_or(|who| task.started_by.as_deref() == Some(who))
            && input.text("launchType").is_none_or(|launch_type| launch_type == "FARGATE")
    };
    let tasks = state.tasks_of(name, context.now).filter(is_asked_for);
    let tasks = tasks.map(|task| (task.id.as_str(), arn::task(context.region, name, &task.id)));
    arns_page("taskArns", &format!("tasks of {name}"), tasks, MAX_TASKS, input)
}

/// Those that there are; the others are failures.
pub(super) fn describe(state: &State, input: Input<'_>, context: &Context<'_>) -> Result<Value, ServiceError> {
    let (cluster, _) = state.cluster(context.region, input.text("cluster"))?;
    let named = input.texts("tasks").unwrap_or_default();
    if named.is_empty() {
        return Err(invalid_parameter("Tasks cannot be empty."));
    }
    if named.len() > MAX_TASKS {
        return Err(invalid_parameter("Tasks cannot have more than 100 elements."));
    }
    let with_tags = input.texts("include").is_some_and(|include| include.contains(&"TAGS"));
    let (mut tasks, mut failures) = (Vec::new(), Vec::new());
    for reference in named {
        let id = arn::task_id(context.region, cluster, reference)?;
        match state.task(cluster, id, context.now) {
            Some(task) => tasks.push(task.to_api(context.region, with_tags)),
            None => failures.push(json!({"arn": arn::task(context.region, cluster, id), "reason": "MISSING"})),
        }
    }
    Ok(json!({"tasks": tasks, "failures": failures}))
}

/// Has a task stop. One that is stopping or has stopped is answered as it is.
pub(super) fn stop(state: &mut State, input: Input<'_>, context: &Context<'_>) -> Result<Outcome, ServiceError> {
    let (cluster, _) = state.cluster(context.region, input.text("cluster"))?;
    let id = arn::task_id(context.region, cluster, input.required_text("task"))?;
    let task = state.tasks.get_mut(id).filter(|task| task.cluster == cluster);
    let task = task.ok_or_else(|| invalid_parameter("The referenced task was not found."))?;
    let reason = input.text("reason").unwrap_or("Task stopped by user");
    let has_changed = task.ask_to_stop(StopCode::UserInitiated, reason, context.now);
    let events = has_changed.then(|| task.to_event(context.region)).into_iter().collect();
    Ok(Outcome { output: json!({"task": task.to_api(context.region, true)}), events })
}
