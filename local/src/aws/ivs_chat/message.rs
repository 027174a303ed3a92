//! What is sent to clients ("Amazon IVS Chat Messaging API Reference"), and the operations that send it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::context::Context;
use super::state::{Order, State, Token};
use crate::aws::service::ServiceError;
use crate::aws::service::shape::Input;
use crate::aws::video::error::validation;
use crate::plumbing::{clock, ids};

/// Bytes that the attributes of a message, an event or a token may have.
const MOST_ATTRIBUTES: usize = 1024;

/// Checks what no shape of the model says.
///
/// # Errors
/// Attributes that are too long.
pub(super) fn check_attributes(attributes: &BTreeMap<String, String>) -> Result<(), String> {
    let bytes: usize = attributes.iter().map(|(key, value)| key.len() + value.len()).sum();
    if bytes > MOST_ATTRIBUTES {
        return Err(format!("the attributes have {bytes} bytes, more than {MOST_ATTRIBUTES}"));
    }
    Ok(())
}

/// A message of the id of a room or a message.
pub(super) fn id() -> String {
    ids::alphanumeric(12)
}

/// An event, which `request` of a client may have caused.
pub(super) fn event(name: &str, attributes: &Map<String, Value>, request: &str, now: OffsetDateTime) -> Value {
    json!({
        "Type": "EVENT",
        "Id": id(),
        "RequestId": request,
        "EventName": name,
        "Attributes": attributes,
        "SendTime": clock::rfc3339_millis(now),
    })
}

/// A message of a client's.
pub(super) fn message(
    id: &str,
    sender: &Token,
    content: &str,
    attributes: &Value,
    request: &str,
    now: OffsetDateTime,
) -> Value {
    json!({
        "Type": "MESSAGE",
        "Id": id,
        "RequestId": request,
        "Content": content,
        "Attributes": attributes,
        "SendTime": clock::rfc3339_millis(now),
        "Sender": {"UserId": sender.user_id, "Attributes": sender.attributes},
    })
}

/// Why a request of a client's was refused. The client takes a number alone as a code.
pub(super) fn error(code: u16, what: &str, request: &str) -> Value {
    json!({"Type": "ERROR", "Id": id(), "RequestId": request, "ErrorCode": code, "ErrorMessage": what})
}

/// The event by which clients hide a message.
pub(super) fn deletion(message: &str, reason: Option<&str>, request: &str, now: OffsetDateTime) -> Value {
    event("aws:DELETE_MESSAGE", &with_reason("MessageID", message, reason), request, now)
}

/// The event by which clients learn who is sent away.
pub(super) fn disconnection(user_id: &str, reason: Option<&str>, request: &str, now: OffsetDateTime) -> Value {
    event("aws:DISCONNECT_USER", &with_reason("UserId", user_id, reason), request, now)
}

fn with_reason(name: &str, value: &str, reason: Option<&str>) -> Map<String, Value> {
    let reason = reason.map(|reason| ("Reason".to_owned(), json!(reason)));
    [(name.to_owned(), json!(value))].into_iter().chain(reason).collect()
}

/// `SendEvent`.
pub(super) fn send_event(state: &mut State, input: Input<'_>, context: &Context<'_>) -> Result<Value, ServiceError> {
    let room = input.required_text("roomIdentifier");
    state.room(room)?;
    let attributes = input.text_map("attributes");
    check_attributes(&attributes).map_err(validation)?;
    let attributes = attributes.into_iter().map(|(key, value)| (key, Value::from(value))).collect();
    let frame = event(input.required_text("eventName"), &attributes, "", context.now);
    let answer = json!({"id": frame["Id"]});
    state.orders.push(Order::Tell { room: room.to_owned(), frame });
    Ok(answer)
}

/// `DeleteMessage`. The service keeps no message, and does not know which there were.
pub(super) fn delete(state: &mut State, input: Input<'_>, context: &Context<'_>) -> Result<Value, ServiceError> {
    let room = input.required_text("roomIdentifier");
    state.room(room)?;
    let frame = deletion(input.required_text("id"), input.text("reason"), "", context.now);
    let answer = json!({"id": frame["Id"]});
    state.orders.push(Order::Tell { room: room.to_owned(), frame });
    Ok(answer)
}

/// `DisconnectUser`. Their tokens stay what they are.
pub(super) fn disconnect(state: &mut State, input: Input<'_>, context: &Context<'_>) -> Result<Value, ServiceError> {
    let room = input.required_text("roomIdentifier");
    state.room(room)?;
    let user_id = input.required_text("userId");
    let frame = disconnection(user_id, input.text("reason"), "", context.now);
    state.orders.push(Order::Disconnect { room: room.to_owned(), user_id: user_id.to_owned(), frame });
    Ok(json!({}))
}
