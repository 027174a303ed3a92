//! What ECS says of a task, from an event (`ECS Task State Change`; Amazon ECS developer guide, "Task state change
//! events"). Only what is needed is read, by name and never by position: ECS adds fields, containers and attachments as
//! it sees fit, and writes times with any number of digits.

use model::server::{Fleet, Phase, Running, Task, TaskVersion};
use model::{InterfaceId, TaskId};
use serde::Deserialize;
use serde_json::Value;

/// An event about a task.
#[derive(Debug, Deserialize)]
pub struct TaskEvent {
    #[serde(rename = "detail-type")]
    detail_type: String,
    detail: Detail,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    task_arn: String,
    cluster_arn: String,
    version: TaskVersion,
    last_status: String,
    desired_status: String,
    #[serde(default)]
    group: Value,
    #[serde(default)]
    availability_zone: Value,
    #[serde(default)]
    started_at: Value,
    #[serde(default)]
    attachments: Value,
}

/// Why an event says nothing of a task.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotATask {
    /// It is about something else.
    #[error("the event is a {0}, not an ECS Task State Change")]
    OtherEvent(String),
    /// The task's ARN has no id.
    #[error("the event has no valid taskArn")]
    NoId,
}

impl TaskEvent {
    /// The task, if it is one of the fleet's.
    ///
    /// # Errors
    /// [`NotATask`] for an event that should not have come here.
    pub fn task(&self, fleet: &Fleet) -> Result<Option<Task>, NotATask> {
        if self.detail_type != "ECS Task State Change" {
            return Err(NotATask::OtherEvent(self.detail_type.clone()));
        }
        let detail = &self.detail;
        if !fleet.includes(&detail.cluster_arn, detail.group.as_str().unwrap_or_default()) {
            return Ok(None);
        }
        let phase = Phase::of(&detail.last_status, &detail.desired_status, || Running {
            interface: interface(&detail.attachments),
            availability_zone: detail.availability_zone.as_str().map(str::to_owned),
            started_at: detail.started_at.as_str().and_then(|at| at.parse().ok()),
        });
        let id = task_id(&detail.task_arn).ok_or(NotATask::NoId)?;
        Ok(Some(Task { id, version: detail.version, phase }))
    }

    /// The cluster and the group of the task, for the log.
    pub fn whose(&self) -> (&str, &str) {
        (&self.detail.cluster_arn, self.detail.group.as_str().unwrap_or_default())
    }
}

/// What stands last in the ARN of a task: 32 hexadecimal digits, or 36 with dashes. ECS refuses to describe anything
/// else, and with it all tasks of the same call.
pub fn task_id(arn: &str) -> Option<TaskId> {
    let (_, task) = arn.split_once(":task/")?;
    let id = task.rsplit('/').next()?;
    let is_id = matches!(id.len(), 32 | 36) && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    if is_id { id.parse().ok() } else { None }
}

/// The network interface among the attachments of a task.
fn interface(attachments: &Value) -> Option<InterfaceId> {
    let attachments = attachments.as_array()?.iter().filter(|attachment| is_interface(attachment["type"].as_str()));
    let mut details = attachments.filter_map(|attachment| attachment["details"].as_array()).flatten();
    let id = details.find(|detail| detail["name"] == INTERFACE_ID)?;
    id["value"].as_str()?.parse().ok()
}

/// The detail of an attachment that names its network interface.
pub const INTERFACE_ID: &str = "networkInterfaceId";

/// Events say `eni`, the API says `ElasticNetworkInterface`.
pub fn is_interface(kind: Option<&str>) -> bool {
    matches!(kind, Some("eni" | "ElasticNetworkInterface"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_told_by_an_id_that_ecs_would_know() {
        for (arn, known) in [
            ("arn:aws:ecs:us-east-1:123456789012:task/transwrap/1d691993a03d458b8821ec852e2c16e9", true),
            ("arn:aws:ecs:us-east-1:123456789012:task/1d691993-a03d-458b-8821-ec852e2c16e9", true),
            ("arn:aws:ecs:us-east-1:123456789012:task/transwrap/rubbish", false),
            ("arn:aws:ecs:us-east-1:123456789012:cluster/1d691993a03d458b8821ec852e2c16e9", false),
            ("1d691993a03d458b8821ec852e2c16e9", false),
            ("", false),
        ] {
            assert_eq!(task_id(arn).is_some(), known, "{arn}");
        }
    }
}
