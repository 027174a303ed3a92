//! What a function writes to its log: one line an invocation, which is its metrics, too (CloudWatch embedded metric
//! format), and one line for whatever went wrong. Never a token, a key, or a body. A line stays below 4 KB, whatever was
//! done: a long one costs, and CloudWatch cuts what is beyond its limit, with the metrics in it.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use aws_client::{OperationCalls, Tally};
use lambda_http::tracing::subscriber::filter::{LevelFilter, Targets};
use lambda_http::tracing::subscriber::layer::SubscriberExt;
use lambda_http::tracing::subscriber::util::SubscriberInitExt;
use lambda_http::tracing::subscriber::{self, Layer};
use model::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::panic;

/// Sends `tracing` to the log as JSON lines. Other crates' lines begin at warnings, whatever the function's log level
/// says: below, the SDK and the runtime write bodies, and bodies hold tokens. A panic has a line there, too, rather than
/// its message on stderr.
pub fn init() {
    let ours = Targets::new().with_default(LevelFilter::WARN).with_target("shared", LevelFilter::INFO);
    // The runtime would log once more what a handler fails with.
    let ours = ours.with_target("lambda_runtime::layers::panic", LevelFilter::OFF);
    let lines = subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_target(false)
        .with_current_span(false)
        .with_span_list(false);
    subscriber::registry().with(lines.with_filter(ours)).init();
    panic::watch(|_, panicked| tracing::error!(cause = %panicked, "panicked outside of an invocation"));
}

/// The longest line, in bytes.
const LONGEST_LINE: usize = 4_000;
/// The longest text of a field, in bytes, as JSON writes it.
const LONGEST_TEXT: usize = 256;
/// How many operations a line has sums of, those that took longest; it has fewer if it would become too long.
const OPERATIONS: [usize; 3] = [20, 8, 0];

/// Something that a function was asked to do.
#[derive(Debug, Clone, Copy)]
pub enum Invocation<'a> {
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
    /// The stack, so that two in one account do not add up to one number.
    pub stack: &'a str,
    /// Which function.
    pub function: &'a str,
    /// What it was asked to do, and what came of it.
    pub invocation: Invocation<'a>,
    /// From the event to the answer.
    pub duration: Duration,
    /// The AWS calls made for it, retries included.
    pub calls: &'a Tally,
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
        let fields = self.fields.iter().map(|(name, value)| (name.clone(), shortened(value))).collect();
        let mut line = self.with_calls(now, &fields, &CallFields::of(self.calls, OPERATIONS[0]))?;
        for most in OPERATIONS.into_iter().skip(1) {
            if line.len() > LONGEST_LINE {
                line = self.with_calls(now, &fields, &CallFields::summed(self.calls, most))?;
            }
        }
        Ok(line)
    }

    fn with_calls(
        &self,
        now: Timestamp,
        fields: &Map<String, Value>,
        calls: &CallFields<'_>,
    ) -> serde_json::Result<String> {
        /// In the order in which a person wants to read it.
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Fields<'a> {
            timestamp: Timestamp,
            level: &'a str,
            message: String,
            stack: &'a str,
            function: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            route: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            status: Option<u16>,
            #[serde(flatten)]
            fields: &'a Map<String, Value>,
            request_id: &'a str,
            duration_ms: f64,
            aws_call_count: u64,
            #[serde(flatten)]
            calls: &'a CallFields<'a>,
            #[serde(flatten)]
            metrics: BTreeMap<&'a str, u64>,
            #[serde(rename = "_aws", skip_serializing_if = "Option::is_none")]
            declaration: Option<Value>,
        }
        let (message, level, route, status) = match self.invocation {
            Invocation::Request { route, status } => {
                let level = match status {
                    // An answer, with the time to ask again: no server has room, or AWS throttles.
                    503 => "WARN",
                    500.. => "ERROR",
                    _ => "INFO",
                };
                (format!("{route} {status}"), level, Some(route), Some(status))
            }
            Invocation::Event { outcome, failed } => {
                (format!("{} {outcome}", self.function), if failed { "ERROR" } else { "INFO" }, None, None)
            }
        };
        // A metric costs by the hour in which it has a value: only what the dashboard or an alarm shows, by stack
        // alone, and no zeros. The rest is fields.
        let mut metrics: BTreeMap<_, _> = self.counts.iter().copied().collect();
        if let Some(status) = status {
            metrics.insert("InternalErrors", u64::from(status == 500));
        }
        let counted = metrics.iter().filter(|(_, count)| **count > 0);
        let declared: Vec<Value> = counted.map(|(name, _)| json!({"Name": name, "Unit": "Count"})).collect();
        let declaration = (!declared.is_empty()).then(|| {
            json!({
                "Timestamp": now.epoch_millis(),
                "CloudWatchMetrics": [{"Namespace": "Greenroom", "Dimensions": [["stack"]], "Metrics": declared}],
            })
        });
        serde_json::to_string(&Fields {
            timestamp: now,
            level,
            message,
            stack: self.stack,
            function: self.function,
            route,
            status,
            fields,
            request_id: self.request_id,
            duration_ms: millis(self.duration),
            aws_call_count: self.calls.attempts(),
            calls,
            metrics,
            declaration,
        })
    }
}

/// What a line has of the AWS calls: each of a few, sums of many.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum CallFields<'a> {
    AwsCalls(Vec<CallField<'a>>),
    AwsOperations(Vec<OperationField<'a>>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CallField<'a> {
    operation: &'a str,
    duration_ms: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OperationField<'a> {
    operation: &'a str,
    calls: u64,
    attempts: u64,
    errors: u64,
    total_ms: f64,
    longest_ms: f64,
}

impl<'a> CallFields<'a> {
    fn of(calls: &'a Tally, most: usize) -> Self {
        let Some(listed) = calls.listed() else { return Self::summed(calls, most) };
        let listed = listed.iter();
        let listed = listed.map(|call| CallField { operation: &call.operation, duration_ms: millis(call.duration) });
        Self::AwsCalls(listed.collect())
    }

    /// The operations that took longest first; what is beyond `most` of them is one sum.
    fn summed(calls: &'a Tally, most: usize) -> Self {
        let mut operations: Vec<(&str, OperationCalls)> =
            calls.operations.iter().map(|(operation, of)| (operation.as_str(), *of)).collect();
        operations.sort_by_key(|(_, of)| std::cmp::Reverse(of.total));
        if operations.len() > most {
            let others = operations.split_off(most).into_iter();
            let others = others.fold(OperationCalls::default(), |sum, (_, of)| OperationCalls {
                calls: sum.calls + of.calls,
                attempts: sum.attempts + of.attempts,
                errors: sum.errors + of.errors,
                total: sum.total + of.total,
                longest: sum.longest.max(of.longest),
            });
            operations.push(("others", others));
        }
        let fields = operations.into_iter().map(|(operation, of)| OperationField {
            operation,
            calls: of.calls,
            attempts: of.attempts,
            errors: of.errors,
            total_ms: millis(of.total),
            longest_ms: millis(of.longest),
        });
        Self::AwsOperations(fields.collect())
    }
}

/// A text that somebody else wrote may be of any length.
fn shortened(value: &Value) -> Value {
    let Value::String(text) = value else { return value.clone() };
    let mut bytes = 0;
    let escaped = |char: char| match char {
        '"' | '\\' | '\n' | '\r' | '\t' => 2,
        char if char.is_ascii_control() => 6,
        char => char.len_utf8(),
    };
    let end = text.char_indices().find(|(_, char)| {
        bytes += escaped(*char);
        bytes > LONGEST_TEXT
    });
    match end {
        None => value.clone(),
        Some((end, _)) => format!("{}…", &text[..end]).into(),
    }
}

/// Milliseconds to the microsecond.
fn millis(duration: Duration) -> f64 {
    let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    // As exact as a double is, which ends after centuries.
    #[expect(clippy::cast_precision_loss, reason = "microseconds of 285 years are exact")]
    let millis = micros as f64 / 1000.0;
    millis
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::{Arc, Mutex};

    use aws_client::Call;
    use lambda_http::tracing::instrument::WithSubscriber;
    use lambda_http::tracing::subscriber::fmt::MakeWriter;

    use super::*;

    /// Keeps what is written.
    #[derive(Debug, Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Kept {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    /// What comes of a future, and the lines that it has logged by `tracing`.
    pub(crate) async fn logged<T>(future: impl Future<Output = T>) -> (Vec<Value>, T) {
        let kept = Kept::default();
        let lines = subscriber::fmt().json().flatten_event(true).with_writer(kept.clone()).finish();
        let output = future.with_subscriber(lines).await;
        let lines = kept.0.lock().unwrap().clone();
        (String::from_utf8(lines).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect(), output)
    }

    fn call(operation: &str, millis: u64) -> Call {
        Call { operation: operation.to_owned(), duration: Duration::from_millis(millis) }
    }

    fn tally(calls: impl IntoIterator<Item = Call>) -> Tally {
        let mut tally = Tally::default();
        calls.into_iter().for_each(|call| tally.add(call, false, false));
        tally
    }

    fn line(invocation: Invocation<'_>, counts: &[(&'static str, u64)]) -> String {
        let line = Line {
            stack: "greenroom",
            function: "participant",
            invocation,
            duration: Duration::from_micros(2500),
            calls: &tally([call("DynamoDB.BatchGetItem", 1)]),
            request_id: "id-1",
            fields: Map::from_iter([("stage".to_owned(), json!("demo"))]),
            counts,
        };
        line.to_json("2026-03-01T12:00:00Z".parse().unwrap()).unwrap()
    }

    fn metrics(line: &Value) -> Vec<(&str, u64)> {
        let declared = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array();
        let names = declared.into_iter().flatten().map(|metric| metric["Name"].as_str().unwrap());
        names.map(|name| (name, line[name].as_u64().unwrap())).collect()
    }

    #[test]
    fn every_metric_that_the_line_declares_has_a_number_in_it() {
        let request = |status| Invocation::Request { route: "POST /stages/{stage}/participants", status };
        let text = line(request(201), &[("TokensSigned", 1), ("TokensMintedByIvs", 0)]);
        assert!(
            text.starts_with(r#"{"timestamp":"2026-03-01T12:00:00.000Z","level":"INFO","message":"POST "#),
            "{text}"
        );
        let made: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(metrics(&made), [("TokensSigned", 1)]);
        assert_eq!((&made["TokensMintedByIvs"], &made["InternalErrors"]), (&json!(0), &json!(0)));
        for dimension in made["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0].as_array().unwrap() {
            assert!(made[dimension.as_str().unwrap()].is_string(), "{dimension}");
        }
        assert_eq!((&made["durationMs"], &made["awsCallCount"]), (&json!(2.5), &json!(1)));
        assert_eq!(made["_aws"]["Timestamp"], json!(1_772_366_400_000_i64));
        for (status, level, declared) in
            [(500, "ERROR", &[("InternalErrors", 1)][..]), (503, "WARN", &[]), (404, "INFO", &[])]
        {
            let made: Value = serde_json::from_str(&line(request(status), &[])).unwrap();
            assert_eq!((made["level"].as_str(), metrics(&made).as_slice()), (Some(level), declared), "{status}");
        }
    }

    #[test]
    fn an_event_that_counts_nothing_declares_no_metrics() {
        let made = line(Invocation::Event { outcome: "no news", failed: false }, &[("Drift", 0)]);
        let made: Value = serde_json::from_str(&made).unwrap();
        assert_eq!((made.get("_aws"), &made["message"]), (None, &json!("participant no news")));
    }

    fn line_of(calls: &Tally, fields: Map<String, Value>) -> (usize, Value) {
        const COUNTS: [&str; 20] = [
            "Count01AsLongAsOthers",
            "Count02AsLongAsOthers",
            "Count03AsLongAsOthers",
            "Count04AsLongAsOthers",
            "Count05AsLongAsOthers",
            "Count06AsLongAsOthers",
            "Count07AsLongAsOthers",
            "Count08AsLongAsOthers",
            "Count09AsLongAsOthers",
            "Count10AsLongAsOthers",
            "Count11AsLongAsOthers",
            "Count12AsLongAsOthers",
            "Count13AsLongAsOthers",
            "Count14AsLongAsOthers",
            "Count15AsLongAsOthers",
            "Count16AsLongAsOthers",
            "Count17AsLongAsOthers",
            "Count18AsLongAsOthers",
            "Count19AsLongAsOthers",
            "Count20AsLongAsOthers",
        ];
        let counts = COUNTS.map(|name| (name, 12_345));
        let line = Line {
            stack: "greenroom",
            function: "reconciler",
            invocation: Invocation::Event { outcome: "reconciled", failed: false },
            duration: Duration::from_secs(200),
            calls,
            request_id: "00000000-0000-0000-0000-000000000000",
            fields,
            counts: &counts,
        };
        let line = line.to_json("2026-03-01T12:00:00Z".parse().unwrap()).unwrap();
        (line.len(), serde_json::from_str(&line).unwrap())
    }

    #[test]
    fn many_calls_are_summed_by_operation_and_few_are_listed() {
        let few = tally((1..=3).map(|n| call("DynamoDB.GetItem", n)));
        let (_, made) = line_of(&few, Map::new());
        assert_eq!((made["awsCalls"].as_array().unwrap().len(), &made["awsCallCount"]), (3, &json!(3)));
        assert!(made.get("awsOperations").is_none(), "{made}");

        let mut many = tally((1..=100).map(|n| call("DynamoDB.BatchGetItem", n)));
        many.add(call("IVS.ListChannels", 9_000), false, true);
        many.add(call("IVS.ListChannels", 10), true, false);
        let (_, made) = line_of(&many, Map::new());
        assert!(made.get("awsCalls").is_none(), "{made}");
        assert_eq!(made["awsCallCount"], json!(102));
        assert_eq!(
            made["awsOperations"],
            json!([
                {"operation": "IVS.ListChannels", "calls": 1, "attempts": 2, "errors": 1, "totalMs": 9010.0, "longestMs": 9000.0},
                {"operation": "DynamoDB.BatchGetItem", "calls": 100, "attempts": 100, "errors": 0, "totalMs": 5050.0, "longestMs": 100.0},
            ])
        );
    }

    #[test]
    fn a_line_is_shorter_than_4_kb_whatever_was_called_and_told() {
        for operations in [1, 20, 40, 400] {
            for calls in [1, 16, 17, 20_000] {
                for text in ["a".repeat(100_000), "\u{1}\"\n".repeat(10_000), "é".repeat(10_000), String::new()] {
                    let made =
                        (0..calls).map(|n| call(&format!("IVS RealTime.Operation{:03}", n % operations), 999_999));
                    let names = ["event.name", "stage.arn", "session.id", "participant.id", "cause", "task.group"];
                    let fields = names.map(|name| (name.to_owned(), json!(text)));
                    let (bytes, _) = line_of(&tally(made), Map::from_iter(fields));
                    assert!(bytes < 4096, "{bytes} bytes of {calls} calls of {operations} operations");
                }
            }
        }
    }

    #[test]
    fn what_is_not_summed_by_itself_is_summed_as_others() {
        let calls = tally((0..100).map(|n| call(&format!("IVS.Operation{n}"), 100 - n)));
        let (_, made) = line_of(&calls, Map::new());
        let operations = made["awsOperations"].as_array().unwrap();
        assert_eq!((operations.len(), &operations[0]["operation"]), (21, &json!("IVS.Operation0")));
        assert_eq!((&operations[20]["operation"], &operations[20]["calls"]), (&json!("others"), &json!(80)));
    }
}
