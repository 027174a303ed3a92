//! What a template declares: made when it is deployed, changed when the template has changed, and deleted when it is no
//! longer there. What somebody has changed since stays as it is, as CloudFormation leaves it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{
    Ecs, arn, cluster,
    context::{Context, Outcome},
    error,
    operation::{OPERATIONS, Run},
    state::{Declared, State},
};
use crate::aws::service::ServiceError;
use crate::aws::service::operation::Operation;
use crate::aws::service::shape::Input;
use crate::template::{EcsResource, EcsResources};

impl Ecs {
    /// Deploys what the template declares: all of it, or nothing.
    ///
    /// # Errors
    /// What ECS refuses, and a state file that cannot be written.
    pub(crate) fn declare(&self, resources: &EcsResources, now: OffsetDateTime) -> Result<(), ServiceError> {
        let context = self.context(now);
        self.state.change(|state| {
            // A call that is refused undoes nothing of those before it.
            let mut next = state.clone();
            deploy_all(&mut next, resources, &context)?;
            *state = next;
            Ok(())
        })
    }
}

fn deploy_all(state: &mut State, resources: &EcsResources, context: &Context<'_>) -> Result<(), ServiceError> {
    for cluster in &resources.clusters {
        call(state, "CreateCluster", &cluster.input, context)?;
        let input = Operation::named(&OPERATIONS, "CreateCluster").map_or(&[][..], |operation| operation.input);
        cluster::redeclare(state, Input::check(input, &cluster.input).map_err(error::invalid_parameter)?)?;
    }
    let mut declared = BTreeMap::new();
    for definition in &resources.task_definitions {
        let family = definition.input["family"].as_str().unwrap_or_default();
        if is_changed(state.declared.get(&definition.id), definition)
            || state.definition(context.region, family).is_none()
        {
            call(state, "RegisterTaskDefinition", &definition.input, context)?;
        }
        declared.insert(definition.id.clone(), Declared { input: definition.input.clone(), cluster: None });
    }
    let before = std::mem::take(&mut state.declared);
    for service in &resources.services {
        let cluster = deploy(state, service, before.get(&service.id), context)?;
        declared.insert(service.id.clone(), Declared { input: service.input.clone(), cluster: Some(cluster) });
    }
    let gone = before.iter().filter(|(id, _)| !declared.contains_key(*id));
    for (cluster, one) in gone.filter_map(|(_, one)| Some((one.cluster.as_ref()?, one))) {
        let input = json!({"cluster": cluster, "service": one.input["serviceName"], "force": true});
        // Somebody else may have deleted it.
        let _ = call(state, "DeleteService", &input, context);
    }
    state.declared = declared;
    Ok(())
}

fn is_changed(before: Option<&Declared>, resource: &EcsResource) -> bool {
    before.is_none_or(|before| before.input != resource.input)
}

/// Makes or updates a service, and answers the name of its cluster.
fn deploy(
    state: &mut State,
    service: &EcsResource,
    before: Option<&Declared>,
    context: &Context<'_>,
) -> Result<String, ServiceError> {
    let reference = service.input["cluster"].as_str();
    let cluster = arn::cluster_name(context.region, reference).ok_or_else(error::no_such_cluster)?.to_owned();
    let name = &service.input["serviceName"];
    let described = call(state, "DescribeServices", &json!({"cluster": cluster, "services": [name]}), context)?.output;
    if described["services"][0]["status"] != "ACTIVE" {
        call(state, "CreateService", &service.input, context)?;
        return Ok(cluster);
    }
    if is_changed(before, service) {
        let mut input = service.input.clone();
        input["service"] = name.clone();
        call(state, "UpdateService", &input, context)?;
        return Ok(cluster);
    }
    let definition =
        service.input["taskDefinition"].as_str().and_then(|wanted| state.definition(context.region, wanted));
    let is_of_another_revision =
        definition.is_some_and(|definition| described["services"][0]["taskDefinition"] != definition.arn.as_str());
    if is_of_another_revision {
        let input = json!({"cluster": cluster, "service": name, "taskDefinition": service.input["taskDefinition"]});
        call(state, "UpdateService", &input, context)?;
    }
    Ok(cluster)
}

fn call(state: &mut State, operation: &str, input: &Value, context: &Context<'_>) -> Result<Outcome, ServiceError> {
    let operation = Operation::named(&OPERATIONS, operation).ok_or_else(|| error::unknown_operation(operation))?;
    let input = Input::check(operation.input, input).map_err(error::invalid_parameter)?;
    match operation.run {
        Run::Read(run) => Ok(Outcome { output: run(state, input, context)?, events: Vec::new() }),
        Run::Write(run) => run(state, input, context),
    }
}
