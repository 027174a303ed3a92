//! Everything that there is, for those who look at all of it.

use super::{Ecs, arn};
use crate::aws::service::resource::Resource;

impl Ecs {
    /// The tasks that have not stopped.
    pub(crate) fn inventory(&self) -> Vec<Resource> {
        self.state.read(|state| {
            let tasks = state.tasks.values().filter(|task| task.times.stopped.is_none()).map(|task| Resource {
                arn: arn::task(&self.region, &task.cluster, &task.id),
                service: "ecs",
                kind: "task",
                name: task.id.clone(),
                state: task.status.as_str().to_owned(),
                ids: vec![task.id.clone(), arn::task(&self.region, &task.cluster, &task.id)],
                tags: task.tags.clone(),
                description: task.to_api(&self.region, true),
            });
            tasks.collect()
        })
    }
}
