//! EventBridge: the default bus, with the rules of the template as its only rules.
//!
//! A matching event is delivered to the rule's function as Lambda's asynchronous invocation: a failed one is repeated
//! as often as `MaximumRetryAttempts` says (twice unless set), after a fraction of a second where AWS waits minutes.

mod pattern;

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Bytes;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

pub(crate) use self::pattern::Pattern;

use crate::aws::ACCOUNT;
use crate::clock;
use crate::jobs::Jobs;
use crate::lambda::Lambda;
use crate::random;
use crate::template::{Function, Rule};

/// The wait before each repetition; AWS waits one minute, then two.
const RETRY_DELAYS: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(200)];

/// The default event bus.
pub(crate) struct EventBus {
    targets: Vec<Target>,
    region: String,
    lambda: Arc<Lambda>,
    deliveries: Jobs,
}

#[derive(Clone)]
struct Target {
    rule: Rule,
    function: String,
    retries: u32,
}

/// How the delivery of one event to one rule went.
pub(crate) struct Delivery {
    pub(crate) rule: String,
    pub(crate) function: String,
    pub(crate) attempts: u32,
    pub(crate) ok: bool,
}

impl Delivery {
    pub(crate) fn to_json(&self) -> Value {
        json!({"rule": self.rule, "function": self.function, "attempts": self.attempts, "ok": self.ok})
    }
}

impl EventBus {
    pub(crate) fn new(functions: &[Function], region: &str, lambda: Arc<Lambda>) -> Self {
        let targets = functions.iter().flat_map(|function| {
            function.rules.iter().filter(|rule| rule.enabled).map(|rule| Target {
                rule: rule.clone(),
                function: function.id.clone(),
                retries: function.async_retries,
            })
        });
        Self { targets: targets.collect(), region: region.to_owned(), lambda, deliveries: Jobs::default() }
    }

    /// Delivers an event to the function of every rule that matches, in the background.
    pub(crate) fn put(self: &Arc<Self>, event: Value) {
        let bus = Arc::clone(self);
        self.deliveries.spawn(async move {
            bus.deliver(event).await;
        });
    }

    /// As [`EventBus::put`], and waits until every delivery has succeeded or been given up.
    pub(crate) async fn put_and_wait(self: &Arc<Self>, event: Value) -> Vec<Delivery> {
        let bus = Arc::clone(self);
        self.deliveries.run(async move { bus.deliver(event).await }).await.unwrap_or_default()
    }

    /// Invokes a function as Lambda does asynchronously: in the background, with repetitions.
    pub(crate) fn invoke_later(self: &Arc<Self>, function: &Function, payload: Bytes) {
        let (bus, id, retries) = (Arc::clone(self), function.id.clone(), function.async_retries);
        self.deliveries.spawn(async move {
            bus.invoke(&id, &payload, retries).await;
        });
    }

    /// Gives up every delivery under way.
    pub(crate) async fn forget(&self) {
        self.deliveries.stop().await;
    }

    /// As [`EventBus::forget`], without waiting.
    pub(crate) fn abort(&self) {
        self.deliveries.abort_all();
    }

    async fn deliver(&self, event: Value) -> Vec<Delivery> {
        let payload = Bytes::from(event.to_string());
        let matching = self.targets.iter().filter(|target| target.rule.pattern.matches(&event));
        let mut deliveries = Vec::new();
        for target in matching {
            let (attempts, ok) = self.invoke(&target.function, &payload, target.retries).await;
            let (rule, function) = (target.rule.name.clone(), target.function.clone());
            deliveries.push(Delivery { rule, function, attempts, ok });
        }
        deliveries
    }

    /// The number of attempts, and whether the last one succeeded.
    async fn invoke(&self, function: &str, payload: &Bytes, retries: u32) -> (u32, bool) {
        for attempt in 1.. {
            if self.lambda.invoke(function, payload.clone()).await.is_ok() {
                return (attempt, true);
            }
            if attempt > retries {
                return (attempt, false);
            }
            let delay = RETRY_DELAYS[(attempt as usize - 1).min(RETRY_DELAYS.len() - 1)];
            tokio::time::sleep(delay).await;
        }
        unreachable!("the loop ends by returning")
    }

    /// Completes an event with what EventBridge fills in: version, id, account, region, time and resources.
    pub(crate) fn complete(&self, event: Map<String, Value>, now: OffsetDateTime) -> Value {
        let mut complete = Map::from_iter([
            ("version".to_owned(), Value::from("0")),
            ("id".to_owned(), random::uuid().into()),
            ("account".to_owned(), ACCOUNT.into()),
            ("time".to_owned(), clock::rfc3339(now.replace_nanosecond(0).unwrap_or(now)).into()),
            ("region".to_owned(), self.region.as_str().into()),
            ("resources".to_owned(), json!([])),
        ]);
        complete.extend(event);
        complete.into()
    }
}
