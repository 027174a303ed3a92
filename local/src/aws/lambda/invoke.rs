//! `Invoke`.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hyper::body::Bytes;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::event_queue::EventQueue;
use super::operation::INVOKE;
use super::outcome::{EVENT_PAYLOAD_LIMIT, PAYLOAD_LIMIT};
use super::reference::{Reference, function_not_found};
use crate::aws::service::ServiceError;
use crate::aws::service::call::Call;
use crate::aws::service::reply::Reply;
use crate::aws::service::shape::Input;
use crate::plumbing::http_server;
use crate::template::Function;

/// Invokes a function and waits for its answer, or leaves an event for it in the queue.
pub(crate) async fn invoke(queue: &Arc<EventQueue>, call: &Call) -> Reply {
    let protocol = call.service.protocol();
    if call.operation != "Invoke" {
        return call.service.unknown_operation(&call.operation);
    }
    let input = with_headers(call);
    let (function, kind) = match check(queue, call, &input) {
        Ok(checked) => checked,
        Err(error) => return protocol.service_error(&error),
    };
    let payload = if call.body.is_empty() { Bytes::from_static(b"{}") } else { call.body.clone() };
    match kind {
        "Event" => {
            queue.accept(&function.id, payload);
            protocol.body(202, String::new())
        }
        "DryRun" => protocol.body(204, String::new()),
        _ => {
            let wants_log = input["LogType"] == "Tail";
            let (outcome, log) = queue.lambda.invoke_logged(&function.id, payload, wants_log).await;
            let failed = outcome.is_err();
            let body = outcome.unwrap_or_else(|error| error.payload);
            let mut answer = http_server::answer(200, "application/json", body);
            http_server::set_header(&mut answer, "x-amz-executed-version", "$LATEST");
            if failed {
                http_server::set_header(&mut answer, "x-amz-function-error", "Unhandled");
            }
            if let Some(log) = log {
                http_server::set_header(&mut answer, "x-amz-log-result", &BASE64_STANDARD.encode(log));
            }
            Reply { answer, error_code: None, denied_action: None, consumed_capacity: None }
        }
    }
}

/// The input with the members that are headers.
fn with_headers(call: &Call) -> Value {
    let mut input = call.input.clone();
    for (member, header) in [("InvocationType", "x-amz-invocation-type"), ("LogType", "x-amz-log-type")] {
        if let Some(value) = call.headers.get(header) {
            input[member] = json!(String::from_utf8_lossy(value.as_bytes()));
        }
    }
    input
}

/// The function that is meant, and how it is invoked.
fn check<'q, 'i>(
    queue: &'q EventQueue,
    call: &Call,
    input: &'i Value,
) -> Result<(&'q Function, &'i str), ServiceError> {
    let checked = Input::check(INVOKE, input);
    let checked = checked.map_err(|message| ServiceError::new(400, "ValidationException", message))?;
    let kind = checked.text("InvocationType").unwrap_or("RequestResponse");
    let limit = if kind == "Event" { EVENT_PAYLOAD_LIMIT } else { PAYLOAD_LIMIT };
    let size = call.body.len();
    if size > limit {
        let what = format!("{size} byte payload is too large for the {kind} invocation type (limit {limit} bytes)");
        return Err(ServiceError::new(413, "RequestTooLargeException", what));
    }
    // The check has seen that it is one.
    let reference = Reference::parse(checked.required_text("FunctionName"))
        .ok_or_else(|| ServiceError::new(400, "ValidationException", "the function's name is malformed"))?;
    let qualifier = checked.text("Qualifier").filter(|qualifier| !qualifier.is_empty());
    reference.check(&queue.region, qualifier)?;
    let function = queue.lambda.function(reference.name());
    let function =
        function.ok_or_else(|| function_not_found(&reference.arn(&queue.region, reference.name(), qualifier)))?;
    if kind != "DryRun"
        && !call.body.is_empty()
        && let Err(error) = serde_json::from_slice::<IgnoredAny>(&call.body)
    {
        let what = format!("Could not parse request body into json: {error}");
        return Err(ServiceError::new(400, "InvalidRequestContentException", what));
    }
    Ok((function, kind))
}
