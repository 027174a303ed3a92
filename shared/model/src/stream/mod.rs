//! Streams: what is on air. IVS says so by events that may be lost, doubled, out of order and hours late, and that carry
//! no version (Low-Latency user guide, "Using Amazon EventBridge with IVS Low-Latency Streaming").
//!
//! What orders them is the stream id, which is new for each broadcast, and that two broadcasts of one channel never
//! overlap. So an end is believed of its own session and of no other; a session that has ended does not begin again; and
//! of two sessions, the one that began later is the one of now. What no event tells, a listing does: whatever is on air
//! is believed for [`LEASE`], and the reconciler's listings renew that, or end it.

mod rules;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use self::rules::{Verdict, judge, judge_listed, judge_unlisted};
use crate::{ChannelArn, ChannelName, StreamId, Timestamp};

/// How long something is believed to be on air that was seen so: two of the reconciler's runs, a minute apart, and half
/// of a third. A lost event is made up for by the next listing; this is for when there are none.
pub const LEASE: Duration = Duration::from_secs(150);

/// How far a listing may be behind what events have told.
pub const LAG: Duration = Duration::from_secs(15);

/// How long the row of a channel stays that is off air: longer than news of it can do harm.
pub const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// The latest ended sessions that a row remembers, within a [`LEASE`] of reconnects; one that began before that is too
/// old to be believed.
const ENDED_KEPT: usize = 16;

/// What the rules have to know of a channel. No secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamChannel {
    /// Unique in the deployment.
    pub name: ChannelName,
    /// Tells it from an earlier channel of that name.
    pub arn: ChannelArn,
    /// Whether watching takes a playback token.
    pub private: bool,
    /// What viewers play.
    pub playback_url: String,
}

/// What the table holds of a channel: its latest broadcast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamRow {
    /// Whose.
    pub channel: StreamChannel,
    /// Who says what is on air.
    pub source: Source,
    /// The latest broadcast.
    pub session: StreamId,
    /// When it began; unknown if only its end was heard of. IVS's events have whole seconds.
    pub started_at: Option<Timestamp>,
    /// Whether it is on air.
    pub state: State,
    /// The latest sessions of which an event has told the end, whatever order the events came in.
    pub ended: Vec<StreamId>,
    /// Sessions that began in the same second as [`Self::session`], and of which no end was heard yet: one of these is
    /// on air if it is not that one.
    pub rivals: Vec<StreamId>,
}

/// Who says what is on air.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// IVS, by its events and listings.
    Ivs,
    /// A server of the deployment's owner. IVS does not list it.
    SelfHosted,
}

impl Source {
    /// The word in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ivs => "ivs",
            Self::SelfHosted => "selfHosted",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Ivs, Self::SelfHosted].into_iter().find(|source| source.as_str() == word)
    }
}

/// Whether a channel is on air.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It is, for as long as its lease lasts.
    Live(Live),
    /// It is not.
    Offline {
        /// Since when: the end that an event told, or the beginning of the listing that did not have it.
        ended_at: Timestamp,
    },
}

/// What is known of a broadcast on air.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// The latest time at which it was known to be on air: its start, or the beginning of a listing that had it.
    pub confirmed_at: Timestamp,
    /// Until when that is believed.
    pub lease_until: Timestamp,
    /// How many watch, by the latest listing; absent before the first one, and when IVS could not count.
    pub viewer_count: Option<u64>,
    /// Whether IVS gets enough media; absent before anything was said of it.
    pub health: Option<Health>,
    /// The time of the latest event about [`Self::health`].
    pub health_at: Option<Timestamp>,
}

impl Live {
    /// On air at that time, of which nothing else is known.
    pub fn at(confirmed_at: Timestamp) -> Self {
        Self { confirmed_at, lease_until: confirmed_at + LEASE, viewer_count: None, health: None, health_at: None }
    }
}

/// Whether IVS gets enough media.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It does.
    Healthy,
    /// It does not: the broadcaster's network or encoder is too slow.
    Starving,
    /// IVS does not know.
    Unknown,
}

impl Health {
    const ALL: [Self; 3] = [Self::Healthy, Self::Starving, Self::Unknown];

    /// IVS's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "HEALTHY",
            Self::Starving => "STARVING",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// Reads IVS's word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|health| health.as_str() == word)
    }
}

impl StreamRow {
    /// The broadcast, if it is on air at that time as far as anybody knows.
    pub fn on_air(&self, now: Timestamp) -> Option<&Live> {
        match &self.state {
            State::Live(live) if now < live.lease_until => Some(live),
            _ => None,
        }
    }

    /// The time of the latest that is known.
    fn known_at(&self) -> Timestamp {
        match &self.state {
            State::Live(live) => live.confirmed_at,
            State::Offline { ended_at } => *ended_at,
        }
    }
}

/// What an event says of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// Of which session.
    pub session: StreamId,
    /// When it happened, in whole seconds.
    pub at: Timestamp,
    /// What happened.
    pub what: Happening,
}

/// What may happen to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    /// A broadcaster has come; nothing can be played yet.
    Created,
    /// It is on air.
    Started,
    /// It is not, and will never be again.
    Ended,
    /// Whether there is enough media.
    Health(Health),
}

/// An entry of a listing of what is on air.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Of which channel.
    pub arn: ChannelArn,
    /// Which session.
    pub session: StreamId,
    /// When it began, exactly.
    pub started_at: Timestamp,
    /// How many watch; absent when IVS could not count.
    pub viewer_count: Option<u64>,
    /// Whether there is enough media.
    pub health: Health,
}
