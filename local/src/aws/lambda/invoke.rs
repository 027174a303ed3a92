//! `Invoke`.

use std::sync::Arc;

use hyper::body::Bytes;

use super::event_queue::EventQueue;
use super::outcome::PAYLOAD_LIMIT;
use crate::aws::service::ACCOUNT;
use crate::aws::service::call::Call;
use crate::aws::service::reply::Reply;
use crate::plumbing::http_server;

/// Invokes a function and waits for its answer, or leaves an event for it in the queue.
pub(crate) async fn invoke(queue: &Arc<EventQueue>, call: &Call) -> Reply {
    let protocol = call.service.protocol();
    let name = call.input["FunctionName"].as_str().unwrap_or_default();
    let Some(function) = queue.lambda.function(name) else {
        let arn = format!("arn:aws:lambda:{}:{ACCOUNT}:function:{name}", queue.region);
        return protocol.error(404, "ResourceNotFoundException", &format!("Function not found: {arn}"));
    };
    if call.body.len() > PAYLOAD_LIMIT {
        return protocol.error(413, "RequestTooLargeException", "the payload is larger than 6 MB");
    }
    let payload = if call.body.is_empty() { Bytes::from_static(b"{}") } else { call.body.clone() };
    match call.headers.get("x-amz-invocation-type").map_or("RequestResponse", |kind| kind.to_str().unwrap_or("")) {
        "RequestResponse" => {
            let outcome = queue.lambda.invoke(&function.id, payload).await;
            let failed = outcome.is_err();
            let body = outcome.unwrap_or_else(|error| error.payload);
            let mut answer = http_server::answer(200, "application/json", body);
            http_server::set_header(&mut answer, "x-amz-executed-version", "$LATEST");
            if failed {
                http_server::set_header(&mut answer, "x-amz-function-error", "Unhandled");
            }
            Reply { answer, error_code: None, denied_action: None, consumed_capacity: None }
        }
        "Event" => {
            queue.accept(&function.id, payload);
            protocol.body(202, String::new())
        }
        "DryRun" => protocol.body(204, String::new()),
        other => protocol.error(400, "InvalidParameterValueException", &format!("unknown invocation type `{other}`")),
    }
}
