//! Event source mappings of queues: what an `SQS` event of a function says, or an `AWS::Lambda::EventSourceMapping`.

use std::time::Duration;

use serde_json::Value;

use super::error::Result;
use super::node::Node;
use super::policy::{Effect, Statement};
use crate::plumbing::wildcard::Wildcard;

/// A queue whose messages Lambda hands to the function.
#[derive(Debug, Clone)]
pub(crate) struct EventSource {
    /// The event's name in the template after the function's, such as `RecoveryFunction.Names`, or the mapping's logical id.
    pub(crate) name: String,
    /// ARN of the queue.
    pub(crate) queue: String,
    /// The most messages of one invocation.
    pub(crate) batch_size: usize,
    /// How long messages are gathered for one invocation.
    pub(crate) window: Duration,
    /// The most invocations at a time, if the mapping has a limit of its own.
    pub(crate) max_concurrency: Option<usize>,
    /// Whether the function's answer says which messages failed.
    pub(crate) reports_failures: bool,
    pub(crate) enabled: bool,
    /// Path of the queue's ARN in the template.
    pub(super) at: String,
}

/// What Lambda does with the function's role.
pub(super) const ACTIONS: [&str; 3] = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];

/// Properties that an `SQS` event and a mapping have in common.
const COMMON: [&str; 7] = [
    "BatchSize",
    "Enabled",
    "FunctionResponseTypes",
    "KmsKeyArn",
    "MaximumBatchingWindowInSeconds",
    "MetricsConfig",
    "ScalingConfig",
];

/// The batch size above which Lambda wants a window.
const MOST_WITHOUT_WINDOW: usize = 10;

/// Reads an `SQS` event's resolved properties.
pub(super) fn of_event(function: &str, event: &str, properties: &Node<'_>) -> Result<EventSource> {
    properties.only("an SQS event", &[&COMMON[..], &["Queue"]].concat())?;
    read(format!("{function}.{event}"), properties, "Queue")
}

/// What SAM lets a function with an `SQS` event do, by the managed policy `AWSLambdaSQSQueueExecutionRole`.
pub(super) fn may_poll() -> Statement {
    Statement {
        effect: Effect::Allow,
        actions: ACTIONS.iter().map(|action| Wildcard::iam(&action.to_lowercase())).collect(),
        resources: vec![Wildcard::iam("*")],
        conditions: Vec::new(),
    }
}

/// Reads the resolved properties of an `AWS::Lambda::EventSourceMapping`.
pub(super) fn of_resource(id: &str, properties: &Node<'_>) -> Result<EventSource> {
    const OWN: [&str; 3] = ["EventSourceArn", "FunctionName", "Tags"];
    properties.only("AWS::Lambda::EventSourceMapping", &[&COMMON[..], &OWN].concat())?;
    read(id.to_owned(), properties, "EventSourceArn")
}

fn read(name: String, properties: &Node<'_>, queue: &str) -> Result<EventSource> {
    let source = properties.require(queue)?;
    let arn = source.text()?;
    if !arn.starts_with("arn:aws:sqs:") {
        return Err(source.unsupported("event sources other than SQS queues"));
    }
    let number = |key: &str, least, most, default| match properties.get(key) {
        Some(value) => value.number_within(least, most),
        None => Ok(default),
    };
    let batch_size = number("BatchSize", 1, 10_000, 10)? as usize;
    let window = Duration::from_secs(number("MaximumBatchingWindowInSeconds", 0, 300, 0)?);
    if batch_size > MOST_WITHOUT_WINDOW && window.is_zero() {
        let what = "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10";
        return Err(properties.error(what));
    }
    Ok(EventSource {
        name,
        queue: arn,
        batch_size,
        window,
        max_concurrency: max_concurrency(properties)?,
        reports_failures: reports_failures(properties)?,
        enabled: properties.get("Enabled").map_or(Ok(true), |enabled| enabled.flag())?,
        at: source.at,
    })
}

fn max_concurrency(properties: &Node<'_>) -> Result<Option<usize>> {
    let Some(config) = properties.get("ScalingConfig") else { return Ok(None) };
    config.only("ScalingConfig", &["MaximumConcurrency"])?;
    let limit = config.get("MaximumConcurrency").map(|limit| limit.number_within(2, 1_000)).transpose()?;
    Ok(limit.map(|limit| limit as usize))
}

fn reports_failures(properties: &Node<'_>) -> Result<bool> {
    let Some(types) = properties.get("FunctionResponseTypes") else { return Ok(false) };
    let Value::Array(listed) = types.value else { return Err(types.error("must be a list")) };
    match listed.as_slice() {
        [] => Ok(false),
        [kind] if kind == "ReportBatchItemFailures" => Ok(true),
        _ => Err(types.error("takes ReportBatchItemFailures alone")),
    }
}
