//! Decode, call one operation, report.

use aws_removal::{RemovalIvs, RemovalTable, disconnect_removed};
use aws_session::{SessionTable, StageEvent, Tracked, track};
use aws_stream::{Recorded, StreamEvent, StreamTable, is_ours, record};
use lambda::event::Report;
use model::stream::News;
use model::{ChannelArn, ChannelName, Error, StageArn, Timestamp, session};
use serde::Deserialize;

/// What an event needs.
pub(crate) struct Handler {
    pub(crate) streams: StreamTable,
    pub(crate) sessions: SessionTable,
    pub(crate) removals: RemovalTable,
    pub(crate) ivs: RemovalIvs,
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
        // Most of what IVS tells of in an account may be of others, and of any form.
        let Some(name) = event.channel() else { return Ok(Report::new("not ours").log("event.name", event.name())) };
        let news = match event.news() {
            Ok(Some(news)) => Ok(news),
            Ok(None) => return Ok(Report::new("no news").log("event.name", event.name())),
            Err(error) => Err(error),
        };
        let arn = event.arn().map_err(Error::internal)?;
        let report = match news {
            Ok(news) => self.record(&name, &arn, &news).await.log("stream.id", news.session.as_str()),
            Err(error) => match is_ours(&self.streams, &name, &arn).await {
                Ok(false) => Report::new("not ours"),
                Ok(true) => Report::new("failed").fail(Error::internal(error)),
                Err(error) => Report::new("failed").fail(error),
            },
        };
        let report = report.log("event.name", event.name()).log("channel", name.as_str());
        Ok(report.log("channel.arn", arn.as_str()))
    }

    async fn record(&self, name: &ChannelName, arn: &ChannelArn, news: &News) -> Report {
        match record(&self.streams, Timestamp::now(), name, arn, news).await {
            Ok(Recorded::Written { is_live, was_live }) => {
                let report = Report::new("recorded").log("stream.state", if is_live { "live" } else { "offline" });
                let report = report.count("StreamsStarted", usize::from(is_live && !was_live));
                report.count("StreamsEnded", usize::from(was_live && !is_live))
            }
            Ok(Recorded::NoNews) => Report::new("no news"),
            Ok(Recorded::Stale) => Report::new("stale").count("StaleEvents", 1),
            Ok(Recorded::Foreign) => Report::new("not ours"),
            Err(error) => Report::new("failed").fail(error),
        }
    }

    async fn stage(&self, event: &StageEvent) -> Result<Report, Error> {
        let (stage, news) = match event.news() {
            Ok(Some(told)) => told,
            Ok(None) => return Ok(Report::new("no news").log("event.name", event.name())),
            // Whose stage it is about, nobody asks; IVS tells the reconciler what it would have said.
            Err(error) => {
                let report = Report::new("unreadable").count("UnreadableEvents", 1).log("cause", error.to_string());
                return Ok(report.log("event.name", event.name()));
            }
        };
        let disconnected = self.disconnect_removed(&stage, &news).await;
        let report = match track(&self.sessions, Timestamp::now(), &stage, &news).await {
            Ok(Tracked::Recorded) => Report::new("recorded"),
            Ok(Tracked::NoNews) => Report::new("no news"),
            Ok(Tracked::Stale) => Report::new("stale").count("StaleEvents", 1),
            Err(error) => Report::new("failed").fail(error),
        };
        let report = match disconnected {
            Ok(true) => report.log("participant.disconnected", true),
            Ok(false) => report,
            Err(error) => report.fail(error),
        };
        let report = report.log("event.name", event.name()).log("stage.arn", stage.as_str());
        Ok(report.log("session.id", news.session.as_str()).log("participant.id", news.participant_id.as_str()))
    }

    /// Whoever begins to publish may be removed from the stage: IVS may not have known them when they were.
    async fn disconnect_removed(&self, stage: &StageArn, news: &session::News) -> Result<bool, Error> {
        match &news.user_id {
            Some(user_id) if news.publishing => {
                disconnect_removed(&self.ivs, &self.removals, stage, user_id, &news.participant_id).await
            }
            _ => Ok(false),
        }
    }
}
