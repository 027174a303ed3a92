//! From what changes in ECS to the event bus, and the job that lets time pass.

use std::sync::Arc;

use anyhow::anyhow;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::aws::ecs::{Event, Exit};
use crate::aws::endpoint::Endpoint;
use crate::aws::service::call::Call;
use crate::aws::service::reply::Reply;
use crate::plumbing::clock;
use crate::template::EcsResources;

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

    /// Takes up what the last run of the local cloud has left, and deploys what the template declares.
    pub(crate) fn start_ecs(&self, resources: &EcsResources) -> anyhow::Result<()> {
        let now = clock::now();
        let taken_up = self.ecs.take_up_tasks(now).map_err(|error| anyhow!(error.message))?;
        self.publish(taken_up);
        self.deploy_ecs(resources)
    }

    /// Deploys what the template declares of ECS.
    pub(crate) fn deploy_ecs(&self, resources: &EcsResources) -> anyhow::Result<()> {
        let deployed = self.ecs.declare(resources, clock::now());
        deployed.map_err(|error| anyhow!("ECS refuses what the template declares: {}", error.message))
    }

    /// Takes notice of the ends of processes for as long as the local cloud runs.
    pub(crate) async fn follow_processes(self: Arc<Self>, mut exits: mpsc::UnboundedReceiver<Exit>) {
        while let Some(exit) = exits.recv().await {
            let _open = self.gate.read().await;
            // A state file that cannot be written: the process stays dead, and the task seems to run.
            if let Ok(events) = self.ecs.exited(&exit, clock::now()) {
                self.publish(events);
            }
        }
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
