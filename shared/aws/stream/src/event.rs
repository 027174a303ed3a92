//! What IVS says of a stream, from an event (Low-Latency user guide, "Using Amazon EventBridge with IVS Low-Latency
//! Streaming"). Only what is needed is read; names of events that are not known yet are no news.

use model::stream::{Happening, Health, News};
use model::{ChannelArn, ChannelName, StreamId, Timestamp};
use serde::Deserialize;

/// An event about the stream of a channel.
#[derive(Debug, Deserialize)]
pub struct StreamEvent {
    time: String,
    #[serde(default)]
    resources: Vec<String>,
    #[serde(default)]
    detail: Detail,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Detail {
    event_name: String,
    channel_name: String,
    stream_id: String,
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
        let what = match self.detail.event_name.as_str() {
            "Session Created" => Happening::Created,
            "Stream Start" => Happening::Started,
            // Any of them may come first, or be the only one that comes.
            "Stream End" | "Session Ended" | "Stream Failure" => Happening::Ended,
            "Starvation Start" => Happening::Health(Health::Starving),
            "Starvation End" => Happening::Health(Health::Healthy),
            _ => return Ok(None),
        };
        let session: StreamId = self.detail.stream_id.parse().map_err(|_| InvalidStreamEvent("stream_id"))?;
        let at: Timestamp = self.time.parse().map_err(|_| InvalidStreamEvent("time"))?;
        Ok(Some(News { session, at, what }))
    }

    /// The channel that it happened to.
    ///
    /// # Errors
    /// [`InvalidStreamEvent`] if it does not say so.
    pub fn arn(&self) -> Result<ChannelArn, InvalidStreamEvent> {
        let arn = self.resources.first().and_then(|arn| arn.parse().ok());
        arn.ok_or(InvalidStreamEvent("resources"))
    }

    /// The row that the channel would have. IVS lets other channels of the account have any name, or none.
    pub fn channel(&self) -> Option<ChannelName> {
        self.detail.channel_name.parse().ok()
    }

    /// IVS's word for what has happened, for the log.
    pub fn name(&self) -> &str {
        &self.detail.event_name
    }
}
