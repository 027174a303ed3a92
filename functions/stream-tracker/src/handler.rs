//! Decode, call one operation, report.

use aws_session::{SessionTable, StageEvent, Tracked, track};
use aws_stream::{Recorded, StreamEvent, StreamTable, record};
use lambda::event::Report;
use model::{Error, Timestamp};
use serde::Deserialize;

/// What an event needs.
pub(crate) struct Handler {
    pub(crate) streams: StreamTable,
    pub(crate) sessions: SessionTable,
}

/// What the rules of the template send here, by the detail type of each.
#[derive(Deserialize)]
#[serde(tag = "detail-type")]
pub(crate) enum Event {
    #[serde(rename = "IVS Stream State Change")]
    StreamState(StreamEvent),
    #[serde(rename = "IVS Stream Health Change")]
    StreamHealth(StreamEvent),
    #[serde(rename = "IVS Stage Update")]
    Stage(StageEvent),
}

impl Handler {
    pub(crate) async fn handle(&self, event: Event) -> Result<Report, Error> {
        match event {
            Event::StreamState(event) | Event::StreamHealth(event) => self.stream(&event).await,
            Event::Stage(event) => self.stage(&event).await,
        }
    }

    async fn stream(&self, event: &StreamEvent) -> Result<Report, Error> {
        let Some(news) = event.news().map_err(Error::internal)? else {
            return Ok(Report::new("no news").log("event.name", event.name()));
        };
        let arn = event.arn().map_err(Error::internal)?;
        let report = match event.channel() {
            None => Report::new("not ours"),
            Some(name) => {
                let report = match record(&self.streams, Timestamp::now(), &name, &arn, &news).await {
                    Ok(Recorded::Written { is_live, was_live }) => {
                        let report =
                            Report::new("recorded").log("stream.state", if is_live { "live" } else { "offline" });
                        let report = report.count("StreamsStarted", usize::from(is_live && !was_live));
                        report.count("StreamsEnded", usize::from(was_live && !is_live))
                    }
                    Ok(Recorded::NoNews) => Report::new("no news"),
                    Ok(Recorded::Stale) => Report::new("stale").count("StaleEvents", 1),
                    Ok(Recorded::Foreign) => Report::new("not ours"),
                    Err(error) => Report::new("failed").fail(error),
                };
                report.log("channel", name.as_str())
            }
        };
        let report = report.log("event.name", event.name()).log("channel.arn", arn.as_str());
        Ok(report.log("stream.id", news.session.as_str()))
    }
    async fn stage(&self, event: &StageEvent) -> Result<Report, Error> {
        let Some((stage, news)) = event.news().map_err(Error::internal)? else {
            return Ok(Report::new("no news").log("event.name", event.name()));
        };
        let report = match track(&self.sessions, Timestamp::now(), &stage, &news).await {
            Ok(Tracked::Recorded) => Report::new("recorded"),
            Ok(Tracked::NoNews) => Report::new("no news"),
            Ok(Tracked::Stale) => Report::new("stale").count("StaleEvents", 1),
            Err(error) => Report::new("failed").fail(error),
        };
        let report = report.log("event.name", event.name()).log("stage.arn", stage.as_str());
        Ok(report.log("session.id", news.session.as_str()).log("participant.id", news.participant_id.as_str()))
    }
}
