//! `CreateCluster`, `DescribeClusters`, `ListClusters`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    arn,
    arns_page::arns_page,
    capacity,
    context::{Context, Outcome},
    error::invalid_parameter,
    state::{Cluster, State},
    status::Status,
    tags,
    task::Task,
};
use crate::aws::service::ServiceError;
use crate::aws::service::shape::Input;

/// Clusters that one call may describe, and those on a page of the list.
const MAX_DESCRIBED: usize = 100;
/// What a cluster keeps as it was given.
const SETTINGS: [&str; 4] = ["settings", "configuration", "capacityProviders", "defaultCapacityProviderStrategy"];

/// Makes a cluster. One of the same name is answered as it is.
pub(super) fn create(state: &mut State, input: Input<'_>, context: &Context<'_>) -> Result<Outcome, ServiceError> {
    let name = input.text("clusterName").unwrap_or(arn::DEFAULT_CLUSTER);
    if !state.clusters.contains_key(name) {
        let settings = settings(input)?;
        let cluster = Cluster { tags: tags::given(input.json("tags")), settings, ..Cluster::default() };
        state.clusters.insert(name.to_owned(), cluster);
    }
    let (_, cluster) = state.cluster(context.region, Some(name))?;
    let output = json!({"cluster": describe_one(state, name, cluster, context, true)});
    Ok(Outcome { output, events: Vec::new() })
}

/// Gives a cluster that there is the settings of a template that has changed.
pub(super) fn redeclare(state: &mut State, input: Input<'_>) -> Result<(), ServiceError> {
    if let Some(cluster) = state.clusters.get_mut(input.text("clusterName").unwrap_or(arn::DEFAULT_CLUSTER)) {
        cluster.settings = settings(input)?;
    }
    Ok(())
}

fn settings(input: Input<'_>) -> Result<BTreeMap<String, Value>, ServiceError> {
    capacity::check_cluster(input.json("capacityProviders"), input.json("defaultCapacityProviderStrategy"))?;
    Ok(SETTINGS.into_iter().filter_map(|name| Some((name.to_owned(), input.json(name)?.clone()))).collect())
}

/// Those that there are; the others are failures.
pub(super) fn describe(state: &State, input: Input<'_>, context: &Context<'_>) -> Result<Value, ServiceError> {
    let named = input.texts("clusters").filter(|named| !named.is_empty());
    let named = named.unwrap_or_else(|| vec![arn::DEFAULT_CLUSTER]);
    if named.len() > MAX_DESCRIBED {
        return Err(invalid_parameter("Clusters cannot have more than 100 elements."));
    }
    let with_tags = input.texts("include").is_some_and(|include| include.contains(&"TAGS"));
    let (mut clusters, mut failures) = (Vec::new(), Vec::new());
    for reference in named {
        match state.cluster(context.region, Some(reference)) {
            Ok((name, cluster)) => clusters.push(describe_one(state, name, cluster, context, with_tags)),
            Err(_) => {
                let name = arn::cluster_name(context.region, Some(reference));
                let arn = name.map_or_else(|| reference.to_owned(), |name| arn::cluster(context.region, name));
                failures.push(json!({"arn": arn, "reason": "MISSING"}));
            }
        }
    }
    Ok(json!({"clusters": clusters, "failures": failures}))
}

/// One page, in the order of the names.
pub(super) fn list(state: &State, input: Input<'_>, context: &Context<'_>) -> Result<Value, ServiceError> {
    let clusters = state.clusters.keys().map(|name| (name.as_str(), arn::cluster(context.region, name)));
    arns_page("clusterArns", "clusters", clusters, MAX_DESCRIBED, input)
}

fn describe_one(state: &State, name: &str, cluster: &Cluster, context: &Context<'_>, with_tags: bool) -> Value {
    let running = |task: &&Task| (Status::Running..Status::Deprovisioning).contains(&task.status);
    let mut description = json!({
        "clusterArn": arn::cluster(context.region, name),
        "clusterName": name,
        "status": "ACTIVE",
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": state.tasks_of(name, context.now).filter(running).count(),
        "pendingTasksCount": state.tasks_of(name, context.now).filter(|task| task.status < Status::Running).count(),
        "activeServicesCount": cluster.services.len(),
        "statistics": [],
        "settings": [],
        "capacityProviders": [],
        "defaultCapacityProviderStrategy": [],
        "tags": if with_tags { tags::to_json(&cluster.tags) } else { json!([]) },
    });
    for (name, value) in &cluster.settings {
        description[name] = value.clone();
    }
    description
}
