//! Events of what the side door changes.

use serde_json::{Map, Value, json};

use super::answer::deliveries;
use crate::aws::Endpoint;
use crate::plumbing::clock;

/// Puts events on the bus. To `wait` is to answer after their delivery, and how it went.
pub(super) async fn emit(endpoint: &Endpoint, events: Vec<Map<String, Value>>, wait: bool) -> Value {
    let bus = &endpoint.bus;
    if !wait {
        return json!({"events": endpoint.publish(events)});
    }
    let now = clock::now();
    let events: Vec<_> = events.into_iter().map(|event| bus.complete(event, now)).collect();
    let mut delivered = Vec::new();
    for event in &events {
        delivered.extend(bus.put_and_wait(event.clone()).await);
    }
    let mut answer = deliveries(&delivered);
    answer["events"] = events.into();
    answer
}
