//! What a function writes to its log: one line a request, which is its metrics, too (CloudWatch embedded metric
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
    let lines = subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_target(false)
        .with_current_span(false)
        .with_span_list(false);
    subscriber::registry().with(lines.with_filter(ours)).init();
}

/// One served request.
#[derive(Debug)]
pub struct RequestLine<'a> {
    /// Which function.
    pub function: &'a str,
    /// Such as `PUT /stages/{stage}`.
    pub route: &'a str,
    /// HTTP status of the answer.
    pub status: u16,
    /// From the event to the answer.
    pub duration: Duration,
    /// The AWS calls made for it, retries included.
    pub calls: &'a [Call],
    /// API Gateway's id of the request: the caller sees it, as `apigw-requestid` and as a problem's `instance`.
    pub request_id: &'a str,
    /// Further fields, such as which stage it was about.
    pub fields: Map<String, Value>,
    /// Further counts, by the name of the metric.
    pub counts: &'a [&'static str],
}

impl RequestLine<'_> {
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
        struct Line<'a> {
            timestamp: Timestamp,
            level: &'a str,
            message: String,
            function: &'a str,
            route: &'a str,
            status: u16,
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
        let mut metrics = BTreeMap::from([
            ("Duration", millis(self.duration).into()),
            ("AwsCallCount", self.calls.len().into()),
            ("ServerErrors", u8::from(self.status >= 500).into()),
        ]);
        metrics.extend(self.counts.iter().map(|name| (*name, 1.into())));
        let unit = |name| if name == "Duration" { "Milliseconds" } else { "Count" };
        let declared: Vec<Value> = metrics.keys().map(|name| json!({"Name": name, "Unit": unit(*name)})).collect();
        let calls = self.calls.iter();
        let calls = calls.map(|call| CallLine { operation: &call.operation, duration_ms: millis(call.duration) });
        serde_json::to_string(&Line {
            timestamp: now,
            level: if self.status >= 500 { "ERROR" } else { "INFO" },
            message: format!("{} {}", self.route, self.status),
            function: self.function,
            route: self.route,
            status: self.status,
            fields: &self.fields,
            request_id: self.request_id,
            aws_calls: calls.collect(),
            metrics,
            declaration: json!({
                "Timestamp": now.epoch_millis(),
                "CloudWatchMetrics": [{
                    "Namespace": "Greenroom", "Dimensions": [["function"], ["function", "route"]], "Metrics": declared,
                }],
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
        let line = RequestLine {
            function: "participant",
            route: "POST /stages/{stage}/participants",
            status: 201,
            duration: Duration::from_micros(2500),
            calls: &[Call { operation: "DynamoDB.BatchGetItem".to_owned(), duration: Duration::from_millis(1) }],
            request_id: "id-1",
            fields: Map::from_iter([("stage".to_owned(), json!("demo"))]),
            counts: &["TokensSigned"],
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
