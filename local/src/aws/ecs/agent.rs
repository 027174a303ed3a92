//! What the agent of ECS says to a container: who it is ("Amazon ECS task metadata endpoint version 4 for tasks on Fargate"
//! in the developer guide), and the credentials of its task's role ("Amazon ECS task IAM role").

use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};

use super::{
    Ecs,
    agent_url::PATHS,
    arn,
    process::Key,
    task::{Container, Task},
};
use crate::plumbing::clock;

/// How long credentials are good for; those of ECS are for six hours.
const CREDENTIALS_LIFETIME: Duration = Duration::hours(6);

impl Ecs {
    /// The document at a path below [`PATHS`]; `None` if there is none.
    pub(crate) fn document(&self, path: &str, now: OffsetDateTime) -> Option<Value> {
        let processes = self.processes.as_ref()?;
        let segments: Vec<_> = path.strip_prefix(PATHS)?.split('/').collect();
        match segments.as_slice() {
            ["v2", "credentials", id] => {
                let until = now + CREDENTIALS_LIFETIME;
                let (role, credentials) = processes.credentials(id, clock::epoch_millis(until))?;
                Some(json!({
                    "RoleArn": role,
                    "AccessKeyId": credentials.access_key_id,
                    "SecretAccessKey": credentials.secret_access_key,
                    "Token": credentials.session_token,
                    "Expiration": clock::rfc3339_seconds(until),
                }))
            }
            ["v4", id, rest @ ..] => {
                let Key { task, container } = processes.known_as(id)?;
                self.state.read(|state| {
                    let task = state.tasks.get(&task)?;
                    match rest {
                        [] => {
                            let container = task.containers.iter().find(|one| one.name == container)?;
                            Some(self.container_document(task, container))
                        }
                        ["task"] => Some(self.task_document(task, false)),
                        ["taskWithTags"] => Some(self.task_document(task, true)),
                        _ => None,
                    }
                })
            }
            _ => None,
        }
    }

    fn task_document(&self, task: &Task, with_tags: bool) -> Value {
        let containers = task.containers.iter().map(|container| self.container_document(task, container));
        let revision = task.definition_arn.rsplit(':').next().unwrap_or_default();
        let mut document = json!({
            "Cluster": arn::cluster(&self.region, &task.cluster),
            "TaskARN": arn::task(&self.region, &task.cluster, &task.id),
            "Family": task.family,
            "Revision": revision,
            "DesiredStatus": task.desired_status(),
            "KnownStatus": task.status.as_str(),
            "Limits": {"CPU": number(&task.cpu) / 1_024.0, "Memory": number(&task.memory)},
            "AvailabilityZone": task.interface.availability_zone,
            "LaunchType": "FARGATE",
            "Containers": containers.collect::<Value>(),
            "ClockDrift": {"ClockSynchronizationStatus": "SYNCHRONIZED"},
        });
        set_times(
            &mut document,
            &[("PullStartedAt", task.times.pull_started), ("PullStoppedAt", task.times.pull_stopped)],
        );
        if let Some(service) = task.group.strip_prefix("service:") {
            document["ServiceName"] = service.into();
        }
        if with_tags {
            let tags = task.tags.iter().map(|(key, value)| (key.clone(), json!(value)));
            document["TaskTags"] = tags.collect::<Map<_, _>>().into();
        }
        document
    }

    fn container_document(&self, task: &Task, container: &Container) -> Value {
        let task_arn = arn::task(&self.region, &task.cluster, &task.id);
        let mut document = json!({
            "DockerId": container.runtime_id,
            "Name": container.name,
            "DockerName": container.name,
            "Image": container.image,
            "ImageID": "",
            "Labels": {
                "com.amazonaws.ecs.cluster": arn::cluster(&self.region, &task.cluster),
                "com.amazonaws.ecs.container-name": container.name,
                "com.amazonaws.ecs.task-arn": task_arn,
                "com.amazonaws.ecs.task-definition-family": task.family,
                "com.amazonaws.ecs.task-definition-version": task.definition_arn.rsplit(':').next(),
            },
            "DesiredStatus": task.desired_status(),
            "KnownStatus": task.container_status(),
            "Limits": {"CPU": number(&container.cpu)},
            "Type": "NORMAL",
            "ContainerARN": arn::container(&self.region, &task.cluster, &task.id, &container.id),
            "Networks": task.interface.networks(&self.region),
            "Snapshotter": "overlayfs",
        });
        if let Some(memory) = &container.memory {
            document["Limits"]["Memory"] = number(memory).into();
        }
        set_times(&mut document, &[("CreatedAt", task.times.pull_stopped), ("StartedAt", task.times.started)]);
        document
    }
}

/// CPU units or MiB, which ECS keeps as text.
fn number(text: &str) -> f64 {
    text.parse().unwrap_or_default()
}

fn set_times(document: &mut Value, times: &[(&str, Option<i64>)]) {
    for (name, milliseconds) in times {
        let time =
            milliseconds.and_then(|at| OffsetDateTime::from_unix_timestamp_nanos(i128::from(at) * 1_000_000).ok());
        if let Some(time) = time {
            document[*name] = clock::rfc3339(time).into();
        }
    }
}
