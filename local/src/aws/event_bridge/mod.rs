//! EventBridge: the default bus, with the rules of the template as its only rules.
//!
//! An event is written to a log, passes the event faults, and goes to the function of every rule that matches: first to
//! Lambda's queue ([`Dispatcher`]), then to the function ([`EventQueue`](crate::aws::lambda::EventQueue)).

mod delivery;
mod fault;
pub(crate) mod operation;
pub(crate) mod pattern;
pub(crate) mod permission;
pub(crate) mod put_events;

use std::sync::Arc;

use hyper::body::Bytes;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use tokio::task::JoinSet;

pub(crate) use self::delivery::{Delivery, Dispatcher, Target};
use self::fault::{Disposition, EventFaults};
use self::pattern::Pattern;

use crate::aws::ACCOUNT;
use crate::plumbing::clock;
use crate::plumbing::ids;
use crate::plumbing::jobs::Jobs;
use crate::plumbing::numbered_log::NumberedLog;
use crate::template::{Function, Rule};

/// How many events the log keeps.
const LOG_CAPACITY: usize = 10_000;

/// The default event bus.
pub(crate) struct EventBus {
    rules: Vec<(Pattern, Target)>,
    region: String,
    faults: EventFaults,
    log: NumberedLog<Value>,
    dispatcher: Arc<Dispatcher>,
    /// The deliveries under way.
    jobs: Jobs,
}

impl EventBus {
    pub(crate) fn new(functions: &[Function], region: &str, dispatcher: Arc<Dispatcher>, jobs: Jobs) -> Self {
        let target = |function: &Function, rule: &Rule| Target {
            name: rule.name.clone(),
            function: function.id.clone(),
            arn: format!("arn:aws:lambda:{region}:{ACCOUNT}:function:{}", function.name),
            retries: rule.retries,
            dead_letter_queue: rule.dead_letter_queue.as_ref().map(|queue| queue.arn.clone()),
            origin: vec![("RULE_ARN", rule.arn.clone())],
        };
        let rules = functions.iter().flat_map(|function| {
            let enabled = function.rules.iter().filter(|rule| rule.enabled);
            enabled.map(move |rule| (rule.pattern.clone(), target(function, rule)))
        });
        Self {
            rules: rules.collect(),
            region: region.to_owned(),
            faults: EventFaults::default(),
            log: NumberedLog::new("events", LOG_CAPACITY),
            dispatcher,
            jobs,
        }
    }

    /// Delivers an event to the function of every rule that matches, in the background.
    pub(crate) fn put(self: &Arc<Self>, event: Value) {
        let disposition = self.admit(&event);
        let bus = Arc::clone(self);
        self.jobs.spawn(async move {
            bus.pass(event, disposition).await;
        });
    }

    /// As [`EventBus::put`], and waits until every delivery has succeeded or been given up. An event that a fault holds
    /// or loses has no deliveries now; those of held events come with the one that sets them free.
    pub(crate) async fn put_and_wait(self: &Arc<Self>, event: Value) -> Vec<Delivery> {
        let disposition = self.admit(&event);
        let bus = Arc::clone(self);
        self.jobs.run(async move { bus.pass(event, disposition).await }).await.unwrap_or_default()
    }

    /// Puts an event fault in force and answers it with its id.
    ///
    /// # Errors
    /// What is wrong with the order.
    pub(crate) fn put_fault(&self, order: &[u8]) -> Result<Value, String> {
        self.faults.put(order)
    }

    /// The event faults in force.
    pub(crate) fn faults(&self) -> Value {
        self.faults.list()
    }

    /// Takes every event fault back, and waits until the events that they held are delivered.
    pub(crate) async fn clear_faults(self: &Arc<Self>) -> Vec<Delivery> {
        self.deliver_held(self.faults.clear()).await
    }

    /// Delivers the events that faults hold, and waits for that.
    pub(crate) async fn flush(self: &Arc<Self>) -> Vec<Delivery> {
        self.deliver_held(self.faults.flush()).await
    }

    /// The events with a number of at least `since`, and the number that the next event will have.
    pub(crate) fn events_since(&self, since: u64) -> Value {
        self.log.since(since)
    }

    /// Gives up every delivery under way.
    pub(crate) async fn forget(&self) {
        self.jobs.stop().await;
        // A delivery that was stopped may just have left an event in Lambda's queue.
        self.jobs.stop().await;
    }

    /// As [`EventBus::forget`], without waiting.
    pub(crate) fn abort(&self) {
        self.jobs.abort_all();
    }

    /// Forgets the events and the event faults, and what they hold.
    pub(crate) fn reset(&self) {
        self.faults.clear();
        self.log.reset();
    }

    /// Completes an event with what EventBridge fills in: version, id, account, region, time and resources.
    pub(crate) fn complete(&self, event: Map<String, Value>, now: OffsetDateTime) -> Value {
        let mut complete = Map::from_iter([
            ("version".to_owned(), Value::from("0")),
            ("id".to_owned(), ids::uuid().into()),
            ("account".to_owned(), ACCOUNT.into()),
            ("time".to_owned(), clock::rfc3339_seconds(now).into()),
            ("region".to_owned(), self.region.as_str().into()),
            ("resources".to_owned(), json!([])),
        ]);
        complete.extend(event);
        complete.into()
    }

    /// Writes an event to the log and asks the faults, in the order in which events come.
    fn admit(&self, event: &Value) -> Disposition {
        let disposition = self.faults.on_event(event);
        self.log.push(|seq| json!({"seq": seq, "fault": disposition.fault(), "event": event}));
        disposition
    }

    async fn pass(&self, event: Value, disposition: Disposition) -> Vec<Delivery> {
        match disposition {
            Disposition::Now(times) => self.deliver(&event, times).await,
            Disposition::Late(time) => {
                tokio::time::sleep(time).await;
                self.deliver(&event, 1).await
            }
            Disposition::InTurn(events) => self.deliver_in_turn(events).await,
            Disposition::Lost | Disposition::Held => Vec::new(),
        }
    }

    async fn deliver_held(self: &Arc<Self>, events: Vec<Value>) -> Vec<Delivery> {
        let bus = Arc::clone(self);
        self.jobs.run(async move { bus.deliver_in_turn(events).await }).await.unwrap_or_default()
    }

    /// Each event when the deliveries of the one before have ended: so the functions see this order, too.
    async fn deliver_in_turn(&self, events: Vec<Value>) -> Vec<Delivery> {
        let mut deliveries = Vec::new();
        for event in events {
            deliveries.extend(self.deliver(&event, 1).await);
        }
        deliveries
    }

    /// To every rule that matches at once, and to each so many times.
    async fn deliver(&self, event: &Value, times: usize) -> Vec<Delivery> {
        let payload = Bytes::from(event.to_string());
        let matching = self.rules.iter().filter(|(pattern, _)| pattern.matches(event));
        let targets = matching.flat_map(|(_, target)| std::iter::repeat_n(target, times));
        let mut under_way = JoinSet::new();
        for (place, target) in targets.cloned().enumerate() {
            let (dispatcher, payload) = (Arc::clone(&self.dispatcher), payload.clone());
            under_way.spawn(async move { (place, dispatcher.deliver(&target, &payload).await) });
        }
        let mut deliveries = under_way.join_all().await;
        deliveries.sort_unstable_by_key(|(place, _)| *place);
        deliveries.into_iter().map(|(_, delivery)| delivery).collect()
    }
}
