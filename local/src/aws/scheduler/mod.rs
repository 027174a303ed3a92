//! EventBridge Scheduler, and the rules of EventBridge that have a schedule.
//!
//! A rate fires for the first time after one period, and then as long as the local cloud runs. Calendars (`cron`, `at`)
//! are not run: the side door runs any schedule at once, these and disabled ones as well.

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Bytes;
use serde_json::json;
use time::OffsetDateTime;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::aws::ACCOUNT;
use crate::aws::event_bridge::{Delivery, Dispatcher, Target};
use crate::plumbing::clock;
use crate::plumbing::ids;
use crate::plumbing::jobs::Jobs;
use crate::program::log::{Lines, LogLine};
use crate::template::{Expression, Function, Schedule, ScheduleService};

/// Every schedule of the template.
pub(crate) struct Scheduler {
    schedules: Vec<Entry>,
    region: String,
    dispatcher: Arc<Dispatcher>,
    /// The deliveries under way.
    deliveries: Jobs,
}

struct Entry {
    schedule: Schedule,
    /// Logical id.
    function: String,
    function_arn: String,
}

impl Scheduler {
    pub(crate) fn new(functions: &[Function], region: &str, dispatcher: Arc<Dispatcher>, deliveries: Jobs) -> Self {
        let schedules = functions.iter().flat_map(|function| {
            function.schedules.iter().map(|schedule| Entry {
                schedule: schedule.clone(),
                function: function.id.clone(),
                function_arn: format!("arn:aws:lambda:{region}:{ACCOUNT}:function:{}", function.name),
            })
        });
        Self { schedules: schedules.collect(), region: region.to_owned(), dispatcher, deliveries }
    }

    /// Starts the clocks of the rates, and says which schedules have none.
    pub(crate) fn start(self: &Arc<Self>, jobs: &Jobs, lines: &Lines) {
        for (index, entry) in self.schedules.iter().enumerate().filter(|(_, entry)| entry.schedule.enabled) {
            match &entry.schedule.expression {
                Expression::Rate(period) => {
                    let scheduler = Arc::clone(self);
                    jobs.spawn(every(*period, move || scheduler.fire_later(index)));
                }
                Expression::Calendar(expression) => {
                    let line = format!(
                        "the schedule {} is not run here, since {expression} is no rate; \
                         POST /_local/schedules/{}/run runs it",
                        entry.schedule.name, entry.schedule.name
                    );
                    lines.push(LogLine { function: entry.function.clone(), instance: String::new(), line });
                }
            }
        }
    }

    /// Fires the schedule of this name at once, and waits for what becomes of it. A function with a single schedule may
    /// stand for it by its logical id. Answers also whether the schedule is enabled.
    ///
    /// # Errors
    /// Says which schedules there are.
    pub(crate) async fn run(self: &Arc<Self>, name: &str) -> Result<(Delivery, bool), String> {
        let of = |is: fn(&Entry, &str) -> bool| -> Vec<usize> {
            (0..self.schedules.len()).filter(|index| is(&self.schedules[*index], name)).collect()
        };
        let by_name = of(|entry, name| entry.schedule.name == name);
        let by_function = of(|entry, name| entry.function == name);
        let index = match (by_name.as_slice(), by_function.as_slice()) {
            ([index], _) | ([], [index]) => *index,
            _ => {
                let names: Vec<_> = self.schedules.iter().map(|entry| entry.schedule.name.as_str()).collect();
                let there = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                return Err(format!("`{name}` is not one schedule; the template has: {there}"));
            }
        };
        let scheduler = Arc::clone(self);
        let delivery = self.deliveries.run(async move { scheduler.fire(index).await }).await;
        let delivery = delivery.ok_or_else(|| "the delivery was given up".to_owned())?;
        Ok((delivery, self.schedules[index].schedule.enabled))
    }

    fn fire_later(self: &Arc<Self>, index: usize) {
        let scheduler = Arc::clone(self);
        self.deliveries.spawn(async move {
            scheduler.fire(index).await;
        });
    }

    async fn fire(&self, index: usize) -> Delivery {
        let Entry { schedule, function, function_arn } = &self.schedules[index];
        let (now, execution) = (clock::now(), ids::uuid());
        let origin = match schedule.service {
            ScheduleService::Rule => vec![("RULE_ARN", schedule.arn.clone())],
            ScheduleService::Scheduler => vec![
                ("SCHEDULE_ARN", schedule.arn.clone()),
                ("SCHEDULED_TIME", clock::rfc3339_seconds(now)),
                ("EXECUTION_ID", execution.clone()),
                ("IS_PAYLOAD_TRUNCATED", "false".to_owned()),
            ],
        };
        let target = Target {
            name: schedule.name.clone(),
            function: function.clone(),
            arn: function_arn.clone(),
            retries: schedule.retries,
            dead_letter_queue: schedule.dead_letter_queue.as_ref().map(|queue| queue.arn.clone()),
            origin,
        };
        self.dispatcher.deliver(&target, &payload(schedule, &self.region, now, &execution)).await
    }
}

/// What the function gets: the schedule's `Input`, or what the service writes in its place.
fn payload(schedule: &Schedule, region: &str, now: OffsetDateTime, execution: &str) -> Bytes {
    let time = clock::rfc3339_seconds(now);
    let event = |source: &str| {
        json!({
            "version": "0",
            "id": execution,
            "detail-type": "Scheduled Event",
            "source": source,
            "account": ACCOUNT,
            "time": time,
            "region": region,
            "resources": [schedule.arn],
        })
    };
    let text = match (&schedule.input, schedule.service) {
        (Some(input), ScheduleService::Rule) => input.clone(),
        // The context attributes of Scheduler. The number of the attempt is the same in every retry here.
        (Some(input), ScheduleService::Scheduler) => input
            .replace("<aws.scheduler.schedule-arn>", &schedule.arn)
            .replace("<aws.scheduler.scheduled-time>", &time)
            .replace("<aws.scheduler.execution-id>", execution)
            .replace("<aws.scheduler.attempt-number>", "1"),
        (None, ScheduleService::Rule) => {
            let mut event = event("aws.events");
            event["detail"] = json!({});
            event.to_string()
        }
        (None, ScheduleService::Scheduler) => {
            let mut event = event("aws.scheduler");
            // A string, unlike that of every other event.
            event["detail"] = "{}".into();
            event.to_string()
        }
    };
    text.into()
}

/// Calls `fire` at the end of every period; never ends itself. Periods that passed while the machine slept count once.
async fn every(period: Duration, fire: impl Fn()) {
    let mut clock = interval_at(Instant::now() + period, period);
    clock.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        clock.tick().await;
        fire();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use serde_json::Value;
    use tokio::time::timeout;

    use super::*;
    use crate::plumbing::retry::RetryPolicy;

    fn schedule(service: ScheduleService, input: Option<&str>) -> Schedule {
        Schedule {
            name: "F.Sweep".to_owned(),
            arn: "arn:of:it".to_owned(),
            service,
            expression: Expression::Rate(Duration::from_secs(60)),
            enabled: true,
            input: input.map(str::to_owned),
            retries: RetryPolicy { maximum_attempts: 0, maximum_age: Duration::from_secs(60) },
            dead_letter_queue: None,
        }
    }

    fn payload_of(service: ScheduleService, input: Option<&str>) -> Value {
        let payload = payload(&schedule(service, input), "us-east-1", OffsetDateTime::UNIX_EPOCH, "id");
        serde_json::from_slice(&payload).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_fires_after_each_period_and_not_before() {
        for (seconds, expected) in [(59, 0), (61, 1), (301, 5)] {
            let fired = Cell::new(0);
            let clock = every(Duration::from_secs(60), || fired.set(fired.get() + 1));
            assert!(timeout(Duration::from_secs(seconds), clock).await.is_err());
            assert_eq!(fired.get(), expected, "{seconds} s");
        }
    }

    #[test]
    fn each_service_writes_its_own_event() {
        let event = |source: &str, detail: Value| {
            json!({
                "version": "0", "id": "id", "detail-type": "Scheduled Event", "source": source,
                "account": "000000000000", "time": "1970-01-01T00:00:00Z", "region": "us-east-1",
                "resources": ["arn:of:it"], "detail": detail,
            })
        };
        assert_eq!(payload_of(ScheduleService::Rule, None), event("aws.events", json!({})));
        assert_eq!(payload_of(ScheduleService::Scheduler, None), event("aws.scheduler", json!("{}")));
    }

    #[test]
    fn an_input_takes_the_place_of_the_event() {
        let input = r#"{"at": "<aws.scheduler.scheduled-time>", "arn": "<aws.scheduler.schedule-arn>"}"#;
        let filled = json!({"at": "1970-01-01T00:00:00Z", "arn": "arn:of:it"});
        assert_eq!(payload_of(ScheduleService::Scheduler, Some(input)), filled);
        assert_eq!(payload_of(ScheduleService::Rule, Some(r#"{"a":1}"#)), json!({"a": 1}));
    }
}
