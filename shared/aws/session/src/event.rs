//! What IVS says of a participant, from an event (`IVS Stage Update`; IVS Real-Time user guide, "Using Amazon
//! EventBridge"). Only what is needed is read, by name.

use std::str::FromStr;

use model::session::{EventTime, News};
use model::{StageArn, UserId};
use serde::Deserialize;
use serde_json::Value;

/// An event about a stage, of any form: it may be of others.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct StageEvent {
    time: Value,
    resources: Value,
    detail: Detail,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Detail {
    event_name: Value,
    session_id: Value,
    participant_id: Value,
    user_id: Value,
    event_time: Value,
    event_time_precise: Value,
}

/// An event is not as the user guide has it: it has no valid field of this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the event has no valid {0}")]
pub struct Malformed(&'static str);

impl StageEvent {
    /// Which stage, and what is said of one of its participants; `None` if it is not about publishing.
    ///
    /// # Errors
    /// [`Malformed`], with the field.
    pub fn news(&self) -> Result<Option<(StageArn, News)>, Malformed> {
        let detail = &self.detail;
        let publishing = match self.name() {
            "Participant Published" => true,
            "Participant Unpublished" => false,
            // Such as `Participant Publish Error`: whoever published until then is told to have stopped by itself.
            _ => return Ok(None),
        };
        let stage = parsed(&self.resources[0]).ok_or(Malformed("resources"))?;
        // The most exact one that there is: `event_time_precise` came in June 2026.
        let times = [&detail.event_time_precise, &detail.event_time, &self.time];
        let at = times.into_iter().find_map(parsed::<EventTime>);
        let news = News {
            session: parsed(&detail.session_id).ok_or(Malformed("session_id"))?,
            participant_id: parsed(&detail.participant_id).ok_or(Malformed("participant_id"))?,
            user_id: parsed::<UserId>(&detail.user_id),
            publishing,
            at: at.ok_or(Malformed("event_time"))?,
        };
        Ok(Some((stage, news)))
    }

    /// What the event is called, for the log.
    pub fn name(&self) -> &str {
        self.detail.event_name.as_str().unwrap_or_default()
    }
}

fn parsed<T: FromStr>(value: &Value) -> Option<T> {
    value.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(detail: Value) -> StageEvent {
        let event = json!({
            "version": "0", "id": "12345678-1a23-4567-a1bc-1a2b34567890", "detail-type": "IVS Stage Update",
            "source": "aws.ivs", "account": "123456789012", "time": "2026-06-23T20:12:36Z", "region": "us-west-2",
            "resources": ["arn:aws:ivs:us-west-2:123456789012:stage/AbCdef1G2hij"], "detail": detail,
        });
        serde_json::from_value(event).unwrap()
    }

    fn published(times: Value) -> Value {
        let mut detail = json!({
            "session_id": "st-ZyXwvu1T2s", "event_name": "Participant Published", "user_id": "Your User Id",
            "participant_id": "xYz1c2d3e4f", "replica": true, "source_session_id": "st-sdfdfdfgdfgh",
        });
        detail.as_object_mut().unwrap().extend(times.as_object().unwrap().clone());
        detail
    }

    #[test]
    fn the_most_exact_time_counts() {
        let (precise, seconds) = ("2026-06-23T20:12:32.123456Z", "2026-06-23T20:12:32Z");
        for (times, at) in [
            (json!({"event_time": seconds, "event_time_precise": precise}), precise),
            (json!({"event_time": seconds, "event_time_precise": ""}), seconds),
            (json!({"event_time": "2026-06-23T20:12:32.123456789Z"}), "2026-06-23T20:12:32.123456789Z"),
            (json!({"event_time": null}), "2026-06-23T20:12:36Z"),
            (json!({}), "2026-06-23T20:12:36Z"),
        ] {
            let (stage, news) = event(published(times.clone())).news().unwrap().unwrap();
            assert_eq!(stage.topic(), "AbCdef1G2hij");
            assert_eq!((news.at, news.publishing), (at.parse().unwrap(), true), "{times}");
        }
    }

    #[test]
    fn who_came_without_a_user_id_has_none() {
        for id in [json!(""), Value::Null, json!(7)] {
            let (_, news) = event(published(json!({"user_id": id}))).news().unwrap().unwrap();
            assert_eq!(news.user_id, None);
        }
    }

    #[test]
    fn other_things_that_happen_on_a_stage_are_no_news() {
        for name in ["Participant Publish Error", "Token Exchanged", "Participant Replication Start", "Something New"] {
            assert_eq!(event(published(json!({"event_name": name}))).news(), Ok(None));
        }
    }

    #[test]
    fn what_is_not_as_the_guide_has_it_is_refused_by_its_field() {
        for (field, value) in
            [("session_id", json!("zt-1")), ("participant_id", json!("")), ("participant_id", json!(7))]
        {
            let refused = event(published(json!({field: value}))).news();
            assert_eq!(refused, Err(Malformed(field)));
        }
        let nowhere = StageEvent { resources: json!([]), ..event(published(json!({}))) };
        assert_eq!(nowhere.news(), Err(Malformed("resources")));
    }
}
