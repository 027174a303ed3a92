//! The permissions that a call needs, after "Actions, resources, and condition keys for Amazon Elastic Container
//! Service" in the service authorization reference. `iam:PassRole`, which `RunTask` needs for the task's roles, is not
//! asked for.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    arn,
    state::{State, service_key},
    tags,
};
use crate::aws::service::Requirement;

/// What the caller's policy must allow. The input has not been checked.
pub(super) fn requirements(state: &State, region: &str, operation: &str, input: &Value) -> Vec<Requirement> {
    let text = |member: &str| input.get(member).and_then(Value::as_str);
    let cluster = arn::cluster_name(region, text("cluster"));
    let cluster_arn = match cluster {
        Some(name) => arn::cluster(region, name),
        None => text("cluster").unwrap_or_default().to_owned(),
    };
    let cluster = cluster.unwrap_or_default();
    let call = Requirement {
        action: format!("ecs:{operation}"),
        resource: "*".to_owned(),
        request_tags: tags::given(input.get("tags")),
        ..Requirement::default()
    };
    let in_cluster =
        Requirement { service_keys: BTreeMap::from([("ecs:cluster".to_owned(), vec![cluster_arn])]), ..call.clone() };
    let for_task = |reference: &str| {
        let id = reference.rsplit('/').next().unwrap_or(reference);
        let resource = match reference.starts_with("arn:") {
            true => reference.to_owned(),
            false => arn::task(region, cluster, id),
        };
        let resource_tags = state.tasks.get(id).map(|task| task.tags.clone()).unwrap_or_default();
        Requirement { resource, resource_tags, ..in_cluster.clone() }
    };
    let for_service = |reference: &str| {
        let name = reference.rsplit('/').next().unwrap_or(reference);
        let service = state.services.get(&service_key(cluster, name));
        let resource_tags = service.map(|service| service.tags.clone()).unwrap_or_default();
        Requirement { resource: arn::service(region, cluster, name), resource_tags, ..in_cluster.clone() }
    };
    match operation {
        "ListTasks" => vec![in_cluster],
        "DescribeTasks" => {
            let tasks = input.get("tasks").and_then(Value::as_array).into_iter().flatten();
            let tasks: Vec<_> = tasks.filter_map(Value::as_str).map(for_task).collect();
            // A request without tasks is refused, to those who may ask at all.
            if tasks.is_empty() { vec![in_cluster] } else { tasks }
        }
        "StopTask" => vec![for_task(text("task").unwrap_or_default())],
        "RunTask" => {
            let reference = text("taskDefinition").unwrap_or_default();
            let definition = state.definition(region, reference);
            let resource = definition.map_or_else(|| definition_arn(region, reference), |found| found.arn.clone());
            let resource_tags = definition.map(|found| found.tags.clone()).unwrap_or_default();
            let tagging = Requirement {
                action: "ecs:TagResource".to_owned(),
                resource: arn::task(region, cluster, "*"),
                ..in_cluster.clone()
            };
            // To start with tags is to start and to tag.
            let tagging = (!tagging.request_tags.is_empty()).then_some(tagging);
            let run = Requirement { resource, resource_tags, ..in_cluster };
            [Some(run), tagging].into_iter().flatten().collect()
        }
        "DescribeClusters" => {
            let clusters = input.get("clusters").and_then(Value::as_array).into_iter().flatten();
            let clusters: Vec<_> = clusters.map(|reference| reference.as_str()).collect();
            let clusters = if clusters.is_empty() { vec![None] } else { clusters };
            let for_cluster = |reference| {
                let name = arn::cluster_name(region, reference).unwrap_or_default();
                let resource_tags = state.clusters.get(name).map(|cluster| cluster.tags.clone()).unwrap_or_default();
                Requirement { resource: arn::cluster(region, name), resource_tags, ..call.clone() }
            };
            clusters.into_iter().map(for_cluster).collect()
        }
        "CreateService" | "UpdateService" | "DeleteService" => {
            let reference = text("service").or_else(|| text("serviceName")).unwrap_or_default();
            vec![for_service(reference)]
        }
        "DescribeServices" => {
            let services = input.get("services").and_then(Value::as_array).into_iter().flatten();
            let services: Vec<_> = services.filter_map(Value::as_str).map(for_service).collect();
            if services.is_empty() { vec![in_cluster] } else { services }
        }
        "ListServices" => vec![in_cluster],
        "RegisterTaskDefinition" => {
            let resource = arn::task_definition(region, text("family").unwrap_or_default(), "*");
            vec![Requirement { resource, ..call }]
        }
        _ => vec![call],
    }
}

/// The ARN of a task definition that there is none of.
fn definition_arn(region: &str, reference: &str) -> String {
    match arn::family_and_revision(region, reference) {
        Some((family, Some(revision))) => arn::task_definition(region, family, revision),
        Some((family, None)) => arn::task_definition(region, family, "*"),
        None => reference.to_owned(),
    }
}
