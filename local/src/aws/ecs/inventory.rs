//! Everything that there is, for those who look at all of it.

use serde_json::Value;

use super::{Ecs, arn, status::Status};
use crate::aws::service::resource::Resource;

impl Ecs {
    /// The tasks that have not stopped, and the services.
    pub(crate) fn inventory(&self) -> Vec<Resource> {
        self.state.read(|state| {
            let tasks = state.tasks.values().filter(|task| task.times.stopped.is_none()).map(|task| Resource {
                arn: arn::task(&self.region, &task.cluster, &task.id),
                service: "ecs",
                kind: "task",
                name: task.id.clone(),
                state: task.status.as_str().to_owned(),
                // Its events have yet to say where it runs, or have said that it ends.
                is_kept_in_rows: task.status == Status::Running,
                ids: vec![task.id.clone(), arn::task(&self.region, &task.cluster, &task.id)],
                tags: task.tags.clone(),
                description: task.to_api(&self.region, true),
            });
            let services = state.services.values().map(|service| {
                let description = service.describe(state.tasks.values(), &self.region, true);
                let arn = arn::service(&self.region, &service.cluster, &service.name);
                Resource {
                    service: "ecs",
                    kind: "service",
                    name: service.name.clone(),
                    state: description["status"].as_str().unwrap_or_default().to_owned(),
                    is_kept_in_rows: false,
                    ids: vec![arn.clone()],
                    arn,
                    tags: service.tags.clone(),
                    description: without_events(description),
                }
            });
            tasks.chain(services).collect()
        })
    }
}

/// A hundred lines of the past tell nothing of now.
fn without_events(mut description: Value) -> Value {
    if let Some(members) = description.as_object_mut() {
        members.remove("events");
    }
    description
}
