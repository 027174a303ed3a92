//! The loop of a function that EventBridge, a schedule or an operator invokes: event in, nothing out, one log line each.

use std::time::{Duration, Instant};

use aws_client::Calls;
use lambda_runtime::{Context, Diagnostic, LambdaEvent, service_fn};
use model::{Error, Timestamp};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::config;
use crate::log::{Invocation, Line};
use crate::panic::caught;

/// What came of an event, for the log.
#[derive(Debug)]
pub struct Report {
    outcome: &'static str,
    fields: Map<String, Value>,
    counts: Vec<(&'static str, u64)>,
    failures: Vec<Error>,
}

impl Report {
    /// In a word.
    pub fn new(outcome: &'static str) -> Self {
        Self { outcome, fields: Map::new(), counts: Vec::new(), failures: Vec::new() }
    }

    /// Makes the invocation fail, for what one of its parts failed with; what the others did stays in the line. The
    /// first failure counts.
    #[must_use]
    pub fn fail(mut self, error: Error) -> Self {
        self.outcome = "failed";
        self.failures.push(error);
        self
    }

    /// Adds a field to the line. Never a secret.
    #[must_use]
    pub fn log(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(name.to_owned(), value.into());
        self
    }

    /// The report without its failures, and the first of them: for whoever hears of it in another way than by a failed
    /// invocation.
    pub(crate) fn without_failure(mut self) -> (Self, Option<Error>) {
        let failure = std::mem::take(&mut self.failures).into_iter().next();
        (self, failure)
    }

    /// Gives a metric its value.
    #[must_use]
    pub fn count(mut self, metric: &'static str, count: usize) -> Self {
        self.counts.push((metric, u64::try_from(count).unwrap_or(u64::MAX)));
        self
    }

    /// Gives a metric the sum of others, as far as they have values yet.
    #[must_use]
    pub fn count_sum(mut self, metric: &'static str, of: &[&str]) -> Self {
        let sum = self.counts.iter().filter(|(name, _)| of.contains(name)).map(|(_, count)| *count).sum();
        self.counts.push((metric, sum));
        self
    }

    /// Gives a metric the value one, unless something has failed: a metric whose absence raises an alarm.
    #[must_use]
    pub fn count_success(mut self, metric: &'static str) -> Self {
        if self.failures.is_empty() {
            self.counts.push((metric, 1));
        }
        self
    }
}

/// What an operator orders, or a schedule: one that has no input of its own sends an event that orders nothing. `T` has
/// to refuse unknown fields, so that a misspelt order is not taken for none.
#[derive(Debug)]
pub struct Ordered<T>(pub T);

impl<'de, T: DeserializeOwned + Default> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let event = Value::deserialize(deserializer)?;
        if event.get("detail-type").is_some() {
            return Ok(Self(T::default()));
        }
        let order = serde_json::from_value(event);
        order.map(Self).map_err(|error| D::Error::custom(format!("the order is not understood: {error}")))
    }
}

/// Serves events until Lambda ends the process. A handler's error is the invocation's, so that Lambda delivers the
/// event again and, if that does not help, keeps it in the function's failure queue with what went wrong. So is a panic,
/// which the instance outlives.
///
/// # Errors
/// When `STACK_NAME` is not set, or the Runtime API is out of reach.
pub async fn serve<E, H, F>(function: &'static str, calls: Calls, handler: H) -> Result<(), lambda_runtime::Error>
where
    E: DeserializeOwned,
    H: Fn(E) -> F,
    F: Future<Output = Result<Report, Error>>,
{
    let stack = config::stack_name()?;
    let (function, handler) = (&Function { name: function, stack, calls }, &handler);
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        let handled = async {
            let event = serde_json::from_value(event.payload).map_err(Error::internal)?;
            Ok((Box::pin(handler(event)).await?, ()))
        };
        let (_, failure) = function.invoke(&event.context, handled).await;
        failure.map_or(Ok(()), Err)
    }))
    .await
}

/// Serves a function whose caller waits for an answer. As [`serve`] otherwise.
///
/// # Errors
/// As [`serve`].
pub async fn answer<E, A, H, F>(function: &'static str, calls: Calls, handler: H) -> Result<(), lambda_runtime::Error>
where
    E: DeserializeOwned,
    A: Serialize,
    H: Fn(E) -> F,
    F: Future<Output = Result<(Report, A), Error>>,
{
    let stack = config::stack_name()?;
    let (function, handler) = (&Function { name: function, stack, calls }, &handler);
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        let handled = async {
            let event = serde_json::from_value(event.payload);
            // What is wrong with it would quote it, and it may be what somebody has written.
            let event = event.map_err(|_| Error::internal("the event is not in the form that the function takes"))?;
            Box::pin(handler(event)).await
        };
        match function.invoke(&event.context, handled).await {
            (Some(answer), None) => Ok(answer),
            (_, Some(failure)) => Err(failure),
            // No handler answers nothing and fails in nothing.
            (None, None) => Err(Failure::of(&Error::internal("the function has no answer"))),
        }
    }))
    .await
}

/// What the invocations of a function have in common.
pub(crate) struct Function {
    pub(crate) name: &'static str,
    pub(crate) stack: String,
    pub(crate) calls: Calls,
}

impl Function {
    /// Has an event handled in time, and writes its lines; a panic is a failure like any other. Answers what its handler does unless it failed, and the first
    /// of whatever failed, in parts or altogether.
    pub(crate) async fn invoke<T>(
        &self,
        context: &Context,
        handled: impl Future<Output = Result<(Report, T), Error>>,
    ) -> (Option<T>, Option<Failure>) {
        let started = Instant::now();
        // Whatever was called outside of an invocation, such as during init, is not this one's.
        self.calls.take();
        // Lambda would end the function without a line in the log.
        let handled = tokio::time::timeout(time_left(context.deadline), caught(handled)).await;
        let handled = handled.unwrap_or_else(|_| Err(Error::unavailable("the function's time is up"))).flatten();
        let (report, answer) = match handled {
            Ok((report, answer)) => (report, Some(answer)),
            Err(error) => (Report::new("failed").fail(error), None),
        };
        let failures: Vec<Failure> = report.failures.iter().map(Failure::of).collect();
        for Failure { kind, text } in &failures {
            tracing::error!(requestId = context.request_id, problem = kind, cause = text, "the event failed");
        }
        let line = Line {
            stack: &self.stack,
            function: self.name,
            invocation: Invocation::Event { outcome: report.outcome, failed: !failures.is_empty() },
            duration: started.elapsed(),
            calls: &self.calls.take(),
            request_id: &context.request_id,
            fields: report.fields,
            counts: &report.counts,
        };
        line.write(Timestamp::now());
        (answer, failures.into_iter().next())
    }
}

/// How long a handler may take: until shortly before Lambda's deadline, in milliseconds since the epoch.
pub(crate) fn time_left(deadline: u64) -> Duration {
    const TO_ANSWER: Duration = Duration::from_millis(300);
    let now = u64::try_from(Timestamp::now().epoch_millis()).unwrap_or_default();
    Duration::from_millis(deadline.saturating_sub(now)).saturating_sub(TO_ANSWER)
}

/// What Lambda is told of a failed invocation. It stands in the failure queue beside the event, for whoever reads that.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: &'static str,
    text: String,
}

impl Failure {
    fn of(error: &Error) -> Self {
        let kind = match error {
            Error::Unavailable { .. } | Error::Busy { .. } => "Unavailable",
            Error::QuotaExceeded(_) => "QuotaExceeded",
            _ => "Internal",
        };
        // What a caller would read says less than what is behind it.
        Self { kind, text: error.causes().unwrap_or_else(|| error.to_string()) }
    }
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        Self { error_type: failure.kind.to_owned(), error_message: failure.text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::tests::logged;
    use crate::panic::tests::watch_in_tests;

    #[tokio::test]
    async fn a_panic_fails_the_invocation_with_one_error_in_the_log_and_the_next_one_is_served() {
        watch_in_tests();
        let function = Function { name: "task-tracker", stack: "greenroom".to_owned(), calls: Calls::default() };
        let mut context = Context::default();
        (context.request_id, context.deadline) = ("id-1".to_owned(), u64::MAX);
        let secret = "hunter2".to_owned();
        let panicking = async { panic!("{secret}") };
        let (lines, (answer, failed)) = logged(function.invoke::<()>(&context, panicking)).await;
        let failure = failed.unwrap();
        assert_eq!((answer, failure.kind), (None, "Internal"));
        assert!(failure.text.starts_with("panicked at shared/lambda/src/event.rs:"), "{failure:?}");
        let [line] = &lines[..] else { panic!("{lines:?}") };
        assert_eq!((&line["level"], &line["requestId"]), (&"ERROR".into(), &"id-1".into()));
        assert!(!line.to_string().contains("hunter2"), "{line}");
        let (answer, failure) = function.invoke(&context, async { Ok((Report::new("recorded"), 1)) }).await;
        assert!(answer == Some(1) && failure.is_none());
    }
}
