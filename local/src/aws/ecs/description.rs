//! A task as the API describes it and as its event does. They differ: an attachment's type is
//! `ElasticNetworkInterface` in the API and `eni` in the event, times are numbers there and texts here, tags and
//! health are told there alone and `updatedAt` here alone ("Amazon ECS task state change events" in the developer
//! guide).

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::{
    Event, arn,
    status::Status,
    tags,
    task::{Container, Task},
};
use crate::plumbing::clock;

/// Where the description is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Api,
    Event,
}

impl Task {
    /// The `Task` of an answer. Tags are told to those who ask for them.
    pub(super) fn to_api(&self, region: &str, with_tags: bool) -> Value {
        let mut description = self.describe(region, Form::Api);
        description.insert("healthStatus".to_owned(), "UNKNOWN".into());
        description.insert("platformFamily".to_owned(), "Linux".into());
        let tags = if with_tags { tags::to_json(&self.tags) } else { json!([]) };
        description.insert("tags".to_owned(), tags);
        description.into()
    }

    /// The event that says how the task is now.
    pub(super) fn to_event(&self, region: &str) -> Event {
        let mut detail = self.describe(region, Form::Event);
        detail.insert("updatedAt".to_owned(), Form::Event.time(self.times.updated));
        Map::from_iter([
            ("source".to_owned(), "aws.ecs".into()),
            ("detail-type".to_owned(), "ECS Task State Change".into()),
            ("resources".to_owned(), json!([arn::task(region, &self.cluster, &self.id)])),
            ("detail".to_owned(), detail.into()),
        ])
    }

    fn describe(&self, region: &str, form: Form) -> Map<String, Value> {
        let kind = if form == Form::Api { "ElasticNetworkInterface" } else { "eni" };
        let containers: Vec<_> = self.containers.iter().map(|one| self.describe_container(one, region, form)).collect();
        let always = [
            ("attachments", json!([self.interface.attachment(kind, self.status, region)])),
            ("attributes", json!([{"name": "ecs.cpu-architecture", "value": self.architecture}])),
            ("availabilityZone", json!(self.interface.availability_zone)),
            ("clusterArn", json!(arn::cluster(region, &self.cluster))),
            ("containers", json!(containers)),
            ("cpu", json!(self.cpu)),
            ("createdAt", form.time(self.times.created)),
            ("desiredStatus", json!(self.desired_status())),
            ("enableExecuteCommand", json!(self.enable_execute_command)),
            ("ephemeralStorage", json!({"sizeInGiB": self.storage})),
            ("group", json!(self.group)),
            ("lastStatus", json!(self.status.as_str())),
            ("launchType", json!("FARGATE")),
            ("memory", json!(self.memory)),
            ("overrides", self.overrides.clone()),
            ("platformVersion", json!(self.platform_version)),
            ("taskArn", json!(arn::task(region, &self.cluster, &self.id))),
            ("taskDefinitionArn", json!(self.definition_arn)),
            ("version", json!(self.version)),
        ];
        let times = &self.times;
        let time = |milliseconds: Option<i64>| milliseconds.map(|milliseconds| form.time(milliseconds));
        let sometimes = [
            ("capacityProviderName", self.capacity_provider.as_ref().map(|name| json!(name))),
            ("connectivity", times.connected.map(|_| json!("CONNECTED"))),
            ("connectivityAt", time(times.connected)),
            ("pullStartedAt", time(times.pull_started)),
            ("pullStoppedAt", time(times.pull_stopped)),
            ("startedAt", time(times.started)),
            ("startedBy", self.started_by.as_ref().map(|who| json!(who))),
            ("stoppingAt", time(times.stopping)),
            ("executionStoppedAt", time(times.execution_stopped)),
            ("stoppedAt", time(times.stopped)),
            ("stopCode", self.stop.as_ref().map(|stop| json!(stop.code.as_str()))),
            ("stoppedReason", self.stop.as_ref().map(|stop| json!(stop.reason))),
        ];
        let sometimes = sometimes.into_iter().filter_map(|(name, value)| Some((name, value?)));
        always.into_iter().chain(sometimes).map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn describe_container(&self, container: &Container, region: &str, form: Form) -> Value {
        let mut description = json!({
            "containerArn": arn::container(region, &self.cluster, &self.id, &container.id),
            "taskArn": arn::task(region, &self.cluster, &self.id),
            "name": container.name,
            "image": container.image,
            "lastStatus": self.container_status(),
            "networkInterfaces": self.interface.of_container().into_iter().collect::<Value>(),
            "cpu": container.cpu,
        });
        if form == Form::Api {
            description["healthStatus"] = json!("UNKNOWN");
            description["networkBindings"] = json!([]);
        }
        if let Some(memory) = &container.memory {
            description["memory"] = json!(memory);
        }
        if self.times.started.is_some() {
            description["runtimeId"] = json!(container.runtime_id);
        }
        if let Some(code) = container.exit_code {
            description["exitCode"] = json!(code);
        }
        if let Some(reason) = &container.reason {
            description["reason"] = json!(reason);
        }
        description
    }

    pub(super) fn container_status(&self) -> &'static str {
        match self.status {
            Status::Deprovisioning | Status::Stopped => "STOPPED",
            _ if self.times.started.is_some() => "RUNNING",
            _ => "PENDING",
        }
    }
}

impl Form {
    fn time(self, milliseconds: i64) -> Value {
        match self {
            Self::Api => clock::epoch_seconds(milliseconds),
            // The fraction has as many digits as it needs.
            Self::Event => {
                let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(milliseconds) * 1_000_000);
                clock::rfc3339(time.unwrap_or(OffsetDateTime::UNIX_EPOCH)).into()
            }
        }
    }
}
