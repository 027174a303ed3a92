//! The side door of ECS: `/_local/ecs/`.

use hyper::body::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Refused, bad_request};
use super::emit::emit;
use super::request::{parse, waits};
use crate::aws::Endpoint;
use crate::plumbing::clock;

/// Routes under the side door's prefix, and what each does.
pub(super) const ROUTES: [(&str, &str); 8] = [
    ("GET ecs/clock", "how ECS tasks move from state to state"),
    ("PUT ecs/clock", "stops ECS tasks between their states, or has them go on"),
    ("POST ecs/tick", "moves ECS tasks one state further: ?wait=true answers after the delivery of their events"),
    ("POST ecs/tasks/{taskId}/crash", "ends a task's container"),
    ("PUT ecs/tasks/{taskId}/network", "cuts the connections to a task's process, or lets them go on"),
    ("PUT ecs/tasks/{taskId}/public-ip", "keeps a task's public address back"),
    ("DELETE ecs/tasks/{taskId}", "has ECS forget a task without an event"),
    ("POST ecs/services/{service}/tasks", "starts tasks as the service's scheduler would"),
];

/// The most steps of one tick: more than the life of a task has.
const MOST_STEPS: u32 = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tick {
    /// An id; every task if left out.
    task: Option<String>,
    #[serde(default = "one")]
    steps: u32,
}

fn one() -> u32 {
    1
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Network {
    cut: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PublicIp {
    associated: bool,
}

/// Answers a request below `ecs/`; `None` if there is no such route.
pub(super) async fn answer(
    endpoint: &Endpoint,
    method: &str,
    path: &[&str],
    query: &[(String, String)],
    body: &Bytes,
) -> Result<Option<Value>, Refused> {
    let ecs = &endpoint.ecs;
    Ok(Some(match (method, path) {
        ("GET", ["clock"]) => json!(ecs.clock()),
        ("PUT", ["clock"]) => json!(ecs.set_clock(body).map_err(bad_request)?),
        ("POST", ["tick"]) => {
            let wait = waits(query)?;
            let Tick { task, steps } = if body.is_empty() { Tick { task: None, steps: 1 } } else { read(body)? };
            if !(1..=MOST_STEPS).contains(&steps) {
                return Err(bad_request(format!("`steps` is 1 to {MOST_STEPS}")));
            }
            let events = {
                let _open = endpoint.gate.read().await;
                ecs.tick(task.as_deref(), steps, clock::now())?
            };
            emit(endpoint, events, wait).await
        }
        ("POST", ["tasks", id, "crash"]) => {
            let wait = waits(query)?;
            let events = {
                let _open = endpoint.gate.read().await;
                ecs.crash(id, clock::now())?
            };
            emit(endpoint, events, wait).await
        }
        ("PUT", ["tasks", id, "network"]) => {
            let Network { cut } = read(body)?;
            ecs.cut(id, cut)?;
            json!({"cut": cut})
        }
        ("PUT", ["tasks", id, "public-ip"]) => {
            let PublicIp { associated } = read(body)?;
            ecs.set_public_ip(id, associated)?;
            json!({"associated": associated})
        }
        ("DELETE", ["tasks", id]) => {
            ecs.forget(id)?;
            json!({})
        }
        ("POST", ["services", name, "tasks"]) => {
            let (wait, input) = (waits(query)?, parse(body)?);
            let outcome = {
                let _open = endpoint.gate.read().await;
                ecs.run_service(name, &input, clock::now())?
            };
            let mut answer = emit(endpoint, outcome.events, wait).await;
            answer["tasks"] = outcome.output["tasks"].clone();
            answer
        }
        _ => return Ok(None),
    }))
}

fn read<T: for<'a> Deserialize<'a>>(body: &[u8]) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|error| bad_request(format!("the body is not as it should be: {error}")))
}
