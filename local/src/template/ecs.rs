//! Clusters, task definitions and services of ECS: from CloudFormation's properties to the input of ECS's own calls.

use serde_json::{Map, Value, json};

use super::error::Result;
use super::intrinsics::Scope;
use super::node::Node;
use super::resources;

/// What a template declares of ECS, in the order in which it can be made.
#[derive(Debug, Clone, Default)]
pub(crate) struct EcsResources {
    /// Inputs of `CreateCluster`.
    pub(crate) clusters: Vec<EcsResource>,
    /// Inputs of `RegisterTaskDefinition`.
    pub(crate) task_definitions: Vec<EcsResource>,
    /// Inputs of `CreateService`.
    pub(crate) services: Vec<EcsResource>,
}

/// One of them.
#[derive(Debug, Clone)]
pub(crate) struct EcsResource {
    /// Logical id.
    pub(crate) id: String,
    pub(crate) input: Value,
}

impl EcsResources {
    /// The images of the containers.
    pub(super) fn images(&self) -> impl Iterator<Item = &str> {
        let definitions = self.task_definitions.iter();
        let containers = definitions.filter_map(|one| one.input["containerDefinitions"].as_array()).flatten();
        containers.filter_map(|container| container["image"].as_str())
    }
}

/// The last component of an image's path, without tag and digest.
pub(super) fn image_name(image: &str) -> &str {
    let path = image.split('@').next().unwrap_or_default();
    let last = path.rsplit('/').next().unwrap_or_default();
    last.split(':').next().unwrap_or_default()
}

const CLUSTER: [&str; 6] =
    ["CapacityProviders", "ClusterName", "ClusterSettings", "Configuration", "DefaultCapacityProviderStrategy", "Tags"];

const TASK_DEFINITION: [&str; 12] = [
    "ContainerDefinitions",
    "Cpu",
    "EphemeralStorage",
    "ExecutionRoleArn",
    "Family",
    "Memory",
    "NetworkMode",
    "RequiresCompatibilities",
    "RuntimePlatform",
    "Tags",
    "TaskRoleArn",
    "Volumes",
];

const SERVICE: [&str; 13] = [
    "CapacityProviderStrategy",
    "Cluster",
    "DeploymentConfiguration",
    "DesiredCount",
    "EnableECSManagedTags",
    "EnableExecuteCommand",
    "LaunchType",
    "NetworkConfiguration",
    "PlatformVersion",
    "PropagateTags",
    "ServiceName",
    "Tags",
    "TaskDefinition",
];

/// Of a service, what changes nothing without load balancers and more than one machine. It is not evaluated, since it
/// refers to resources that are not here.
const SERVICE_NOT_READ: [&str; 10] = [
    "AvailabilityZoneRebalancing",
    "DeploymentController",
    "ForceNewDeployment",
    "HealthCheckGracePeriodSeconds",
    "LoadBalancers",
    "PlacementConstraints",
    "PlacementStrategies",
    "SchedulingStrategy",
    "ServiceRegistries",
    "VpcLatticeConfigurations",
];

/// Members whose own members have names of the user's choice.
const NAMED_BY_USERS: [&str; 3] = ["dockerLabels", "options", "driverOpts"];

/// Members that are numbers in ECS's API; a parameter of a template is a text.
const NUMBERS: [&str; 17] = [
    "base",
    "containerPort",
    "desiredCount",
    "hardLimit",
    "hostPort",
    "interval",
    "maximumPercent",
    "memoryReservation",
    "minimumHealthyPercent",
    "retries",
    "sizeInGiB",
    "softLimit",
    "startPeriod",
    "startTimeout",
    "stopTimeout",
    "timeout",
    "weight",
];

const FLAGS: [&str; 10] = [
    "enable",
    "enableECSManagedTags",
    "enableExecuteCommand",
    "essential",
    "initProcessEnabled",
    "interactive",
    "privileged",
    "pseudoTerminal",
    "readonlyRootFilesystem",
    "rollback",
];

/// Reads the resources of ECS among those of the template.
pub(crate) fn read(scope: &Scope<'_>, resources: &[(&str, &str, &Value)]) -> Result<EcsResources> {
    let mut found = EcsResources::default();
    for (id, kind, declaration) in resources {
        let (into, what, read, not_read): (_, _, &[&str], &[&str]) = match *kind {
            "AWS::ECS::Cluster" => (&mut found.clusters, "a cluster", &CLUSTER, &[]),
            "AWS::ECS::TaskDefinition" => (&mut found.task_definitions, "a task definition", &TASK_DEFINITION, &[]),
            "AWS::ECS::Service" => (&mut found.services, "a service", &SERVICE, &SERVICE_NOT_READ),
            _ => continue,
        };
        let at = format!("Resources.{id}.Properties");
        let empty = json!({});
        let declared = Node::new(declaration.get("Properties").unwrap_or(&empty), &at);
        declared.only(what, &[read, not_read].concat())?;
        let read: Map<_, _> =
            declared.map()?.clone().into_iter().filter(|(name, _)| read.contains(&name.as_str())).collect();
        let properties = scope.resolve(&read.into(), &at)?;
        let mut input = in_api_form(&Node::new(&properties, &at))?;
        let name = resources::physical_name(scope, kind, id)?;
        match *kind {
            "AWS::ECS::Cluster" => {
                if let Some(settings) = input.remove("clusterSettings") {
                    input.insert("settings".to_owned(), settings);
                }
                input.insert("clusterName".to_owned(), name.into());
            }
            "AWS::ECS::TaskDefinition" => _ = input.insert("family".to_owned(), name.into()),
            _ => _ = input.insert("serviceName".to_owned(), name.into()),
        }
        into.push(EcsResource { id: (*id).to_owned(), input: input.into() });
    }
    Ok(found)
}

/// Properties as ECS's API has them: names begin with a small letter, numbers and flags are no texts.
fn in_api_form(properties: &Node<'_>) -> Result<Map<String, Value>> {
    let mut members = Map::new();
    for (name, value) in properties.entries()? {
        let member = small(name);
        let in_container = properties.at.contains(".ContainerDefinitions[");
        let value = match member.as_str() {
            name if NAMED_BY_USERS.contains(&name) => value.value.clone(),
            name if NUMBERS.contains(&name) => value.number()?.into(),
            // Of a task as a whole, they are texts.
            "cpu" | "memory" if in_container => value.number()?.into(),
            "cpu" | "memory" | "value" => value.text()?.into(),
            name if FLAGS.contains(&name) => value.flag()?.into(),
            _ => member_in_api_form(&value)?,
        };
        members.insert(member, value);
    }
    Ok(members)
}

fn member_in_api_form(value: &Node<'_>) -> Result<Value> {
    match value.value {
        Value::Object(_) => Ok(in_api_form(value)?.into()),
        Value::Array(_) => value.elements().iter().map(member_in_api_form).collect(),
        other => Ok(other.clone()),
    }
}

fn small(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::template::Template;
    use crate::template::error::without_cure;

    const FLEET: &str = include_str!("../../tests/local_cloud/containers.yaml");

    fn load(text: &str) -> Result<Template> {
        let image = BTreeMap::from([("Image".to_owned(), "registry.example:5000/of/server:1@sha256:0".to_owned())]);
        Template::load(text, "stack", "us-east-1", "http://sqs.test", &image, &|name, _| name.to_owned())
    }

    #[test]
    fn resources_become_the_input_of_calls() {
        let template = load(FLEET).unwrap();
        assert_eq!(template.ecs.clusters[0].input["settings"][0]["name"], "containerInsights");
        let definition = &template.ecs.task_definitions[0].input;
        let container = &definition["containerDefinitions"][0];
        for (found, expected) in [
            (&definition["cpu"], json!("256")),
            (&definition["taskRoleArn"], json!("arn:aws:iam::000000000000:role/stack-Role")),
            (&container["portMappings"], json!([{"containerPort": 8443, "protocol": "tcp"}])),
            (&container["environment"][1], json!({"name": "COUNT", "value": "7"})),
            (&container["logConfiguration"]["options"]["Mode"], json!("non-blocking")),
            (&template.ecs.services[0].input["cluster"], json!("live")),
            (&template.ecs.services[0].input["loadBalancers"], json!(null)),
        ] {
            assert_eq!(*found, expected);
        }
        let network = &template.ecs.services[0].input["networkConfiguration"]["awsvpcConfiguration"];
        assert_eq!(network["subnets"], json!(["subnet-1", "subnet-2"]));
        assert_eq!(network["securityGroups"][0], template.outputs()["Group"].as_str());
        assert_eq!(template.images().values().collect::<Vec<_>>(), ["other", "server"]);
    }

    #[test]
    fn the_role_of_a_task_is_read_and_no_other() {
        let template = load(FLEET).unwrap();
        assert_eq!(template.task_roles.keys().collect::<Vec<_>>(), ["arn:aws:iam::000000000000:role/stack-Role"]);
        let managed = FLEET.replace("TaskRoleArn: !GetAtt Role.Arn", "TaskRoleArn: !GetAtt ExecutionRole.Arn");
        let said = load(&managed).unwrap_err().to_string();
        assert!(
            said.starts_with(
                "Resources.ExecutionRole.Properties.ManagedPolicyArns: the local cloud does not support managed"
            ),
            "{said}"
        );
    }

    #[test]
    fn what_nobody_reads_is_refused() {
        for (from, to, expected) in [
            (
                "StopTimeout: 2",
                "StopTimeout: soon",
                "Resources.Definition.Properties.ContainerDefinitions[0].StopTimeout: must be a whole number",
            ),
            (
                "ServiceName: web",
                "ServiceName: web\n      Colour: red",
                "Resources.Service.Properties: the local cloud does not support `Colour` of a service",
            ),
            (
                "Programs: [",
                "Colour: [",
                "Metadata.LocalCloud: the local cloud does not support `Colour` of Metadata.LocalCloud",
            ),
        ] {
            assert_eq!(without_cure(&load(&FLEET.replace(from, to)).unwrap_err().to_string()), expected);
        }
    }

    #[test]
    fn the_metadata_has_what_parameters_are_here() {
        let parameters = Template::local_parameters(FLEET).unwrap();
        assert_eq!(parameters["Url"], "http://{publicIp}:{tasksPort}/{taskId}");
        assert!(Template::local_parameters("Resources: {}").unwrap().is_empty());
    }
}
