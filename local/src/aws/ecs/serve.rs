//! `CreateService`, `UpdateService`, `DeleteService`, `DescribeServices`, `ListServices`.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{
    arn,
    arns_page::arns_page,
    capacity,
    context::{Context, Outcome},
    error::{client, invalid_parameter, no_such_service, service_is_not_active},
    service::{Deployment, Service, ServiceStatus},
    state::{State, service_key},
    tags,
};
use crate::aws::service::ServiceError;
use crate::aws::service::shape::Input;

/// Services that one call may describe, and those on a page of the list.
const MAX_SERVICES: usize = 10;
/// What a deployment's tasks are started with.
const LAUNCH: [&str; 4] = ["launchType", "capacityProviderStrategy", "platformVersion", "networkConfiguration"];
/// What a service keeps as it was given.
const SETTINGS: [&str; 5] = [
    "deploymentConfiguration",
    "enableECSManagedTags",
    "enableExecuteCommand",
    "healthCheckGracePeriodSeconds",
    "propagateTags",
];

/// Makes a service. Its scheduler starts the tasks.
pub(super) fn create(state: &mut State, input: Input<'_>, context: &Context<'_>) -> Result<Outcome, ServiceError> {
    let (cluster, settings_of_cluster) = state.cluster(context.region, input.text("cluster"))?;
    capacity::chosen(input, settings_of_cluster)?;
    let name = input.required_text("serviceName");
    let key = service_key(cluster, name);
    if state.services.get(&key).is_some_and(|service| service.status != ServiceStatus::Inactive) {
        return Err(invalid_parameter("Creation of service was not idempotent."));
    }
    let definition = definition_arn(state, input.text("taskDefinition").unwrap_or_default(), context)?;
    let launch = launch(input);
    if !launch.contains_key("networkConfiguration") {
        let what = "Network Configuration must be provided when networkMode 'awsvpc' is specified.";
        return Err(invalid_parameter(what));
    }
    let service = Service {
        name: name.to_owned(),
        cluster: cluster.to_owned(),
        status: ServiceStatus::Active,
        desired_count: desired_count(input).unwrap_or(1),
        created: context.now,
        tags: tags::given(input.json("tags")),
        settings: settings(input).collect(),
        deployments: vec![Deployment::new(definition, launch, context.now)],
        events: Vec::new(),
        placed: BTreeSet::new(),
        paused_until: 0,
        failures: 0,
    };
    let output = json!({"service": service.describe(state.tasks.values(), context.region, true)});
    let cluster = cluster.to_owned();
    if let Some(cluster) = state.clusters.get_mut(&cluster) {
        cluster.services.insert(name.to_owned());
    }
    state.services.insert(key, service);
    Ok(Outcome { output, events: Vec::new() })
}

/// Changes what it is told; other tasks than those that run are another deployment.
pub(super) fn update(state: &mut State, input: Input<'_>, context: &Context<'_>) -> Result<Outcome, ServiceError> {
    let key = active(state, input, context)?;
    capacity::given(input, state.cluster(context.region, input.text("cluster"))?.1)?;
    let definition = input.text("taskDefinition").filter(|reference| !reference.is_empty());
    let definition = definition.map(|reference| definition_arn(state, reference, context)).transpose()?;
    let is_forced = input.boolean("forceNewDeployment").unwrap_or(false);
    let service = state.services.get_mut(&key).ok_or_else(no_such_service)?;
    if let Some(count) = desired_count(input) {
        service.desired_count = count;
    }
    service.settings.extend(settings(input));
    if let Some(primary) = service.deployments.first() {
        let definition = definition.unwrap_or_else(|| primary.definition_arn.clone());
        let mut launch = primary.launch.clone();
        launch.extend(self::launch(input));
        match input.json("capacityProviderStrategy").and_then(Value::as_array) {
            // Back to the launch type, of which there is one.
            Some(strategy) if strategy.is_empty() => {
                launch.remove("capacityProviderStrategy");
                launch.insert("launchType".to_owned(), json!("FARGATE"));
            }
            Some(_) => _ = launch.remove("launchType"),
            None => {}
        }
        if is_forced || definition != primary.definition_arn || launch != primary.launch {
            service.deployments.insert(0, Deployment::new(definition, launch, context.now));
            service.placed.clear();
            (service.failures, service.paused_until) = (0, 0);
        }
    }
    let output = json!({"service": state.services[&key].describe(state.tasks.values(), context.region, true)});
    Ok(Outcome { output, events: Vec::new() })
}

/// Deletes a service; its scheduler stops the tasks.
pub(super) fn delete(state: &mut State, input: Input<'_>, context: &Context<'_>) -> Result<Outcome, ServiceError> {
    let key = active(state, input, context)?;
    let service = state.services.get_mut(&key).ok_or_else(no_such_service)?;
    if service.desired_count > 0 && input.boolean("force") != Some(true) {
        return Err(invalid_parameter("The service cannot be stopped while it is scaled above 0."));
    }
    service.desired_count = 0;
    service.status = ServiceStatus::Draining;
    let output = json!({"service": state.services[&key].describe(state.tasks.values(), context.region, true)});
    Ok(Outcome { output, events: Vec::new() })
}

/// Those that there are; the others are failures.
pub(super) fn describe(state: &State, input: Input<'_>, context: &Context<'_>) -> Result<Value, ServiceError> {
    let (cluster, _) = state.cluster(context.region, input.text("cluster"))?;
    let named = input.texts("services").unwrap_or_default();
    if named.is_empty() {
        return Err(invalid_parameter("Services cannot be empty."));
    }
    if named.len() > MAX_SERVICES {
        return Err(invalid_parameter("Services cannot have more than 10 elements."));
    }
    let with_tags = input.texts("include").is_some_and(|include| include.contains(&"TAGS"));
    let (mut services, mut failures) = (Vec::new(), Vec::new());
    for reference in named {
        let name = arn::service_name(context.region, cluster, reference)?;
        match state.services.get(&service_key(cluster, name)) {
            Some(service) => services.push(service.describe(state.tasks.values(), context.region, with_tags)),
            None => {
                failures.push(json!({"arn": arn::service(context.region, cluster, name), "reason": "MISSING"}));
            }
        }
    }
    Ok(json!({"services": services, "failures": failures}))
}

/// One page of a cluster's services, in the order of their names.
pub(super) fn list(state: &State, input: Input<'_>, context: &Context<'_>) -> Result<Value, ServiceError> {
    let (cluster, _) = state.cluster(context.region, input.text("cluster"))?;
    let services = state.services.values().filter(|service| {
        service.cluster == cluster
            && service.status != ServiceStatus::Inactive
            && input.text("launchType").is_none_or(|launch_type| launch_type == "FARGATE")
    });
    let services =
        services.map(|service| (service.name.as_str(), arn::service(context.region, cluster, &service.name)));
    arns_page("serviceArns", &format!("services of {cluster}"), services, MAX_SERVICES, input)
}

/// The key of the service that a request means.
fn active(state: &State, input: Input<'_>, context: &Context<'_>) -> Result<String, ServiceError> {
    let (cluster, _) = state.cluster(context.region, input.text("cluster"))?;
    let name = arn::service_name(context.region, cluster, input.required_text("service"))?;
    let key = service_key(cluster, name);
    match state.services.get(&key).map(|service| service.status) {
        Some(ServiceStatus::Active) => Ok(key),
        Some(ServiceStatus::Draining | ServiceStatus::Inactive) => Err(service_is_not_active()),
        None => Err(no_such_service()),
    }
}

/// The revision that a service's tasks are of from now on.
fn definition_arn(state: &State, reference: &str, context: &Context<'_>) -> Result<String, ServiceError> {
    let definition = state.definition(context.region, reference);
    definition.map(|definition| definition.arn.clone()).ok_or_else(|| client("TaskDefinition not found."))
}

fn desired_count(input: Input<'_>) -> Option<usize> {
    input.integer("desiredCount").and_then(|count| usize::try_from(count).ok())
}

fn launch(input: Input<'_>) -> Map<String, Value> {
    LAUNCH.into_iter().filter_map(|member| Some((member.to_owned(), input.json(member)?.clone()))).collect()
}

fn settings<'a>(input: Input<'a>) -> impl Iterator<Item = (String, Value)> + use<'a> {
    SETTINGS.into_iter().filter_map(move |member| Some((member.to_owned(), input.json(member)?.clone())))
}
