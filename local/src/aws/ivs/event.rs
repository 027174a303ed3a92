//! The events of a stream, as IVS tells them to EventBridge and lists them for its session.
//!
//! After "Using Amazon EventBridge with IVS Low-Latency Streaming" in the user guide.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::plumbing::clock;

/// What may happen to a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StreamEvent {
    /// A stream key was used; nothing can be watched yet.
    SessionCreated,
    /// The encoder is gone.
    SessionEnded,
    /// The first segment can be watched.
    Start,
    /// No more segments come.
    End,
    /// The media cannot be processed, for this reason.
    Failure(String),
    /// Another encoder goes on in place of the first one.
    Takeover,
    TakeoverFailure(TakeoverFailure),
    /// No media comes, though the encoder is connected.
    StarvationStart,
    StarvationEnd,
    LimitBreach(Breach),
}

/// Why an encoder may not go on in place of another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TakeoverFailure {
    /// Its media have another codec or resolution.
    MediaMismatch,
    /// Its priority is not above that of the other, or is none.
    InvalidPriority,
    /// The stream has been taken over too often.
    LimitBreached,
}

impl TakeoverFailure {
    fn code(self) -> &'static str {
        match self {
            Self::MediaMismatch => "StreamTakeoverMediaMismatch",
            Self::InvalidPriority => "StreamTakeoverInvalidPriority",
            Self::LimitBreached => "StreamTakeoverLimitBreached",
        }
    }
}

/// A limit of the channel's type that the media exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Breach {
    /// Such as `Ingest Bitrate`.
    pub(super) name: &'static str,
    pub(super) limit: u64,
    pub(super) exceeded_by: u64,
    pub(super) unit: &'static str,
}

impl StreamEvent {
    /// The group that the event belongs to.
    fn kind(&self) -> &'static str {
        match self {
            Self::StarvationStart | Self::StarvationEnd => "IVS Stream Health Change",
            Self::LimitBreach(_) => "IVS Limit Breach",
            _ => "IVS Stream State Change",
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::SessionCreated => "Session Created",
            Self::SessionEnded => "Session Ended",
            Self::Start => "Stream Start",
            Self::End => "Stream End",
            Self::Failure(_) => "Stream Failure",
            Self::Takeover => "Stream Takeover",
            Self::TakeoverFailure(_) => "Stream Takeover Failure",
            Self::StarvationStart => "Starvation Start",
            Self::StarvationEnd => "Starvation End",
            Self::LimitBreach(breach) => breach.name,
        }
    }

    fn code(&self) -> Option<&'static str> {
        match self {
            Self::TakeoverFailure(failure) => Some(failure.code()),
            _ => None,
        }
    }

    /// Whether a session with this event `hasErrorEvent`: a breach of a quota, or a failure.
    pub(super) fn is_error(&self) -> bool {
        matches!(self, Self::Failure(_) | Self::TakeoverFailure(_) | Self::LimitBreach(_))
    }

    /// As `GetStreamSession` lists it.
    pub(super) fn to_api(&self, now: OffsetDateTime) -> Value {
        let mut view = json!({"type": self.kind(), "name": self.name(), "eventTime": clock::rfc3339_seconds(now)});
        if let Some(code) = self.code() {
            view["code"] = json!(code);
        }
        view
    }

    /// As EventBridge gets it, but for what EventBridge fills in.
    pub(super) fn to_event(&self, channel_arn: &str, channel_name: &str, stream_id: &str) -> Map<String, Value> {
        let mut detail = match self {
            Self::LimitBreach(breach) => json!({
                "limit_name": breach.name,
                "limit_value": breach.limit,
                "exceeded_by": breach.exceeded_by,
                "limit_unit": breach.unit,
            }),
            _ => json!({"event_name": self.name()}),
        };
        detail["channel_name"] = json!(channel_name);
        detail["stream_id"] = json!(stream_id);
        match self {
            Self::Failure(reason) => detail["reason"] = json!(reason),
            Self::TakeoverFailure(failure) => detail["code"] = json!(failure.code()),
            _ => {}
        }
        Map::from_iter([
            ("source".to_owned(), json!("aws.ivs")),
            ("detail-type".to_owned(), json!(self.kind())),
            ("resources".to_owned(), json!([channel_arn])),
            ("detail".to_owned(), detail),
        ])
    }
}
