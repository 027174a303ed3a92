//! One broadcast to a channel.

use std::collections::VecDeque;

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{
    event::StreamEvent,
    publisher::{Order, Publisher},
    track::Tracks,
};
use crate::plumbing::clock;
use crate::plumbing::ids;

/// As many events as `GetStreamSession` tells.
const MAX_EVENTS: usize = 500;

/// A channel as it was when a broadcast to it began.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) arn: String,
    pub(super) name: String,
    /// As `GetChannel` shows it.
    pub(super) view: Value,
}

/// A broadcast, from the use of the stream key on.
pub(super) struct Session {
    pub(super) id: String,
    pub(super) channel: Target,
    pub(super) begun: OffsetDateTime,
    /// Whether something can be watched.
    pub(super) is_live: bool,
    pub(super) ended: Option<OffsetDateTime>,
    pub(super) health: String,
    pub(super) viewers: i64,
    pub(super) tracks: Tracks,
    /// That of the encoder, 0 if it gave none.
    pub(super) priority: u32,
    pub(super) takeovers: u32,
    /// None for a broadcast without media.
    pub(super) publisher: Option<Publisher>,
    /// Which encoder it is that brings the media: each one that takes over has a number of its own.
    pub(super) seat: u64,
    /// Grows from session to session.
    pub(super) number: u64,
    has_error: bool,
    /// The latest first.
    events: VecDeque<Value>,
}

impl Session {
    pub(super) fn new(
        channel: Target,
        publisher: Option<Publisher>,
        priority: u32,
        number: u64,
        now: OffsetDateTime,
    ) -> Self {
        Self {
            id: format!("st-{}", ids::alphanumeric(23)),
            channel,
            begun: now,
            is_live: false,
            ended: None,
            health: "HEALTHY".to_owned(),
            viewers: 0,
            tracks: Tracks::default(),
            priority,
            takeovers: 0,
            publisher,
            seat: number,
            number,
            has_error: false,
            events: VecDeque::new(),
        }
    }

    pub(super) fn record(&mut self, event: &StreamEvent, now: OffsetDateTime) {
        self.has_error |= event.is_error();
        self.events.push_front(event.to_api(now));
        self.events.truncate(MAX_EVENTS);
    }

    /// Has the encoder close its connection.
    pub(super) fn dismiss(&mut self) {
        if let Some(publisher) = self.publisher.take() {
            publisher.order(Order::Stop);
        }
    }

    /// As a `Stream`.
    pub(super) fn stream(&self) -> Value {
        let mut view = self.stream_summary();
        view["playbackUrl"] = self.channel.view["playbackUrl"].clone();
        view
    }

    /// As a `StreamSummary`.
    pub(super) fn stream_summary(&self) -> Value {
        json!({
            "channelArn": self.channel.arn,
            "streamId": self.id,
            "state": "LIVE",
            "health": self.health,
            "viewerCount": self.viewers,
            "startTime": clock::rfc3339_seconds(self.begun),
        })
    }

    /// As a `StreamSession`.
    pub(super) fn view(&self) -> Value {
        let mut view = json!({
            "streamId": self.id,
            "startTime": clock::rfc3339_seconds(self.begun),
            "channel": self.channel.view,
            "truncatedEvents": self.events,
        });
        if self.tracks != Tracks::default() {
            view["ingestConfiguration"] = self.tracks.view();
            view["ingestConfigurations"] = self.tracks.list();
        }
        self.with_end(view)
    }

    /// As a `StreamSessionSummary`.
    pub(super) fn summary(&self) -> Value {
        self.with_end(json!({
            "streamId": self.id,
            "startTime": clock::rfc3339_seconds(self.begun),
            "hasErrorEvent": self.has_error,
        }))
    }

    fn with_end(&self, mut view: Value) -> Value {
        if let Some(ended) = self.ended {
            view["endTime"] = json!(clock::rfc3339_seconds(ended));
        }
        view
    }
}
