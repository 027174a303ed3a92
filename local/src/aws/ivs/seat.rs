//! How encoders come into a session, and the place that they have there.

use std::time::Duration;

use time::OffsetDateTime;

use super::{
    event::TakeoverFailure,
    publisher::Publisher,
    session::{Session, Target},
};

const HIGHEST_PRIORITY: u32 = i32::MAX as u32;

/// The place of an encoder in a session. It is lost when another one takes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seat {
    pub(super) arn: String,
    channel_name: String,
    pub(super) stream_id: String,
    begun: OffsetDateTime,
    pub(super) number: u64,
}

impl Seat {
    /// That of the encoder which brings the session's media now.
    pub(super) fn of(session: &Session) -> Self {
        Self {
            arn: session.channel.arn.clone(),
            channel_name: session.channel.name.clone(),
            stream_id: session.id.clone(),
            begun: session.begun,
            number: session.seat,
        }
    }

    /// What follows `channel/` in the channel's ARN.
    pub(crate) fn channel_id(&self) -> &str {
        self.arn.rsplit('/').next().unwrap_or_default()
    }

    /// What a log calls the channel: its name, or else its id.
    pub(crate) fn channel(&self) -> &str {
        if self.channel_name.is_empty() { self.channel_id() } else { &self.channel_name }
    }

    pub(crate) fn stream_id(&self) -> &str {
        &self.stream_id
    }

    pub(crate) fn begun(&self) -> OffsetDateTime {
        self.begun
    }

    /// Grows from encoder to encoder: of two seats in one session, that of the higher number has the place.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }
}

/// How an encoder comes in.
pub(crate) enum Admission {
    /// With a session of its own.
    Begun(Seat),
    /// Beside another one, whose place it may take once its media are known.
    Contends(Contender),
}

/// An encoder of a higher priority than the one on air. It holds no stream key, but the ARN of one.
pub(crate) struct Contender {
    pub(super) stream_key_arn: String,
    pub(super) is_secure: bool,
    pub(super) priority: u32,
    pub(super) publisher: Publisher,
}

/// Why an encoder does not come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    UnknownKey,
    /// The channel takes RTMPS alone.
    Insecure,
    /// The channel is on air, and the encoder has no priority.
    OnAir,
    Takeover(TakeoverFailure),
}

/// An encoder that wants to broadcast to a channel.
pub(super) struct Entry<'a> {
    pub(super) target: Target,
    pub(super) stream_key_arn: &'a str,
    pub(super) is_secure: bool,
    pub(super) publisher: Publisher,
    pub(super) priority: Option<&'a str>,
    /// After this much silence of the encoder on air, its place is free: its network is gone, and TCP has not said so.
    pub(super) grace: Duration,
}

/// 1 to 2,147,483,647.
pub(super) fn priority_of(text: &str) -> Option<u32> {
    text.parse().ok().filter(|priority| (1..=HIGHEST_PRIORITY).contains(priority))
}
