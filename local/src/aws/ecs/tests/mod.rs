//! The service through its calls.

mod capacity;
mod cluster;
mod lifecycle;
mod network;
mod permission;
mod run;
mod services;
mod tasks;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

use super::{Ecs, Event, Outcome};

const NOW: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);
const REGION: &str = "eu-central-1";
/// An id that no task has.
const NOBODY: &str = "00000000000000000000000000000000";

/// A service with the cluster `default` and the task definition `web:1` for Fargate.
fn ready() -> Ecs {
    let ecs = Ecs::open(REGION, None).unwrap();
    call(&ecs, "CreateCluster", json!({}));
    call(&ecs, "RegisterTaskDefinition", definition());
    ecs
}

fn definition() -> Value {
    json!({
        "family": "web",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [{"name": "app", "image": "app:1", "cpu": 10}, {"name": "log", "image": "log:1"}],
    })
}

/// A request of `RunTask` that is right, with these changes.
fn request(changes: Value) -> Value {
    let mut request = json!({
        "taskDefinition": "web",
        "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": {
            "subnets": ["subnet-1"], "securityGroups": ["sg-1"], "assignPublicIp": "ENABLED",
        }},
    });
    for (member, value) in changes.as_object().unwrap() {
        request[member] = value.clone();
    }
    request
}

fn outcome(ecs: &Ecs, operation: &str, input: Value) -> Outcome {
    ecs.call(operation, &input, NOW).unwrap_or_else(|error| panic!("{operation} {input}: {error:?}"))
}

fn call(ecs: &Ecs, operation: &str, input: Value) -> Value {
    outcome(ecs, operation, input).output
}

/// Code and message.
fn refusal(ecs: &Ecs, operation: &str, input: Value) -> (&'static str, String) {
    match ecs.call(operation, &input, NOW) {
        Ok(outcome) => panic!("{operation} {input}: {}", outcome.output),
        Err(error) => (error.code, error.message),
    }
}

/// Starts a task and answers its id.
fn run(ecs: &Ecs) -> String {
    id(&call(ecs, "RunTask", request(json!({})))["tasks"][0])
}

fn id(task: &Value) -> String {
    task["taskArn"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
}

fn describe(ecs: &Ecs, id: &str) -> Value {
    call(ecs, "DescribeTasks", json!({"tasks": [id]}))["tasks"][0].clone()
}

fn tick(ecs: &Ecs, steps: u32) -> Vec<Event> {
    ecs.tick(None, steps, NOW).unwrap()
}

/// A task that runs.
fn running(ecs: &Ecs) -> String {
    let id = run(ecs);
    ecs.tick(Some(&id), 3, NOW).unwrap();
    id
}

/// `lastStatus`, `desiredStatus` and version of each event.
fn states(events: &[Event]) -> Vec<(&str, &str, u64)> {
    events
        .iter()
        .map(|event| {
            let detail = &event["detail"];
            let text = |member: &str| detail[member].as_str().unwrap();
            (text("lastStatus"), text("desiredStatus"), detail["version"].as_u64().unwrap())
        })
        .collect()
}
