//! The side door of stages: `/_local/stages/`.

use serde_json::Value;

use super::answer::Refused;
use super::emit::emit;
use super::request::{parameters, truth};
use crate::aws::Endpoint;
use crate::aws::ivs_realtime::Who;
use crate::plumbing::clock;

/// Routes under the side door's prefix, and what each does.
pub(super) const ROUTES: [(&str, &str); 3] = [
    (
        "PUT stages/{stageId}/participants/{participantId}/published",
        "a participant begins to publish: ?wait=true answers after the delivery of the event, ?connection= says by which",
    ),
    ("DELETE stages/{stageId}/participants/{participantId}/published", "it stops to publish, and stays"),
    ("DELETE stages/{stageId}/participants/{participantId}", "it leaves, and may come back"),
];

/// Answers a request below `stages/`; `None` if there is no such route.
pub(super) async fn answer(
    endpoint: &Endpoint,
    method: &str,
    path: &[&str],
    query: &[(String, String)],
) -> Result<Option<Value>, Refused> {
    let [stage, "participants", participant, rest @ ..] = path else { return Ok(None) };
    let (ivs, now) = (&endpoint.ivs.real_time, clock::now());
    let [wait, connection] = parameters(query, ["wait", "connection"])?;
    let wait = truth("wait", wait)?;
    let who = Who { stage, participant, connection };
    let (answer, events) = {
        let _open = endpoint.gate.read().await;
        let answer = match (method, rest) {
            ("PUT", ["published"]) => ivs.publish(who, now)?,
            ("DELETE", ["published"]) => ivs.unpublish(who, now)?,
            ("DELETE", []) => ivs.leave(who, now)?,
            _ => return Ok(None),
        };
        (answer, ivs.take_events())
    };
    let mut told = emit(endpoint, events, wait).await;
    told["participant"] = answer;
    Ok(Some(told))
}
