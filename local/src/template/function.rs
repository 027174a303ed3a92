//! `AWS::Serverless::Function`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::api::{self, Api, HttpRoute};
use super::delivery::{self, DeadLetterQueue, EventInvokeConfig};
use super::error::Result;
use super::event_source::{self, EventSource};
use super::intrinsics::Scope;
use super::node::Node;
use super::permission::Permission;
use super::policy::{self, Statement};
use super::resources;
use super::schedule::{self, Schedule};
use crate::aws::event_bridge::pattern::Pattern;
use crate::plumbing::retry::RetryPolicy;

/// A Lambda function.
#[derive(Debug, Clone)]
pub(crate) struct Function {
    /// Logical id, such as `StageFunction`.
    pub(crate) id: String,
    /// Physical name, such as `greenroom-StageFunction`.
    pub(crate) name: String,
    /// The directory of its code, seen from the template's.
    pub(crate) code_uri: String,
    /// Cargo package: the last component of `CodeUri`.
    pub(crate) package: String,
    /// The executable's name: `Metadata.BuildProperties.Binary`, or the package's.
    pub(crate) binary: String,
    pub(crate) handler: String,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) memory_mb: u64,
    pub(crate) timeout: Duration,
    /// `ReservedConcurrentExecutions`: the most instances that work at a time.
    pub(crate) max_concurrency: Option<u64>,
    pub(crate) logging: Logging,
    pub(crate) policy: Vec<Statement>,
    /// Services that may invoke it, besides those of its events.
    pub(crate) permissions: Vec<Permission>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) schedules: Vec<Schedule>,
    pub(crate) event_sources: Vec<EventSource>,
    /// What follows an asynchronous invocation that fails.
    pub(crate) event_invoke: EventInvokeConfig,
}

impl Function {
    /// Whether a service may invoke it for a resource.
    pub(crate) fn lets_invoke(&self, principal: &str, source_arn: &str) -> bool {
        self.permissions.iter().any(|permission| permission.lets(principal, source_arn))
    }
}

/// `LoggingConfig`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Logging {
    /// `Text` or `JSON`.
    pub(crate) format: Option<String>,
    /// `ApplicationLogLevel`; `INFO` if the format is JSON.
    pub(crate) level: Option<String>,
    pub(crate) group: Option<String>,
}

/// An EventBridge rule whose target is the function.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    /// The event's name in the template after the function's, such as `TaskTrackerFunction.Tasks`.
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) pattern: Pattern,
    pub(crate) enabled: bool,
    pub(crate) retries: RetryPolicy,
    pub(crate) dead_letter_queue: Option<DeadLetterQueue>,
}

/// Properties that the local cloud reads.
const READ: [&str; 13] = [
    "CodeUri",
    "Environment",
    "EventInvokeConfig",
    "Events",
    "FunctionName",
    "Handler",
    "LoggingConfig",
    "MemorySize",
    "PackageType",
    "Policies",
    "ReservedConcurrentExecutions",
    "Runtime",
    "Timeout",
];

/// Properties that change nothing for one process on one machine.
const HARMLESS: [&str; 10] = [
    "Architectures",
    "AutoPublishAlias",
    "DeploymentPreference",
    "Description",
    "EphemeralStorage",
    "PermissionsBoundary",
    "PropagateTags",
    "RolePath",
    "Tags",
    "Tracing",
];

/// Lambda's own default of `Timeout`, seconds.
const DEFAULT_TIMEOUT_SECONDS: u64 = 3;
/// Lambda's own default of `MemorySize`.
const DEFAULT_MEMORY_MB: u64 = 128;

/// Reads a function's resolved properties (globals merged in) and adds its routes to the API.
pub(crate) fn function(
    scope: &Scope<'_>,
    id: &str,
    name: String,
    metadata: &Node<'_>,
    properties: &Node<'_>,
    api: &mut Api,
) -> Result<Function> {
    properties.only("AWS::Serverless::Function", &[&READ[..], &HARMLESS[..]].concat())?;
    check_runtime(properties)?;
    let (code_uri, package) = code(properties)?;
    let binary = metadata.get("BuildProperties").and_then(|build| build.get("Binary")).map(|binary| binary.text());
    let number = |key: &str, default| properties.get(key).map_or(Ok(default), |value| value.number());
    let mut function = Function {
        id: id.to_owned(),
        name,
        binary: binary.transpose()?.unwrap_or_else(|| package.clone()),
        code_uri,
        package,
        handler: properties.get("Handler").map_or(Ok("bootstrap".to_owned()), |handler| handler.text())?,
        environment: environment(properties)?,
        memory_mb: number("MemorySize", DEFAULT_MEMORY_MB)?,
        timeout: Duration::from_secs(number("Timeout", DEFAULT_TIMEOUT_SECONDS)?),
        max_concurrency: max_concurrency(properties)?,
        logging: properties.get("LoggingConfig").map(|config| logging(&config)).transpose()?.unwrap_or_default(),
        policy: properties.get("Policies").map(|list| policy::statements(&list)).transpose()?.unwrap_or_default(),
        permissions: Vec::new(),
        rules: Vec::new(),
        schedules: Vec::new(),
        event_sources: Vec::new(),
        event_invoke: delivery::event_invoke_config(scope, properties, id)?,
    };
    function.policy.extend(function.event_invoke.on_failure.as_deref().map(delivery::may_send_to));
    if let Some(events) = properties.get("Events") {
        for (name, event) in events.entries()? {
            self::event(scope, &mut function, api, name, &event)?;
        }
    }
    Ok(function)
}

/// Only functions that are executables of their own can run here.
fn check_runtime(properties: &Node<'_>) -> Result<()> {
    if let Some(kind) = properties.get("PackageType").filter(|kind| kind.value != "Zip") {
        return Err(kind.unsupported("container images"));
    }
    match properties.get("Runtime") {
        Some(runtime) if !runtime.text()?.starts_with("provided") => {
            Err(runtime.unsupported(format!("the runtime {}", runtime.value)))
        }
        _ => Ok(()),
    }
}

/// At least one: a function that nobody may call would answer here.
fn max_concurrency(properties: &Node<'_>) -> Result<Option<u64>> {
    let Some(reserved) = properties.get("ReservedConcurrentExecutions") else { return Ok(None) };
    match reserved.number()? {
        0 => Err(reserved.unsupported("functions without concurrency")),
        number => Ok(Some(number)),
    }
}

/// `CodeUri`, and the Cargo package that it names.
fn code(properties: &Node<'_>) -> Result<(String, String)> {
    let code = properties.require("CodeUri")?;
    let uri = code.text()?;
    match uri.trim_end_matches('/').rsplit('/').next() {
        Some(package) if !package.is_empty() && package != "." => Ok((uri.clone(), package.to_owned())),
        _ => Err(code.error(format!("`{uri}` must end in the name of a Cargo package"))),
    }
}

fn environment(properties: &Node<'_>) -> Result<BTreeMap<String, String>> {
    let Some(environment) = properties.get("Environment") else { return Ok(BTreeMap::new()) };
    environment.only("Environment", &["Variables"])?;
    let Some(variables) = environment.get("Variables") else { return Ok(BTreeMap::new()) };
    let mut resolved = BTreeMap::new();
    for (name, value) in variables.entries()? {
        if name.starts_with("AWS_") || name.starts_with("LAMBDA_") {
            return Err(value.error("is reserved by Lambda"));
        }
        resolved.insert(name.to_owned(), value.text()?);
    }
    Ok(resolved)
}

fn logging(config: &Node<'_>) -> Result<Logging> {
    config.only("LoggingConfig", &["LogFormat", "LogGroup", "ApplicationLogLevel", "SystemLogLevel"])?;
    let text = |key: &str| config.get(key).map(|value| value.text()).transpose();
    Ok(Logging { format: text("LogFormat")?, level: text("ApplicationLogLevel")?, group: text("LogGroup")? })
}

fn event(scope: &Scope<'_>, function: &mut Function, api: &mut Api, name: &str, event: &Node<'_>) -> Result<()> {
    let kind = event.require("Type")?;
    let empty = serde_json::json!({});
    let properties = event.get("Properties").unwrap_or_else(|| Node::new(&empty, &event.at));
    match kind.text()?.as_str() {
        "HttpApi" => {
            let route: HttpRoute = api::route(api, &function.id, &properties)?;
            if let Some(other) = api.routes.iter().find(|other| other.key() == route.key()) {
                return Err(event.error(format!("`{}` is already a route of {}", route.key(), other.function)));
            }
            api.routes.push(route);
        }
        "EventBridgeRule" | "CloudWatchEvent" => function.rules.push(rule(scope, &function.id, name, &properties)?),
        "Schedule" => function.schedules.push(schedule::of_rule(scope, &function.id, name, &properties)?),
        "ScheduleV2" => function.schedules.push(schedule::of_scheduler(scope, &function.id, name, &properties)?),
        "SQS" => {
            function.event_sources.push(event_source::of_event(&function.id, name, &properties)?);
            function.policy.push(event_source::may_poll());
        }
        other => return Err(kind.unsupported(format!("events of type {other}"))),
    }
    Ok(())
}

fn rule(scope: &Scope<'_>, function: &str, event: &str, properties: &Node<'_>) -> Result<Rule> {
    const KNOWN: [&str; 6] = ["DeadLetterConfig", "EventBusName", "Pattern", "RetryPolicy", "RuleName", "State"];
    properties.only("an EventBridgeRule event", &KNOWN)?;
    if let Some(bus) = properties.get("EventBusName").filter(|bus| bus.value != "default") {
        return Err(bus.unsupported("event buses other than default"));
    }
    let pattern = properties.require("Pattern")?;
    // The logical id of the rule that SAM makes.
    let made = format!("{function}{event}");
    Ok(Rule {
        name: format!("{function}.{event}"),
        arn: resources::rule_arn(scope, &made)?,
        pattern: Pattern::parse(pattern.value).map_err(|what| pattern.error(what))?,
        enabled: schedule::is_enabled(properties),
        retries: delivery::retry_policy(properties)?,
        dead_letter_queue: delivery::dead_letter_queue(scope, properties, &made)?,
    })
}
