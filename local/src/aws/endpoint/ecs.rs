//! From what changes in ECS to the event bus, and the job that lets time pass.

use std::sync::Arc;

use serde_json::Value;

use crate::aws::ecs::Event;
use crate::aws::endpoint::Endpoint;
use crate::aws::service::call::Call;
use crate::aws::service::reply::Reply;
use crate::plumbing::clock;

impl Endpoint {
    /// Answers a call to ECS, and puts the events of what it changed on the bus.
    pub(in crate::aws) fn call_ecs(&self, call: &Call) -> Reply {
        let protocol = call.service.protocol();
        match self.ecs.call(&call.operation, &call.input, clock::now()) {
            Ok(outcome) => {
                self.publish(outcome.events);
                protocol.success(&outcome.output)
            }
            Err(error) => protocol.service_error(&error),
        }
    }

    /// Puts events on the bus, and answers them as they are delivered.
    pub(crate) fn publish(&self, events: Vec<Event>) -> Vec<Value> {
        let now = clock::now();
        let events: Vec<_> = events.into_iter().map(|event| self.bus.complete(event, now)).collect();
        for event in &events {
            self.bus.put(event.clone());
        }
        events
    }

    /// Moves the tasks on for as long as the local cloud runs, at the pace of the clock.
    pub(crate) async fn run_ecs_clock(self: Arc<Self>) {
        let mut clock = self.ecs.watch_clock();
        loop {
            let step = clock.borrow_and_update().step();
            let changed = match step {
                Some(step) => tokio::select! {
                    changed = clock.changed() => Some(changed),
                    () = tokio::time::sleep(step) => None,
                },
                None => Some(clock.changed().await),
            };
            match changed {
                // The step is over.
                None => {
                    let _open = self.gate.read().await;
                    // A state file that cannot be written: the next step tries again.
                    if let Ok(events) = self.ecs.tick(None, 1, clock::now()) {
                        self.publish(events);
                    }
                }
                // Another pace.
                Some(Ok(())) => {}
                Some(Err(_)) => return,
            }
        }
    }
}
