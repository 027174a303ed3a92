//! What ECS knows: clusters, task definitions, tasks, services.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{arn, error::no_such_cluster, service::Service, tags::Tags, task::Task, task_definition::TaskDefinition};
use crate::aws::service::ServiceError;

/// How long a stopped task can be described, in milliseconds: "at least one hour" (`DescribeTasks`).
const STOPPED_TASK_RETENTION: i64 = 60 * 60 * 1_000;
/// How long a client token stands for its request, in milliseconds ("Ensuring idempotency" in the API reference).
const CLIENT_TOKEN_RETENTION: i64 = 24 * 60 * 60 * 1_000;

#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct State {
    /// By name.
    pub(super) clusters: BTreeMap<String, Cluster>,
    /// By family; the first is revision 1.
    pub(super) definitions: BTreeMap<String, Vec<TaskDefinition>>,
    /// By id. The order of the ids is that of the lists: random, as ECS promises none.
    pub(super) tasks: BTreeMap<String, Task>,
    /// `RunTask` requests that had a client token, by [`request_key`].
    pub(super) requests: BTreeMap<String, PastRequest>,
    /// How many network interfaces there have been; the next one's addresses follow from it.
    pub(super) interfaces: u32,
    /// By [`service_key`].
    #[serde(default)]
    pub(super) services: BTreeMap<String, Service>,
    /// What the template declared when it was deployed last, by logical id.
    #[serde(default)]
    pub(super) declared: BTreeMap<String, Declared>,
}

#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Cluster {
    pub(super) tags: Tags,
    /// `settings`, `configuration`, `capacityProviders` and `defaultCapacityProviderStrategy`, as they were given.
    pub(super) settings: BTreeMap<String, Value>,
    /// Names of the services that ever had a task here.
    pub(super) services: BTreeSet<String>,
}

/// A resource of the stack, by its logical id.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Declared {
    /// As the template had it when it was deployed last.
    pub(super) input: Value,
    /// The name of the cluster that a service is in.
    pub(super) cluster: Option<String>,
}

/// A request that is to be answered alike when it is repeated.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct PastRequest {
    pub(super) input: Value,
    /// Ids.
    pub(super) tasks: Vec<String>,
    /// Milliseconds since 1970.
    pub(super) at: i64,
}

/// A client token is unique within its cluster. No name of a cluster has a slash.
pub(super) fn request_key(cluster: &str, client_token: &str) -> String {
    format!("{cluster}/{client_token}")
}

/// A service's name is unique within its cluster.
pub(super) fn service_key(cluster: &str, service: &str) -> String {
    format!("{cluster}/{service}")
}

impl State {
    /// The cluster that a request means, and its name.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn cluster<'a>(
        &self,
        region: &str,
        reference: Option<&'a str>,
    ) -> Result<(&'a str, &Cluster), ServiceError> {
        let name = arn::cluster_name(region, reference).ok_or_else(no_such_cluster)?;
        self.clusters.get(name).map(|cluster| (name, cluster)).ok_or_else(no_such_cluster)
    }

    /// The task definition that a request means: the latest revision of its family unless it names one.
    pub(super) fn definition(&self, region: &str, reference: &str) -> Option<&TaskDefinition> {
        let (family, revision) = arn::family_and_revision(region, reference)?;
        let revisions = self.definitions.get(family)?;
        match revision {
            Some(revision) => revisions.get(revision.checked_sub(1)?),
            None => revisions.last(),
        }
    }

    /// The tasks of a cluster that can still be described.
    pub(super) fn tasks_of(&self, cluster: &str, now: i64) -> impl Iterator<Item = &Task> {
        self.tasks.values().filter(move |task| task.cluster == cluster && !is_expired(task, now))
    }

    /// The task of that id, if it is in the cluster and can still be described.
    pub(super) fn task(&self, cluster: &str, id: &str, now: i64) -> Option<&Task> {
        self.tasks.get(id).filter(|task| task.cluster == cluster && !is_expired(task, now))
    }

    /// Forgets the tasks and client tokens whose time is over.
    pub(super) fn forget_expired(&mut self, now: i64) {
        self.tasks.retain(|_, task| !is_expired(task, now));
        self.requests.retain(|_, request| request.at + CLIENT_TOKEN_RETENTION > now);
    }
}

fn is_expired(task: &Task, now: i64) -> bool {
    task.times.stopped.is_some_and(|stopped| stopped + STOPPED_TASK_RETENTION <= now)
}
