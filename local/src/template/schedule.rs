//! `Schedule` and `ScheduleV2` events of a function.

use std::time::Duration;

use super::delivery::{self, DeadLetterQueue};
use super::error::Result;
use super::intrinsics::Scope;
use super::node::Node;
use super::resources;
use crate::plumbing::retry::RetryPolicy;

/// A schedule whose target is the function.
#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    /// The event's name in the template after the function's, such as `SweepFunction.EveryMinute`.
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) service: ScheduleService,
    pub(crate) expression: Expression,
    pub(crate) enabled: bool,
    /// The payload in place of the service's own.
    pub(crate) input: Option<String>,
    pub(crate) retries: RetryPolicy,
    pub(crate) dead_letter_queue: Option<DeadLetterQueue>,
}

/// Who keeps the time, and writes the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScheduleService {
    /// `Schedule`: a rule of EventBridge.
    Rule,
    /// `ScheduleV2`: EventBridge Scheduler.
    Scheduler,
}

/// When it is time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expression {
    /// `rate(5 minutes)`.
    Rate(Duration),
    /// `cron(...)` or `at(...)`, which the local cloud does not run.
    Calendar(String),
}

/// Reads a `Schedule` event's resolved properties.
pub(super) fn of_rule(scope: &Scope<'_>, function: &str, event: &str, properties: &Node<'_>) -> Result<Schedule> {
    const KNOWN: [&str; 8] =
        ["DeadLetterConfig", "Description", "Enabled", "Input", "Name", "RetryPolicy", "Schedule", "State"];
    properties.only("a Schedule event", &KNOWN)?;
    let enabled = match properties.get("Enabled") {
        Some(enabled) => enabled.flag()?,
        None => is_enabled(properties),
    };
    let service = ScheduleService::Rule;
    Ok(Schedule { enabled, ..schedule(scope, function, event, properties, service, "Schedule")? })
}

/// Reads a `ScheduleV2` event's resolved properties.
pub(super) fn of_scheduler(scope: &Scope<'_>, function: &str, event: &str, properties: &Node<'_>) -> Result<Schedule> {
    // A flexible window is used at its beginning, and a rate is the same in every time zone.
    const KNOWN: [&str; 13] = [
        "DeadLetterConfig",
        "Description",
        "FlexibleTimeWindow",
        "GroupName",
        "Input",
        "KmsKeyArn",
        "Name",
        "OmitName",
        "PermissionsBoundary",
        "RetryPolicy",
        "ScheduleExpression",
        "ScheduleExpressionTimezone",
        "State",
    ];
    properties.only("a ScheduleV2 event", &KNOWN)?;
    schedule(scope, function, event, properties, ScheduleService::Scheduler, "ScheduleExpression")
}

fn schedule(
    scope: &Scope<'_>,
    function: &str,
    event: &str,
    properties: &Node<'_>,
    service: ScheduleService,
    key: &str,
) -> Result<Schedule> {
    let made = format!("{function}{event}");
    Ok(Schedule {
        name: format!("{function}.{event}"),
        arn: match service {
            ScheduleService::Rule => resources::rule_arn(scope, &made)?,
            ScheduleService::Scheduler => resources::schedule_arn(scope, &made)?,
        },
        service,
        expression: expression(&properties.require(key)?)?,
        enabled: is_enabled(properties),
        input: properties.get("Input").map(|input| input.text()).transpose()?,
        retries: delivery::retry_policy(properties)?,
        dead_letter_queue: delivery::dead_letter_queue(scope, properties, &made)?,
    })
}

/// `State` of a rule or schedule.
pub(super) fn is_enabled(properties: &Node<'_>) -> bool {
    properties.get("State").is_none_or(|state| state.value != "DISABLED")
}

fn expression(node: &Node<'_>) -> Result<Expression> {
    let text = node.text()?;
    let inner = |kind: &str| text.strip_prefix(kind)?.strip_prefix('(')?.strip_suffix(')');
    if inner("cron").or(inner("at")).is_some() {
        return Ok(Expression::Calendar(text));
    }
    let rate = inner("rate").and_then(|rate| rate.split_once(' ')).and_then(|(count, unit)| {
        let unit = match unit.trim() {
            "minute" | "minutes" => 60,
            "hour" | "hours" => 60 * 60,
            "day" | "days" => 24 * 60 * 60,
            _ => return None,
        };
        count.parse::<u32>().ok().filter(|count| *count > 0).map(|count| u64::from(count) * unit)
    });
    match rate {
        Some(seconds) => Ok(Expression::Rate(Duration::from_secs(seconds))),
        None => Err(node.error(format!("`{text}` is none of rate(5 minutes), cron(...) and at(...)"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_rate_is_a_whole_number_of_minutes_hours_or_days() {
        for (text, seconds) in
            [("rate(1 minute)", 60), ("rate(5 minutes)", 300), ("rate(1 hour)", 3_600), ("rate(2 days)", 172_800)]
        {
            let expected = Expression::Rate(Duration::from_secs(seconds));
            assert_eq!(expression(&Node::new(&json!(text), "x")).unwrap(), expected);
        }
    }

    #[test]
    fn what_is_no_rate_is_a_calendar_or_an_error() {
        for text in ["cron(0 12 * * ? *)", "at(2030-01-01T00:00:00)"] {
            let expected = Expression::Calendar(text.to_owned());
            assert_eq!(expression(&Node::new(&json!(text), "x")).unwrap(), expected);
        }
        for text in ["rate(0 minutes)", "rate(5 seconds)", "rate(5minutes)", "rate(-1 days)", "5 minutes", ""] {
            let error = expression(&Node::new(&json!(text), "x")).unwrap_err().to_string();
            assert_eq!(error, format!("x: `{text}` is none of rate(5 minutes), cron(...) and at(...)"));
        }
    }
}
