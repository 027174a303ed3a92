//! A service: a count of tasks that is kept, and how the API describes it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{arn, status::Status, tags, tags::Tags, task::Task};
use crate::plumbing::{clock, ids};

/// Events that a service keeps; ECS keeps a hundred.
const MOST_EVENTS: usize = 100;

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Service {
    pub(super) name: String,
    /// A name.
    pub(super) cluster: String,
    pub(super) status: ServiceStatus,
    pub(super) desired_count: usize,
    /// Milliseconds since 1970.
    pub(super) created: i64,
    pub(super) tags: Tags,
    /// What is kept as it was given: `deploymentConfiguration`, `propagateTags` and the like.
    pub(super) settings: BTreeMap<String, Value>,
    /// The primary one first; the others are being replaced by it.
    pub(super) deployments: Vec<Deployment>,
    /// The latest first.
    pub(super) events: Vec<ServiceEvent>,
    /// Ids of the primary deployment's tasks as the scheduler left them.
    pub(super) placed: BTreeSet<String>,
    /// No task is started before, in milliseconds since 1970.
    pub(super) paused_until: i64,
    /// Tasks that ended at once, one after the other.
    pub(super) failures: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum ServiceStatus {
    Active,
    /// Deleted, with tasks that have not stopped.
    Draining,
    Inactive,
}

/// One version of a service's tasks.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Deployment {
    /// `ecs-svc/` and digits; also who started its tasks.
    pub(super) id: String,
    pub(super) definition_arn: String,
    /// What `RunTask` takes and the description shows: `launchType`, `networkConfiguration` and the like.
    pub(super) launch: Map<String, Value>,
    /// Milliseconds since 1970.
    pub(super) created: i64,
    pub(super) updated: i64,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct ServiceEvent {
    id: String,
    /// Milliseconds since 1970.
    at: i64,
    message: String,
}

impl ServiceStatus {
    fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Draining => "DRAINING",
            Self::Inactive => "INACTIVE",
        }
    }
}

impl Deployment {
    pub(super) fn new(definition_arn: String, launch: Map<String, Value>, now: i64) -> Self {
        Self { id: format!("ecs-svc/{}", ids::digits(19)), definition_arn, launch, created: now, updated: now }
    }
}

impl Service {
    /// The group of its tasks.
    pub(super) fn group(&self) -> String {
        format!("service:{}", self.name)
    }

    /// Whether a task is one that its scheduler started, and is to run.
    pub(super) fn has(&self, task: &Task) -> bool {
        let started_by = |deployment: &Deployment| task.started_by.as_deref() == Some(&deployment.id);
        task.cluster == self.cluster && task.stop.is_none() && self.deployments.iter().any(started_by)
    }

    /// Notes an event: `message` follows the name of the service.
    pub(super) fn tell(&mut self, message: &str, now: i64) {
        let message = format!("(service {}) {message}", self.name);
        self.events.insert(0, ServiceEvent { id: ids::uuid(), at: now, message });
        self.events.truncate(MOST_EVENTS);
    }

    /// A percentage of its deployment configuration.
    pub(super) fn percent(&self, member: &str, default: usize) -> usize {
        let configuration = self.settings.get("deploymentConfiguration");
        let percent = configuration.and_then(|configuration| configuration[member].as_u64());
        percent.and_then(|percent| usize::try_from(percent).ok()).unwrap_or(default)
    }

    /// The `Service` of an answer. `tasks` are all that there are.
    pub(super) fn describe<'a>(&self, tasks: impl Iterator<Item = &'a Task>, region: &str, with_tags: bool) -> Value {
        let tasks: Vec<_> = tasks.filter(|task| self.has(task)).collect();
        let count = |deployment: Option<&Deployment>, running: bool| {
            let of = |task: &&&Task| deployment.is_none_or(|one| task.started_by.as_deref() == Some(&one.id));
            tasks.iter().filter(of).filter(|task| (task.status >= Status::Running) == running).count()
        };
        let deployments = self.deployments.iter().enumerate().map(|(number, deployment)| {
            let is_primary = number == 0;
            let is_done = is_primary && self.deployments.len() == 1 && count(None, true) == self.desired_count;
            let mut description = json!({
                "id": deployment.id,
                "status": if is_primary { "PRIMARY" } else { "ACTIVE" },
                "taskDefinition": deployment.definition_arn,
                "desiredCount": if is_primary { self.desired_count } else { 0 },
                "runningCount": count(Some(deployment), true),
                "pendingCount": count(Some(deployment), false),
                "failedTasks": if is_primary { self.failures } else { 0 },
                "createdAt": clock::epoch_seconds(deployment.created),
                "updatedAt": clock::epoch_seconds(deployment.updated),
                "rolloutState": if is_done { "COMPLETED" } else { "IN_PROGRESS" },
            });
            for (member, value) in &deployment.launch {
                description[member] = value.clone();
            }
            description
        });
        let mut description = json!({
            "serviceArn": arn::service(region, &self.cluster, &self.name),
            "serviceName": self.name,
            "clusterArn": arn::cluster(region, &self.cluster),
            "status": self.status.as_str(),
            "desiredCount": self.desired_count,
            "runningCount": count(None, true),
            "pendingCount": count(None, false),
            "createdAt": clock::epoch_seconds(self.created),
            "deployments": deployments.collect::<Value>(),
            "events": self.events.iter().map(ServiceEvent::describe).collect::<Value>(),
            "schedulingStrategy": "REPLICA",
            "loadBalancers": [],
            "serviceRegistries": [],
            "placementConstraints": [],
            "placementStrategy": [],
            "tags": if with_tags { tags::to_json(&self.tags) } else { json!([]) },
        });
        if let Some(primary) = self.deployments.first() {
            description["taskDefinition"] = json!(primary.definition_arn);
            for (member, value) in &primary.launch {
                description[member] = value.clone();
            }
        }
        for (member, value) in &self.settings {
            description[member] = value.clone();
        }
        description
    }
}

impl ServiceEvent {
    fn describe(&self) -> Value {
        json!({"id": self.id, "createdAt": clock::epoch_seconds(self.at), "message": self.message})
    }
}
