//! A stack's requests, the daily look, and an operator's order; for both kinds of keys each.

use std::time::Duration;

use aws_signing_keys::{PlaybackKeyPairs, PublicKeys, SigningKeys, end, maintain, stop};
use lambda::custom_resource::{CloudFormation, RequestType, StackRequest};
use lambda::event::{Ordered, Report};
use model::signing_keys::{Maintained, Maintenance, Trigger};
use model::{ClaimId, Error, Timestamp};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use tokio::time::{sleep, timeout};

/// How long keys may be looked after in one run.
const RUN: Duration = Duration::from_secs(60);
/// Longer than [`RUN`], with a call that is under way at its end; shorter than the time
/// between the starts of a run that timed out and its repetition, so that the repeated one finds room.
const LEASE: Duration = Duration::from_secs(90);

/// What a run needs.
pub(crate) struct Handler<'a> {
    pub(crate) cloud_formation: CloudFormation<'a>,
    pub(crate) participants: SigningKeys<PublicKeys>,
    pub(crate) playback: SigningKeys<PlaybackKeyPairs>,
    pub(crate) rotate_after: Duration,
    /// How long an instance signs with a key before it asks for the current one.
    pub(crate) cache: Duration,
    pub(crate) stack: String,
}

/// Who asks for what.
#[derive(Debug)]
pub(crate) enum Event {
    /// A stack.
    Stack(StackRequest),
    /// An operator, or a schedule, which orders nothing.
    Order(Order),
}

/// What an operator may say. Nothing else is taken, so that a misspelt order is not taken for none.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    /// Whether other keys are to sign from now on.
    #[serde(default)]
    rotate: bool,
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let event = Value::deserialize(deserializer)?;
        let read = if event.get("RequestType").is_some() {
            serde_json::from_value(event).map(Self::Stack)
        } else {
            serde_json::from_value(event).map(|Ordered(order)| Self::Order(order))
        };
        read.map_err(D::Error::custom)
    }
}

impl Handler<'_> {
    pub(crate) async fn handle(&self, event: Event) -> Result<Report, Error> {
        match event {
            Event::Stack(request) => {
                let work = async {
                    match request.request_type {
                        RequestType::Create | RequestType::Update => self.maintain(Trigger::Stack).await,
                        RequestType::Delete => Ok(self.end().await),
                    }
                };
                let physical_id = format!("{}-signing-keys", self.stack);
                request.answer(&self.cloud_formation, &physical_id, work).await
            }
            Event::Order(Order { rotate: true }) => self.maintain(Trigger::Rotate).await,
            Event::Order(Order { rotate: false }) => self.maintain(Trigger::Schedule).await,
        }
    }

    async fn maintain(&self, trigger: Trigger) -> Result<Report, Error> {
        let now = Timestamp::now();
        let how = Maintenance { run: ClaimId::random()?, rotate_after: self.rotate_after, lease: LEASE, trigger };
        let both = async {
            let participants = maintain(&self.participants, now, &how).await;
            [participants, maintain(&self.playback, now, &how).await]
        };
        let both = timeout(RUN, both).await;
        Ok(report("maintained", both.map_err(|_| Error::unavailable("there was not enough time for the keys"))?))
    }

    /// Waits between the two steps until no instance signs with what is about to be ended.
    async fn end(&self) -> Report {
        let now = Timestamp::now();
        let stopped = [stop(&self.participants, now, self.cache).await, stop(&self.playback, now, self.cache).await];
        if let Some(until) = stopped.iter().flatten().flatten().max() {
            sleep(now.until(*until)).await;
        }
        let [participants, playback] = stopped.map(|stopped| stopped.map(drop));
        let participants = match participants {
            Ok(()) => end(&self.participants).await,
            Err(error) => Err(error),
        };
        let playback = match playback {
            Ok(()) => end(&self.playback).await,
            Err(error) => Err(error),
        };
        report("ended", [participants, playback])
    }
}

/// What came of both kinds. One that fails keeps the other from nothing.
fn report(outcome: &'static str, kinds: [Result<Maintained, Error>; 2]) -> Report {
    let done = kinds.iter().flatten();
    let (made, retired, deleted) = done.fold((0, 0, 0), |(made, retired, deleted), done| {
        (made + usize::from(done.made), retired + done.retired, deleted + done.deleted)
    });
    let report =
        Report::new(outcome).count("KeysMade", made).count("KeysRetired", retired).count("KeysDeleted", deleted);
    kinds.into_iter().filter_map(Result::err).fold(report, Report::fail)
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn an_order_is_taken_as_it_is_spelt_or_not_at_all() {
        let order = |event| match from_value(event) {
            Ok(Event::Order(order)) => Some(order.rotate),
            _ => None,
        };
        assert_eq!((order(json!({"rotate": true})), order(json!({}))), (Some(true), Some(false)));
        for misspelt in [json!({"Rotate": true}), json!({"rotat": true}), json!({"rotate": "yes"}), json!("rotate")] {
            assert!(from_value::<Event>(misspelt.clone()).is_err(), "{misspelt}");
        }
    }

    #[test]
    fn a_request_of_a_stack_that_cannot_be_read_is_not_taken_for_a_schedule() {
        assert!(from_value::<Event>(json!({"RequestType": "Create"})).is_err());
        assert!(
            matches!(from_value(json!({"detail-type": "Scheduled Event", "detail": {}})), Ok(Event::Order(order)) if order == Order::default())
        );
    }
}
