//! What a function writes to its log: one line an invocation, which is its metrics, too (CloudWatch embedded metric
//! format), and one line for whatever went wrong. Never a token, a key, or a body.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use lambda_http::tracing::subscriber::filter::{LevelFilter, Targets};
use lambda_http::tracing::subscriber::layer::SubscriberExt;
use lambda_http::tracing::subscriber::util::SubscriberInitExt;
use lambda_http::tracing::subscriber::{self, Layer};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::aws::Call;
use crate::domain::Timestamp;

/// Sends `tracing` to the log as JSON lines. Other crates' lines begin at warnings, whatever the function's log level
/// says: below, the SDK and the runtime write bodies, and bodies hold tokens.
pub fn init() {
    let ours = Targets::new().with_default(LevelFilter::WARN).with_target("shared", LevelFilter::INFO);
    // The runtime would log once more what a handler fails with; a panic speaks for itself on stderr.
    let ours = ours.with_target("lambda_runtime::layers::panic", LevelFilter::OFF);
    let lines = subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_target(false)
        .with_current_span(false)
        .with_span_list(false);
    subscriber::registry().with(lines.with_filter(ours)).init();
}

/// Something that a function was asked to do.
#[derive(Debug, Clone, Copy)]
pub enum Asked<'a> {
    /// By a caller of the API.
    Request {
        /// Such as `PUT /stages/{stage}`.
        route: &'a str,
        /// HTTP status of the answer.
        status: u16,
    },
    /// By an event or a schedule.
    Event {
        /// What came of it, such as `recorded`; `failed` if it has to be delivered again.
        outcome: &'a str,
        /// Whether it has.
        failed: bool,
    },
}

/// The line of one invocation.
#[derive(Debug)]
pub struct Line<'a> {
    /// Which function.
    pub function: &'a str,
    /// What it was asked to do, and what came of it.
    pub asked: Asked<'a>,
    /// From the event to the answer.
    pub duration: Duration,
    /// The AWS calls made for it, retries included.
    pub calls: &'a [Call],
    /// Of a request, API Gateway's id: the caller sees it, as `apigw-requestid` and as a problem's `instance`. Of an
    /// event, Lambda's.
    pub request_id: &'a str,
    /// Further fields, such as which stage it was about.
    pub fields: Map<String, Value>,
    /// Further counts, by the name of the metric.
    pub counts: &'a [(&'static str, u64)],
}

impl Line<'_> {
    /// Writes the line to stdout, where Lambda takes it from.
    pub fn write(&self, now: Timestamp) {
        let Ok(mut line) = self.to_json(now) else { return };
        line.push('\n');
        // One write, so that lines do not mix. If stdout is gone, there is nobody to tell.
        let _ = std::io::stdout().write_all(line.as_bytes());
    }

    /// The line: fields for people and Logs Insights, `_aws` for CloudWatch's metrics
    /// (CloudWatch user guide, "Specification: Embedded metric format").
    fn to_json(&self, now: Timestamp) -> serde_json::Result<String> {
        /// In the order in which a person wants to read it.
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Fields<'a> {
            timestamp: Timestamp,
            level: &'a str,
            message: String,
            function: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            route: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            status: Option<u16>,
            #[serde(flatten)]
            fields: &'a Map<String, Value>,
            request_id: &'a str,
            aws_calls: Vec<CallLine<'a>>,
            #[serde(flatten)]
            metrics: BTreeMap<&'a str, Value>,
            #[serde(rename = "_aws")]
            declaration: Value,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct CallLine<'a> {
            operation: &'a str,
            duration_ms: f64,
        }
        let (message, failed, failures, dimensions) = match self.asked {
            Asked::Request { route, status } => {
                let dimensions = json!([["function"], ["function", "route"]]);
                (format!("{route} {status}"), status >= 500, "ServerErrors", dimensions)
            }
            Asked::Event { outcome, failed } => {
                (format!("{} {outcome}", self.function), failed, "Failures", json!([["function"]]))
            }
        };
        let (route, status) = match self.asked {
            Asked::Request { route, status } => (Some(route), Some(status)),
            Asked::Event { .. } => (None, None),
        };
        let mut metrics = BTreeMap::from([
            ("Duration", millis(self.duration).into()),
            ("AwsCallCount", self.calls.len().into()),
            (failures, u8::from(failed).into()),
        ]);
        metrics.extend(self.counts.iter().map(|(name, count)| (*name, (*count).into())));
        let unit = |name| if name == "Duration" { "Milliseconds" } else { "Count" };
        let declared: Vec<Value> = metrics.keys().map(|name| json!({"Name": name, "Unit": unit(*name)})).collect();
        let calls = self.calls.iter();
        let calls = calls.map(|call| CallLine { operation: &call.operation, duration_ms: millis(call.duration) });
        serde_json::to_string(&Fields {
            timestamp: now,
            level: if failed { "ERROR" } else { "INFO" },
            message,
            function: self.function,
            route,
            status,
            fields: &self.fields,
            request_id: self.request_id,
            aws_calls: calls.collect(),
            metrics,
            declaration: json!({
                "Timestamp": now.epoch_millis(),
                "CloudWatchMetrics": [{"Namespace": "Greenroom", "Dimensions": dimensions, "Metrics": declared}],
            }),
        })
    }
}

/// Milliseconds to the microsecond.
fn millis(duration: Duration) -> f64 {
    f64::from(u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)) / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_that_the_line_declares_has_a_number_in_it() {
        let line = Line {
            function: "participant",
            asked: Asked::Request { route: "POST /stages/{stage}/participants", status: 201 },
            duration: Duration::from_micros(2500),
            calls: &[Call { operation: "DynamoDB.BatchGetItem".to_owned(), duration: Duration::from_millis(1) }],
            request_id: "id-1",
            fields: Map::from_iter([("stage".to_owned(), json!("demo"))]),
            counts: &[("TokensSigned", 1)],
        };
        let line = line.to_json("2026-03-01T12:00:00Z".parse().unwrap()).unwrap();
        assert!(
            line.starts_with(r#"{"timestamp":"2026-03-01T12:00:00.000Z","level":"INFO","message":"POST "#),
            "{line}"
        );
        let line: Value = serde_json::from_str(&line).unwrap();
        let declared = &line["_aws"]["CloudWatchMetrics"][0];
        for metric in declared["Metrics"].as_array().unwrap() {
            assert!(line[metric["Name"].as_str().unwrap()].is_number(), "{metric}");
        }
        for dimension in declared["Dimensions"].as_array().unwrap().iter().flat_map(|set| set.as_array().unwrap()) {
            assert!(line[dimension.as_str().unwrap()].is_string(), "{dimension}");
        }
        assert_eq!(line["Duration"], json!(2.5));
        assert_eq!(line["_aws"]["Timestamp"], json!(1_772_366_400_000_i64));
    }
}
