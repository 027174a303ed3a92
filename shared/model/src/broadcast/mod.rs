//! Broadcasts: a user goes live from a browser, through a transwrap server, to a channel or to saved settings.
//!
//! A broadcast begins with a ticket that opens a server once. Whoever redeems a ticket owns the broadcast as an attempt,
//! with a lease that it renews; the next redemption, after a lost connection or on another server, takes it over. What
//! nobody renews any more has ended, whatever the row says: that is computed when the row is read.

mod ingest;
mod places;
mod rules;
#[cfg(test)]
mod tests;
mod ticket;

use std::time::Duration;

pub use self::ingest::{IngestKind, IngestTarget, priority};
pub use self::places::{Candidate, Draw, PromiseLedger, choose};
pub use self::rules::{Delete, Refusal, Shown, ShownState, Standing, on_delete, refusal, standing};
pub use self::ticket::{Ticket, TicketHash};

use crate::{AttemptId, BroadcastId, ChannelArn, ChannelName, TaskId, Timestamp, UserId};

/// How long a ticket opens a server.
pub const TICKET_LASTS: Duration = Duration::from_secs(60);
/// How long a server owns a broadcast without renewing its lease.
pub const LEASE: Duration = Duration::from_secs(15);
/// How often a server renews: a lease survives four renewals that get lost.
pub const RENEW_EVERY: Duration = Duration::from_secs(3);
/// How long after its lease has lapsed a broadcast can be had back with another ticket.
pub const RESUMABLE: Duration = Duration::from_secs(60);
/// How long a row stays.
pub const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Where a broadcast goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// To a channel of its owner's.
    Channel {
        /// Its name.
        name: ChannelName,
        /// What tells it from another channel of that name.
        arn: ChannelArn,
    },
    /// To what its owner has saved as broadcast settings.
    Settings,
}

impl Target {
    /// What the index of targets calls it: one text for all broadcasts of a channel's name, or of a user's settings.
    pub fn key(&self, owner: &UserId) -> String {
        let desired = match self {
            Self::Channel { name, .. } => DesiredTarget::Channel(name.clone()),
            Self::Settings => DesiredTarget::Settings,
        };
        desired.key(owner)
    }
}

/// Where a caller wants a broadcast to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DesiredTarget {
    /// To the channel of that name, whatever it is.
    Channel(ChannelName),
    /// To the caller's settings.
    Settings,
}

impl DesiredTarget {
    /// What the index of targets calls it.
    pub fn key(&self, owner: &UserId) -> String {
        match self {
            Self::Channel(name) => format!("channel#{name}"),
            Self::Settings => format!("settings#{owner}"),
        }
    }
}

/// How far a broadcast has come on its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The browser is there; the ingest does not take media yet.
    Connecting,
    /// The ingest takes media.
    Live,
    /// The browser's connection is lost, and may come back.
    Interrupted,
}

impl Phase {
    const ALL: [Self; 3] = [Self::Connecting, Self::Live, Self::Interrupted];

    /// The word used in the API and in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Live => "live",
            Self::Interrupted => "interrupted",
        }
    }

    /// Reads that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == word)
    }
}

/// Why a broadcast has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// Its page has stopped it.
    Stopped,
    /// `DELETE` has.
    Deleted,
    /// A later broadcast has taken its target.
    TakenOver,
    /// Nobody came with a ticket in time.
    Expired,
    /// The browser was lost and did not come back.
    Lost,
    /// The server was lost, and the page did not come back either.
    ServerLost,
    /// The browser sent nothing any more.
    Quiet,
    /// The ingest does not know the stream key.
    KeyRefused,
    /// The ingest could not be reached.
    IngestUnreachable,
    /// The ingest is none that may be connected to: a private address, a bad certificate.
    TargetRefused,
    /// What the browser sent could not be made into a stream.
    UnusableMedia,
}

impl EndReason {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Stopped,
        Self::Deleted,
        Self::TakenOver,
        Self::Expired,
        Self::Lost,
        Self::ServerLost,
        Self::Quiet,
        Self::KeyRefused,
        Self::IngestUnreachable,
        Self::TargetRefused,
        Self::UnusableMedia,
    ];

    /// The word used in the API and in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Deleted => "deleted",
            Self::TakenOver => "taken-over",
            Self::Expired => "expired",
            Self::Lost => "lost",
            Self::ServerLost => "server-lost",
            Self::Quiet => "quiet",
            Self::KeyRefused => "key-refused",
            Self::IngestUnreachable => "ingest-unreachable",
            Self::TargetRefused => "target-refused",
            Self::UnusableMedia => "unusable-media",
        }
    }

    /// Reads that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }
}

/// A ticket that nobody has redeemed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedTicket {
    /// What it must hash to.
    pub hash: TicketHash,
    /// Until when it can be redeemed.
    pub expires_at: Timestamp,
    /// The only server that may; absent, any.
    pub server: Option<TaskId>,
}

/// Who owns a broadcast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redemption {
    /// Which redemption it was.
    pub attempt: AttemptId,
    /// When: of all broadcasts of a target, the latest redemption has it.
    pub redeemed_at: Timestamp,
    /// On which server.
    pub server: TaskId,
    /// Until when it owns the broadcast without a renewal.
    pub lease_until: Timestamp,
}

/// How a broadcast is, as its row says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lifecycle {
    /// No ticket was redeemed yet.
    Waiting,
    /// A server has it.
    Redeemed {
        /// Which, and until when.
        redemption: Redemption,
        /// How far it has come.
        phase: Phase,
    },
    /// It is over.
    Ended {
        /// Since when.
        at: Timestamp,
        /// Why.
        reason: EndReason,
        /// The last owner; absent if no ticket was redeemed.
        redemption: Option<Redemption>,
    },
}

/// What the table holds of a broadcast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BroadcastRow {
    /// Which broadcast.
    pub id: BroadcastId,
    /// Who went live.
    pub owner: UserId,
    /// Where it goes.
    pub target: Target,
    /// Whether it was begun although its target was, or may have been, on air.
    pub take_over: bool,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// A ticket for it that nobody has redeemed yet; it may have expired.
    pub ticket: Option<IssuedTicket>,
    /// How it is.
    pub lifecycle: Lifecycle,
    /// When the ingest first took its media.
    pub live_at: Option<Timestamp>,
    /// Why its server is to end it; nobody can redeem a ticket for it any more.
    pub end_requested: Option<EndReason>,
}

impl BroadcastRow {
    /// A new broadcast.
    pub fn new(
        id: BroadcastId,
        owner: UserId,
        target: Target,
        take_over: bool,
        ticket: IssuedTicket,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            owner,
            target,
            take_over,
            created_at: now,
            ticket: Some(ticket),
            lifecycle: Lifecycle::Waiting,
            live_at: None,
            end_requested: None,
        }
    }

    /// The present or last owner, if there was one.
    pub fn redemption(&self) -> Option<&Redemption> {
        match &self.lifecycle {
            Lifecycle::Waiting => None,
            Lifecycle::Redeemed { redemption, .. } => Some(redemption),
            Lifecycle::Ended { redemption, .. } => redemption.as_ref(),
        }
    }
}
