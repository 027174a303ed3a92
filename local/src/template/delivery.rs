//! What follows an event that Lambda does not take: `RetryPolicy` and `DeadLetterConfig` of rules and schedules, and
//! `EventInvokeConfig` of functions, for an event that the function fails to handle.

use std::time::Duration;

use super::error::Result;
use super::intrinsics::Scope;
use super::node::Node;
use super::policy::{Effect, Statement};
use super::resources;
use crate::plumbing::retry::RetryPolicy;
use crate::plumbing::wildcard::Wildcard;

/// The queue for events that a rule or schedule cannot deliver.
#[derive(Debug, Clone)]
pub(crate) struct DeadLetterQueue {
    pub(crate) arn: String,
    /// Path of the ARN in the template; `None` if SAM makes the queue, and with it the permission to send to it.
    pub(super) at: Option<String>,
}

/// `EventInvokeConfig`.
#[derive(Debug, Clone)]
pub(crate) struct EventInvokeConfig {
    pub(crate) retries: RetryPolicy,
    /// ARN of the queue for events that the function failed to handle.
    pub(crate) on_failure: Option<String>,
}

/// EventBridge's own limits, and Scheduler's.
const DELIVERY_RETRIES: RetryPolicy = RetryPolicy { maximum_attempts: 185, maximum_age: Duration::from_secs(86_400) };

/// Lambda's own limits for asynchronous invocations.
const INVOKE_RETRIES: RetryPolicy = RetryPolicy { maximum_attempts: 2, maximum_age: Duration::from_secs(21_600) };

/// The limits that `config` sets, within those of AWS.
fn limits(config: &Node<'_>, defaults: RetryPolicy) -> Result<RetryPolicy> {
    let mut policy = defaults;
    if let Some(attempts) = config.get("MaximumRetryAttempts") {
        policy.maximum_attempts = attempts.number_within(0, defaults.maximum_attempts.into())? as u32;
    }
    if let Some(age) = config.get("MaximumEventAgeInSeconds") {
        policy.maximum_age = Duration::from_secs(age.number_within(60, defaults.maximum_age.as_secs())?);
    }
    Ok(policy)
}

/// `RetryPolicy` of a rule or schedule.
pub(super) fn retry_policy(properties: &Node<'_>) -> Result<RetryPolicy> {
    let Some(config) = properties.get("RetryPolicy") else { return Ok(DELIVERY_RETRIES) };
    config.only("RetryPolicy", &["MaximumEventAgeInSeconds", "MaximumRetryAttempts"])?;
    limits(&config, DELIVERY_RETRIES)
}

/// `DeadLetterConfig` of the rule or schedule that SAM makes with the logical id `made`.
pub(super) fn dead_letter_queue(
    scope: &Scope<'_>,
    properties: &Node<'_>,
    made: &str,
) -> Result<Option<DeadLetterQueue>> {
    let Some(config) = properties.get("DeadLetterConfig") else { return Ok(None) };
    config.only("DeadLetterConfig", &["Arn", "QueueLogicalId", "Type"])?;
    match (config.get("Arn"), config.get("Type")) {
        (Some(arn), None) => Ok(Some(DeadLetterQueue { arn: arn.text()?, at: Some(arn.at) })),
        (None, Some(kind)) if kind.value == "SQS" => {
            let id = match config.get("QueueLogicalId") {
                Some(id) => id.text()?,
                None => format!("{made}Queue"),
            };
            Ok(Some(DeadLetterQueue { arn: resources::queue_arn(scope, &id)?, at: None }))
        }
        (None, Some(kind)) => Err(kind.error("must be SQS")),
        (Some(_), Some(_)) | (None, None) => Err(config.error("takes either `Arn` or `Type`")),
    }
}

/// `EventInvokeConfig` of the function `id`.
pub(super) fn event_invoke_config(scope: &Scope<'_>, properties: &Node<'_>, id: &str) -> Result<EventInvokeConfig> {
    let Some(config) = properties.get("EventInvokeConfig") else {
        return Ok(EventInvokeConfig { retries: INVOKE_RETRIES, on_failure: None });
    };
    config.only("EventInvokeConfig", &["DestinationConfig", "MaximumEventAgeInSeconds", "MaximumRetryAttempts"])?;
    let mut on_failure = None;
    if let Some(destinations) = config.get("DestinationConfig") {
        destinations.only("DestinationConfig", &["OnFailure"])?;
        on_failure = destinations.get("OnFailure").map(|on_failure| destination(scope, &on_failure, id)).transpose()?;
    }
    Ok(EventInvokeConfig { retries: limits(&config, INVOKE_RETRIES)?, on_failure })
}

/// The ARN of a destination that is a queue.
fn destination(scope: &Scope<'_>, on_failure: &Node<'_>, id: &str) -> Result<String> {
    on_failure.only("OnFailure", &["Destination", "Type"])?;
    if let Some(kind) = on_failure.get("Type").filter(|kind| kind.value != "SQS") {
        return Err(kind.unsupported("destinations other than SQS queues"));
    }
    match on_failure.get("Destination") {
        Some(destination) => {
            let arn = destination.text()?;
            if arn.starts_with("arn:aws:sqs:") {
                return Ok(arn);
            }
            Err(destination.unsupported("destinations other than SQS queues"))
        }
        None => resources::queue_arn(scope, &on_failure_queue(id)),
    }
}

/// The logical id of the queue that SAM makes for a function's `OnFailure` without a `Destination`.
pub(super) fn on_failure_queue(function: &str) -> String {
    format!("{function}EventInvokeConfigOnFailureQueue")
}

/// What SAM lets a function with a destination do, since Lambda sends with the function's own role.
pub(super) fn may_send_to(arn: &str) -> Statement {
    Statement {
        effect: Effect::Allow,
        actions: vec![Wildcard::iam("sqs:sendmessage")],
        resources: vec![Wildcard::iam(arn)],
        conditions: Vec::new(),
    }
}
