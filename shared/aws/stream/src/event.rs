//! What IVS says of a stream, from an event (Low-Latency user guide, "Using Amazon EventBridge with IVS Low-Latency
//! Streaming"). Only what is needed is read; names of events that are not known yet are no news.

use std::str::FromStr;

use model::stream::{Happening, Health, News};
use model::{ChannelArn, ChannelName, StreamId, Timestamp};
use serde::Deserialize;
use serde_json::Value;

/// An event about the stream of a channel. It may be of a channel of others, so nothing is asked of it before that is
/// known.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct StreamEvent {
    time: Value,
    resources: Value,
    detail: Detail,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Detail {
    event_name: Value,
    channel_name: Value,
    stream_id: Value,
}

/// An event that does not say when it happened, to which channel or to which stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the event has no valid {0}")]
pub struct InvalidStreamEvent(&'static str);

impl StreamEvent {
    /// What has happened, of what matters: `Stream Takeover` goes on with the same session, and a failed one has no
    /// effect.
    ///
    /// # Errors
    /// [`InvalidStreamEvent`] if it does not say when, or to which stream.
    pub fn news(&self) -> Result<Option<News>, InvalidStreamEvent> {
        let what = match self.name() {
            "Session Created" => Happening::Created,
            "Stream Start" => Happening::Started,
            // Any of them may come first, or be the only one that comes.
            "Stream End" | "Session Ended" | "Stream Failure" => Happening::Ended,
            "Starvation Start" => Happening::Health(Health::Starving),
            "Starvation End" => Happening::Health(Health::Healthy),
            _ => return Ok(None),
        };
        let session: StreamId = parsed(&self.detail.stream_id).ok_or(InvalidStreamEvent("stream_id"))?;
        let at: Timestamp = parsed(&self.time).ok_or(InvalidStreamEvent("time"))?;
        Ok(Some(News { session, at, what }))
    }

    /// The channel that it happened to.
    ///
    /// # Errors
    /// [`InvalidStreamEvent`] if it does not say so.
    pub fn arn(&self) -> Result<ChannelArn, InvalidStreamEvent> {
        parsed(&self.resources[0]).ok_or(InvalidStreamEvent("resources"))
    }

    /// The row that the channel would have. IVS lets other channels of the account have any name, or none.
    pub fn channel(&self) -> Option<ChannelName> {
        parsed(&self.detail.channel_name)
    }

    /// IVS's word for what has happened, for the log.
    pub fn name(&self) -> &str {
        self.detail.event_name.as_str().unwrap_or_default()
    }
}

fn parsed<T: FromStr>(value: &Value) -> Option<T> {
    value.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn event(change: impl FnOnce(&mut Value)) -> StreamEvent {
        let mut event = json!({
            "version": "0", "id": "01234567-0123-0123-0123-012345678901", "detail-type": "IVS Stream State Change",
            "source": "aws.ivs", "account": "123456789012", "time": "2017-06-12T10:23:43Z", "region": "us-east-1",
            "resources": ["arn:aws:ivs:us-east-1:123456789012:channel/AbCdef1G2hij"],
            "detail": {
                "event_name": "Stream Start", "channel_name": "Your-Channel", "stream_id": "st-1A2b3c4D5e6F78ghij9Klmn",
            },
        });
        change(&mut event);
        serde_json::from_value(event).unwrap()
    }

    #[test]
    fn the_event_of_the_user_guide_is_read() {
        let event = event(|_| {});
        let news = event.news().unwrap().unwrap();
        assert_eq!(news.session.as_str(), "st-1A2b3c4D5e6F78ghij9Klmn");
        assert_eq!((news.at.to_string().as_str(), news.what), ("2017-06-12T10:23:43.000Z", Happening::Started));
        assert_eq!(event.arn().unwrap().as_str(), "arn:aws:ivs:us-east-1:123456789012:channel/AbCdef1G2hij");
        assert_eq!(event.channel().unwrap().as_str(), "Your-Channel");
    }

    #[test]
    fn each_name_of_an_event_means_something_or_nothing() {
        for (name, expected) in [
            ("Session Created", Some(Happening::Created)),
            ("Stream Start", Some(Happening::Started)),
            ("Stream End", Some(Happening::Ended)),
            ("Session Ended", Some(Happening::Ended)),
            ("Stream Failure", Some(Happening::Ended)),
            ("Starvation Start", Some(Happening::Health(Health::Starving))),
            ("Starvation End", Some(Happening::Health(Health::Healthy))),
            // The same session goes on, whether the takeover succeeds or not.
            ("Stream Takeover", None),
            ("Stream Takeover Failure", None),
            ("Something New", None),
        ] {
            let news = event(|event| event["detail"]["event_name"] = name.into()).news().unwrap();
            assert_eq!(news.map(|news| news.what), expected, "{name}");
        }
    }

    #[test]
    fn an_event_without_session_time_or_channel_is_refused_with_what_it_lacks() {
        let lacks = |change: fn(&mut Value)| event(change).news().unwrap_err().to_string();
        assert_eq!(lacks(|event| event["detail"]["stream_id"] = "".into()), "the event has no valid stream_id");
        assert_eq!(lacks(|event| event["time"] = "soon".into()), "the event has no valid time");
        assert_eq!(lacks(|event| event["detail"]["stream_id"] = Value::Null), "the event has no valid stream_id");
        let none = event(|event| event["resources"] = json!([]));
        assert_eq!(none.arn().unwrap_err().to_string(), "the event has no valid resources");
    }

    #[test]
    fn a_channel_that_is_none_of_ours_may_have_any_name_or_none() {
        for name in [json!(""), json!("Your Channel"), json!("näme"), Value::Null, json!(7)] {
            assert_eq!(event(|event| event["detail"]["channel_name"] = name.clone()).channel(), None, "{name}");
        }
    }
}
