//! ECS: the tasks of the fleet, as they are now.

use aws_client::{Aws, AwsFailure, RateLimiter, SdkClient, sdk_client};
use aws_sdk_ecs::Client;
use aws_sdk_ecs::operation::describe_tasks::DescribeTasksError;
use aws_sdk_ecs::operation::list_tasks::ListTasksError;
use aws_sdk_ecs::types::{DesiredStatus, Task as EcsTask};
use aws_task::{INTERFACE_ID, is_interface, task_id};
use model::server::{Fleet, Phase, Running, Task};
use model::{Error, InterfaceId, TaskId};
use time::OffsetDateTime;

/// The most tasks that one call lists or describes.
const BATCH: usize = 100;

/// ECS, as far as the fleet goes.
pub struct Ecs {
    ecs: SdkClient<Client>,
    fleet: Fleet,
    limiter: RateLimiter,
}

impl Ecs {
    /// ECS refills 20 reads a second for a cluster (Amazon ECS API reference, "Request throttling"); `limiter` leaves
    /// some of them to others.
    pub fn new(aws: &Aws, fleet: Fleet, limiter: RateLimiter) -> Self {
        Self { ecs: sdk_client!(aws, aws_sdk_ecs, "ECS"), fleet, limiter }
    }

    /// Every task of the fleet that is not told to stop, from a complete listing. A cluster that does not exist has
    /// none.
    ///
    /// # Errors
    /// What ECS fails with, on any page.
    pub(crate) async fn tasks_meant_to_run(&self) -> Result<Vec<Task>, Error> {
        let mut ids = Vec::new();
        let mut next = None;
        loop {
            self.limiter.acquire().await;
            let list = self
                .ecs
                .list_tasks()
                .cluster(self.fleet.cluster.as_str())
                .desired_status(DesiredStatus::Running)
                .max_results(BATCH as i32)
                .set_next_token(next);
            let listed = match list.send().await {
                Ok(listed) => listed,
                Err(error) => match error.as_service_error() {
                    Some(ListTasksError::ClusterNotFoundException(_)) if ids.is_empty() => return Ok(Vec::new()),
                    _ => return Err(AwsFailure::new("ecs:ListTasks", &error).into_error()),
                },
            };
            for arn in listed.task_arns() {
                ids.push(task_id(arn).ok_or_else(|| malformed("ecs:ListTasks"))?);
            }
            next = listed.next_token().map(str::to_owned);
            if next.is_none() {
                return self.describe(&ids).await;
            }
        }
    }

    /// These tasks, but for those that ECS does not know any more and those that are not the fleet's.
    ///
    /// # Errors
    /// What ECS fails with, for any of them.
    pub(crate) async fn describe(&self, ids: impl IntoIterator<Item = &TaskId>) -> Result<Vec<Task>, Error> {
        let ids: Vec<&str> = ids.into_iter().map(TaskId::as_str).collect();
        let mut tasks = Vec::new();
        for batch in ids.chunks(BATCH) {
            self.limiter.acquire().await;
            let describe = self.ecs.describe_tasks().cluster(self.fleet.cluster.as_str());
            let describe = describe.set_tasks(Some(batch.iter().map(|id| (*id).to_owned()).collect()));
            let described = match describe.send().await {
                Ok(described) => described,
                Err(error) => match error.as_service_error() {
                    Some(DescribeTasksError::ClusterNotFoundException(_)) if tasks.is_empty() => return Ok(Vec::new()),
                    _ => return Err(AwsFailure::new("ecs:DescribeTasks", &error).into_error()),
                },
            };
            // A task that could not be looked at is not a task that is gone.
            if let Some(failure) = described.failures().iter().find(|failure| failure.reason() != Some("MISSING")) {
                let reason = failure.reason().unwrap_or("no reason");
                let what = format!("a task could not be described: {reason}");
                return Err(Error::unavailable(AwsFailure::malformed("ecs:DescribeTasks", what)));
            }
            for task in described.tasks() {
                if self.fleet.includes(task.cluster_arn().unwrap_or_default(), task.group().unwrap_or_default()) {
                    tasks.push(read(task).ok_or_else(|| malformed("ecs:DescribeTasks"))?);
                }
            }
        }
        Ok(tasks)
    }
}

fn malformed(operation: &'static str) -> Error {
    Error::internal(AwsFailure::malformed(operation, "a task has no id"))
}

fn read(task: &EcsTask) -> Option<Task> {
    let phase = Phase::of(task.last_status()?, task.desired_status()?, || Running {
        interface: interface(task),
        availability_zone: task.availability_zone().map(str::to_owned),
        started_at: task.started_at().and_then(|at| {
            let at = OffsetDateTime::from_unix_timestamp_nanos(at.as_nanos()).ok()?;
            at.try_into().ok()
        }),
    });
    Some(Task { id: task_id(task.task_arn()?)?, version: task.version(), phase })
}

fn interface(task: &EcsTask) -> Option<InterfaceId> {
    let attachments = task.attachments().iter().filter(|attachment| is_interface(attachment.r#type()));
    let mut details = attachments.flat_map(|attachment| attachment.details());
    details.find(|detail| detail.name() == Some(INTERFACE_ID))?.value()?.parse().ok()
}
