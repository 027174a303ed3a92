//! `RegisterTaskDefinition`, `DescribeTaskDefinition`.

use serde_json::{Map, Value, json};

use super::{
    arn,
    context::{Context, Outcome},
    error::{client, invalid_parameter},
    fargate::check_size,
    state::State,
    tags,
    task_definition::{TaskDefinition, is_for_fargate},
};
use crate::aws::service::ServiceError;
use crate::aws::service::shape::Input;

/// What a task definition keeps as it was registered.
const MEMBERS: [&str; 14] = [
    "taskRoleArn",
    "executionRoleArn",
    "networkMode",
    "volumes",
    "placementConstraints",
    "requiresCompatibilities",
    "cpu",
    "memory",
    "pidMode",
    "ipcMode",
    "proxyConfiguration",
    "ephemeralStorage",
    "runtimePlatform",
    "enableFaultInjection",
];

/// Adds a revision to the family.
pub(super) fn register(state: &mut State, input: Input<'_>, context: &Context<'_>) -> Result<Outcome, ServiceError> {
    let family = input.required_text("family");
    let given = MEMBERS.into_iter().filter_map(|name| Some((name.to_owned(), input.json(name)?.clone())));
    let mut definition: Map<String, Value> = given.collect();
    if is_for_fargate(definition.get("requiresCompatibilities")) {
        check_for_fargate(input)?;
    }
    let containers = input.json("containerDefinitions").and_then(Value::as_array).into_iter().flatten();
    let containers: Vec<_> = containers.map(with_defaults).collect();
    if !containers.iter().any(|container| container["essential"] == true) {
        return Err(client("A task definition must have at least one essential container."));
    }
    definition.insert("containerDefinitions".to_owned(), containers.into());
    definition.entry("volumes").or_insert(json!([]));
    definition.entry("placementConstraints").or_insert(json!([]));
    let revisions = state.definitions.entry(family.to_owned()).or_default();
    let revision = revisions.len() + 1;
    let registered = TaskDefinition {
        arn: arn::task_definition(context.region, family, revision),
        family: family.to_owned(),
        revision,
        registered: context.now,
        tags: tags::given(input.json("tags")),
        definition,
    };
    let output = json!({"taskDefinition": registered.describe(), "tags": tags::to_json(&registered.tags)});
    revisions.push(registered);
    Ok(Outcome { output, events: Vec::new() })
}

pub(super) fn describe(state: &State, input: Input<'_>, context: &Context<'_>) -> Result<Value, ServiceError> {
    let definition = state.definition(context.region, input.required_text("taskDefinition"));
    let definition = definition.ok_or_else(|| client("Unable to describe task definition."))?;
    let mut answer = json!({"taskDefinition": definition.describe()});
    if input.texts("include").is_some_and(|include| include.contains(&"TAGS")) {
        answer["tags"] = tags::to_json(&definition.tags);
    }
    Ok(answer)
}

fn check_for_fargate(input: Input<'_>) -> Result<(), ServiceError> {
    if input.text("networkMode") != Some("awsvpc") {
        return Err(client("Fargate only supports network mode 'awsvpc'."));
    }
    for size in ["cpu", "memory"] {
        if input.text(size).is_none_or(str::is_empty) {
            return Err(client(format!("Fargate requires that '{size}' be defined at the task level.")));
        }
    }
    check_size(input.required_text("cpu"), input.required_text("memory"))?;
    match input.structures("containerDefinitions").any(|one| one.text("image").is_none_or(str::is_empty)) {
        true => Err(invalid_parameter("Container.image should not be null or empty.")),
        false => Ok(()),
    }
}

/// A container definition as ECS answers it.
fn with_defaults(container: &Value) -> Value {
    let mut container = container.clone();
    for (member, default) in [
        ("cpu", json!(0)),
        ("essential", json!(true)),
        ("portMappings", json!([])),
        ("environment", json!([])),
        ("mountPoints", json!([])),
        ("volumesFrom", json!([])),
    ] {
        if container.get(member).is_none_or(Value::is_null) {
            container[member] = default;
        }
    }
    container
}
