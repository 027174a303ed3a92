//! What follows from the row of a broadcast, at a given time.

use super::{BroadcastRow, EndReason, Lifecycle, Phase, RESUMABLE, Redemption, Ticket};
use crate::{BroadcastId, TaskId, Timestamp};

/// What a broadcast is shown as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShownState {
    /// Its ticket was not redeemed yet.
    Waiting,
    /// As its server has said.
    Redeemed(Phase),
    /// It is over, whether anybody has written that or not.
    Ended,
}

impl ShownState {
    /// The API's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Redeemed(phase) => phase.as_str(),
            Self::Ended => "ended",
        }
    }
}

/// How a broadcast is, for its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// The state.
    pub state: ShownState,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Why.
    pub end_reason: Option<EndReason>,
}

impl Shown {
    fn ended(at: Timestamp, reason: EndReason) -> Self {
        Self { state: ShownState::Ended, ended_at: Some(at), end_reason: Some(reason) }
    }

    fn running(state: ShownState) -> Self {
        Self { state, ended_at: None, end_reason: None }
    }
}

impl BroadcastRow {
    /// Until when the ticket that nobody has redeemed can be.
    fn ticket_until(&self) -> Option<Timestamp> {
        self.ticket.as_ref().map(|ticket| ticket.expires_at)
    }

    /// When the broadcast ends by itself, if nobody redeems, renews or asks for another ticket: the lease may have lapsed
    /// while a page is on its way with a ticket.
    fn lapses_at(&self) -> Timestamp {
        let lease = self.redemption().map(|redemption| redemption.lease_until);
        lease.max(self.ticket_until()).unwrap_or(self.created_at)
    }

    /// What its owner is shown.
    pub fn shown(&self, now: Timestamp) -> Shown {
        let lapses_at = self.lapses_at();
        let is_over = lapses_at <= now;
        match &self.lifecycle {
            Lifecycle::Ended { at, reason, .. } => Shown::ended(*at, *reason),
            Lifecycle::Waiting if is_over => Shown::ended(lapses_at, self.end_requested.unwrap_or(EndReason::Expired)),
            Lifecycle::Waiting => Shown::running(ShownState::Waiting),
            Lifecycle::Redeemed { phase, .. } if is_over => {
                // The server that was to end it is not there any more, or was just about to.
                let unasked = if *phase == Phase::Interrupted { EndReason::Lost } else { EndReason::ServerLost };
                Shown::ended(lapses_at, self.end_requested.unwrap_or(unasked))
            }
            // Its server is lost, and a ticket is on its way.
            Lifecycle::Redeemed { redemption, .. } if redemption.lease_until <= now => {
                Shown::running(ShownState::Redeemed(Phase::Interrupted))
            }
            Lifecycle::Redeemed { phase, .. } => Shown::running(ShownState::Redeemed(*phase)),
        }
    }

    /// Whether a server owns it.
    pub fn has_server(&self, now: Timestamp) -> bool {
        matches!(&self.lifecycle, Lifecycle::Redeemed { redemption, .. } if redemption.lease_until > now)
    }

    /// Whether it may have another ticket: it has not ended, or only by a lapse that is not long ago.
    pub fn is_resumable(&self, now: Timestamp) -> bool {
        let has_ended = matches!(self.lifecycle, Lifecycle::Ended { .. });
        !has_ended && self.end_requested.is_none() && self.lapses_at() + RESUMABLE > now
    }
}

/// What a DELETE is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delete {
    /// Nothing: it is over.
    Nothing,
    /// End it at once: no server has it.
    End,
    /// Ask its server to end it, and let nobody resume it.
    Ask,
}

/// What a DELETE is to do about this row.
pub fn on_delete(row: &BroadcastRow, now: Timestamp) -> Delete {
    match &row.lifecycle {
        Lifecycle::Ended { .. } => Delete::Nothing,
        _ if row.end_requested.is_some() || (row.shown(now).state == ShownState::Ended && !row.is_resumable(now)) => {
            Delete::Nothing
        }
        Lifecycle::Waiting => Delete::End,
        Lifecycle::Redeemed { .. } => Delete::Ask,
    }
}

/// Why a ticket was refused. For the log: whoever brings it is told no more than that it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such broadcast.
    Unknown,
    /// The broadcast is over, or about to be.
    Ended,
    /// There is no ticket: it was redeemed.
    Used,
    /// The ticket is another one, perhaps an earlier one.
    Forged,
    /// It came too late.
    Expired,
    /// It is for another server.
    Foreign,
}

impl Refusal {
    /// For the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Ended => "ended",
            Self::Used => "used",
            Self::Forged => "forged",
            Self::Expired => "expired",
            Self::Foreign => "foreign",
        }
    }
}

/// Why a ticket cannot be redeemed at a server; `None` if it can. DynamoDB is asked the same by the condition of the
/// write.
pub fn refusal(row: Option<&BroadcastRow>, ticket: &Ticket, server: &TaskId, now: Timestamp) -> Option<Refusal> {
    let Some(row) = row else { return Some(Refusal::Unknown) };
    let is_over = matches!(row.lifecycle, Lifecycle::Ended { .. }) || row.end_requested.is_some();
    match &row.ticket {
        _ if is_over => Some(Refusal::Ended),
        None => Some(Refusal::Used),
        Some(issued) if issued.hash != ticket.hash() => Some(Refusal::Forged),
        Some(issued) if issued.expires_at <= now => Some(Refusal::Expired),
        Some(issued) if issued.server.as_ref().is_some_and(|only| only != server) => Some(Refusal::Foreign),
        Some(_) => None,
    }
}

/// How a broadcast stands among those of its target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// There is no other.
    Alone,
    /// It takes the target over from this one, which is to end.
    TakesOver(BroadcastId),
    /// This one has taken the target.
    TakenOver(BroadcastId),
}

/// How a broadcast stands that was redeemed so, by the latest redemptions of its target: the latest one has the target.
/// Two of the same moment go by their ids, so that one of them yields and not both.
pub fn standing(id: &BroadcastId, own: &Redemption, latest: &[(BroadcastId, Timestamp)]) -> Standing {
    let others = latest.iter().filter(|(other, _)| other != id);
    match others.max_by_key(|(other, at)| (*at, other.clone())) {
        None => Standing::Alone,
        Some((other, at)) if (*at, other) > (own.redeemed_at, id) => Standing::TakenOver(other.clone()),
        Some((other, _)) => Standing::TakesOver(other.clone()),
    }
}
