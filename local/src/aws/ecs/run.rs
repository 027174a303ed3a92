//! `RunTask`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    capacity::{self, Strategy},
    context::{Context, Outcome},
    error::{conflict, invalid_parameter},
    interface::Interface,
    state::{PastRequest, State, request_key},
    status::Status,
    tags,
    task::{Container, Task, Times},
    task_definition::TaskDefinition,
};
use crate::aws::service::ServiceError;
use crate::aws::service::shape::Input;
use crate::plumbing::ids;

/// What `LATEST` means for Linux.
const LATEST_PLATFORM: &str = "1.4.0";
/// Ephemeral storage of a task that asks for none, in GiB.
const DEFAULT_STORAGE: i64 = 20;

/// Who starts a task.
pub(super) enum Launcher<'a> {
    Caller,
    /// The scheduler of the service with this name.
    Service(&'a str),
}

/// Starts tasks for the caller.
pub(super) fn run(state: &mut State, input: Input<'_>, context: &Context<'_>) -> Result<Outcome, ServiceError> {
    start(state, input, context, &Launcher::Caller)
}

/// Starts tasks. A repeated request, told by its client token, answers the tasks of the first one as they are now.
pub(super) fn start(
    state: &mut State,
    input: Input<'_>,
    context: &Context<'_>,
    launcher: &Launcher<'_>,
) -> Result<Outcome, ServiceError> {
    let (cluster, _) = state.cluster(context.region, input.text("cluster"))?;
    let key = input.text("clientToken").map(|token| request_key(cluster, token));
    if let Some(past) = key.as_ref().and_then(|key| state.requests.get(key)) {
        if past.input != *input.as_json() {
            return Err(conflict());
        }
        let tasks = past.tasks.iter().filter_map(|id| state.task(cluster, id, context.now));
        let tasks: Vec<_> = tasks.map(|task| task.to_api(context.region, true)).collect();
        return Ok(Outcome { output: json!({"tasks": tasks, "failures": []}), events: Vec::new() });
    }
    let definition = state.definition(context.region, input.required_text("taskDefinition"));
    let definition = definition.ok_or_else(|| invalid_parameter("TaskDefinition not found."))?;
    let launch = Launch::of(state, cluster, definition, input)?;
    let group = match (launcher, input.text("group")) {
        (Launcher::Service(name), _) => format!("service:{name}"),
        (Launcher::Caller, Some(group)) if group.starts_with("service:") => {
            return Err(invalid_parameter("Invalid namespace for group."));
        }
        (Launcher::Caller, Some(group)) => group.to_owned(),
        (Launcher::Caller, None) => format!("family:{}", definition.family),
    };
    let count = input.integer("count").and_then(|count| usize::try_from(count).ok()).unwrap_or(1);
    let numbers = (0..).map(|number| state.interfaces.wrapping_add(number));
    let mut tasks: Vec<Task> = Vec::new();
    for number in numbers.take(count) {
        let capacity_provider = launch.next_provider(state, cluster, &group, &tasks);
        let task = launch.task(cluster, input, context, number);
        tasks.push(Task { group: group.clone(), capacity_provider, ..task });
    }

    let (cluster, ids) = (cluster.to_owned(), tasks.iter().map(|task| task.id.clone()).collect());
    let described: Vec<_> = tasks.iter().map(|task| task.to_api(context.region, true)).collect();
    let events = tasks.iter().map(|task| task.to_event(context.region)).collect();
    state.interfaces = state.interfaces.wrapping_add(u32::try_from(count).unwrap_or(u32::MAX));
    state.tasks.extend(tasks.into_iter().map(|task| (task.id.clone(), task)));
    if let Some(key) = key {
        let past = PastRequest { input: input.as_json().clone(), tasks: ids, at: context.now };
        state.requests.insert(key, past);
    }
    if let (Launcher::Service(name), Some(cluster)) = (launcher, state.clusters.get_mut(&cluster)) {
        cluster.services.insert((*name).to_owned());
    }
    Ok(Outcome { output: json!({"tasks": described, "failures": []}), events })
}

/// What the tasks of one request have in common.
struct Launch<'a> {
    definition: &'a TaskDefinition,
    /// None by launch type.
    strategy: Option<Strategy<'a>>,
    subnets: Vec<&'a str>,
    security_groups: Vec<String>,
    assign_public_ip: bool,
    started_by: Option<String>,
    tags: tags::Tags,
}

impl<'a> Launch<'a> {
    fn of(
        state: &'a State,
        cluster: &str,
        definition: &'a TaskDefinition,
        input: Input<'a>,
    ) -> Result<Self, ServiceError> {
        let strategy =
            state.clusters.get(cluster).map(|cluster| capacity::chosen(input, cluster)).transpose()?.flatten();
        // Without a launch type, EC2 is meant.
        if strategy.is_none() && input.text("launchType") != Some("FARGATE") {
            return Err(invalid_parameter("No Container Instances were found in your cluster."));
        }
        if !definition.is_for_fargate() {
            return Err(invalid_parameter("Task definition does not support launch_type FARGATE."));
        }
        let network = input.json("networkConfiguration").and_then(|network| network.get("awsvpcConfiguration"));
        let network = network.filter(|network| network.is_object()).ok_or_else(|| {
            invalid_parameter("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
        })?;
        let texts = |member: &str| network[member].as_array().into_iter().flatten().filter_map(Value::as_str);
        let subnets: Vec<_> = texts("subnets").collect();
        if subnets.is_empty() {
            return Err(invalid_parameter("subnets can not be empty."));
        }
        let mut tags = match input.text("propagateTags") {
            Some("TASK_DEFINITION") => definition.tags.clone(),
            Some("SERVICE") => return Err(invalid_parameter("propagateTags SERVICE is not for RunTask.")),
            _ => tags::Tags::new(),
        };
        tags.extend(tags::given(input.json("tags")));
        Ok(Self {
            definition,
            strategy,
            subnets,
            security_groups: texts("securityGroups").map(str::to_owned).collect(),
            assign_public_ip: network["assignPublicIp"] == "ENABLED",
            started_by: input.text("startedBy").map(str::to_owned),
            tags,
        })
    }

    /// The capacity provider of the request's next task. A service's tasks count from one request to the next; others are
    /// those of one request.
    fn next_provider(&self, state: &State, cluster: &str, group: &str, started: &[Task]) -> Option<String> {
        let is_of_service = |task: &&Task| {
            group.starts_with("service:")
                && task.group == group
                && task.cluster == cluster
                && task.stop.is_none()
                && task.started_by == self.started_by
        };
        let count = |provider: &str| {
            let tasks = state.tasks.values().filter(is_of_service).chain(started);
            tasks.filter(|task| task.capacity_provider.as_deref() == Some(provider)).count() as u64
        };
        self.strategy.as_ref()?.next(count).map(str::to_owned)
    }

    /// A task in its first state. Its subnet is the next one in turn.
    fn task(&self, cluster: &str, input: Input<'_>, context: &Context<'_>, number: u32) -> Task {
        let id = ids::hex(32);
        let overrides = input.json("overrides");
        // What the request overrides, or what the definition says.
        let size = |member: &str| {
            let over = overrides.and_then(|overrides| overrides.get(member)).filter(|over| over.is_string());
            over.or_else(|| self.definition.get(member)).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let storage = |from: Option<&Value>| from?.get("ephemeralStorage")?.get("sizeInGiB")?.as_i64();
        let registered = json!({"ephemeralStorage": self.definition.get("ephemeralStorage")});
        let platform = input.text("platformVersion").filter(|version| *version != "LATEST");
        let subnet = self.subnets[number as usize % self.subnets.len()];
        let groups = self.security_groups.clone();
        let containers = self.definition.containers().map(|container| new_container(container, &id, context.binaries));
        let containers: Vec<_> = containers.collect();
        let is_here = containers.iter().any(|container| container.binary.is_some());
        Task {
            cluster: cluster.to_owned(),
            definition_arn: self.definition.arn.clone(),
            family: self.definition.family.clone(),
            group: String::new(),
            started_by: self.started_by.clone(),
            capacity_provider: None,
            platform_version: platform.unwrap_or(LATEST_PLATFORM).to_owned(),
            architecture: self.architecture().to_owned(),
            cpu: size("cpu"),
            memory: size("memory"),
            storage: storage(overrides).or_else(|| storage(Some(&registered))).unwrap_or(DEFAULT_STORAGE),
            enable_execute_command: input.boolean("enableExecuteCommand").unwrap_or(false),
            overrides: self.overrides(overrides),
            tags: self.tags.clone(),
            interface: Interface::new(context.region, number, subnet, groups, self.assign_public_ip, is_here),
            containers,
            status: Status::Provisioning,
            stop: None,
            times: Times::of_new_task(context.now),
            version: 1,
            is_long: context.long_task_life,
            id,
        }
    }

    fn architecture(&self) -> &'static str {
        let platform = self.definition.get("runtimePlatform").and_then(|platform| platform.get("cpuArchitecture"));
        if platform.is_some_and(|architecture| architecture == "ARM64") { "arm64" } else { "x86_64" }
    }

    /// The overrides with an entry for every container, as ECS answers them.
    fn overrides(&self, given: Option<&Value>) -> Value {
        let mut overrides = given.cloned().unwrap_or_else(|| json!({}));
        let mut containers = overrides["containerOverrides"].as_array().cloned().unwrap_or_default();
        for container in self.definition.containers() {
            if !containers.iter().any(|given| given["name"] == container["name"]) {
                containers.push(json!({"name": container["name"]}));
            }
        }
        overrides["containerOverrides"] = containers.into();
        overrides
    }
}

fn new_container(definition: &Value, task: &str, binaries: &BTreeMap<String, String>) -> Container {
    let text = |member: &str| definition[member].as_str().unwrap_or_default().to_owned();
    Container {
        id: ids::uuid(),
        name: text("name"),
        image: text("image"),
        cpu: definition["cpu"].to_string(),
        memory: definition.get("memory").filter(|memory| memory.is_number()).map(Value::to_string),
        runtime_id: format!("{task}-{}", ids::digits(10)),
        exit_code: None,
        reason: None,
        binary: definition["image"].as_str().and_then(|image| binaries.get(image)).cloned(),
        is_essential: definition["essential"] != false,
    }
}
