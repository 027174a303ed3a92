//! `PutEvents`.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::EventBus;
use crate::aws::service::call::Call;
use crate::aws::service::reply::Reply;
use crate::plumbing::clock;

/// Puts events on the bus, each alone.
pub(crate) fn put_events(bus: &Arc<EventBus>, call: &Call) -> Reply {
    let protocol = call.service.protocol();
    if call.operation != "PutEvents" {
        return call.service.unknown_operation(&call.operation);
    }
    let entries = call.input["Entries"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !(1..=10).contains(&entries.len()) {
        return protocol.error(400, "ValidationException", "`Entries` takes 1 to 10 entries");
    }
    let mut failed = 0;
    let results: Vec<_> = entries
        .iter()
        .map(|entry| match event(entry) {
            Ok(event) => {
                let event = bus.complete(event, clock::now());
                let id = event["id"].clone();
                bus.put(event);
                json!({"EventId": id})
            }
            Err(what) => {
                failed += 1;
                json!({"ErrorCode": "InvalidArgument", "ErrorMessage": what})
            }
        })
        .collect();
    protocol.success(&json!({"FailedEntryCount": failed, "Entries": results}))
}

/// The event of one entry of `PutEvents`.
fn event(entry: &Value) -> Result<Map<String, Value>, &'static str> {
    let mut event = Map::new();
    for (member, field) in [("Source", "source"), ("DetailType", "detail-type")] {
        let text = entry[member].as_str().filter(|text| !text.is_empty());
        event.insert(field.to_owned(), text.ok_or("Source and DetailType are required")?.into());
    }
    let detail = entry["Detail"].as_str().and_then(|detail| serde_json::from_str::<Value>(detail).ok());
    event.insert("detail".to_owned(), detail.filter(Value::is_object).ok_or("Detail is malformed")?);
    if entry["EventBusName"].as_str().is_some_and(|bus| bus != "default") {
        return Err("the local cloud has no event bus but default");
    }
    if let Some(time) = entry["Time"].as_f64().and_then(|time| OffsetDateTime::from_unix_timestamp(time as i64).ok()) {
        event.insert("time".to_owned(), clock::rfc3339(time).into());
    }
    if let Some(resources) = entry.get("Resources").filter(|resources| resources.is_array()) {
        event.insert("resources".to_owned(), resources.clone());
    }
    Ok(event)
}
