//! The `broadcasts` table, as a server uses it: it redeems a ticket, renews its lease, and ends what it owns. Every write
//! is conditional on being the one that owns the broadcast, so that of any number of servers one does.

use aws_client::AwsFailure;
use aws_item::{Fields, Written, s, update_if};
use aws_sdk_dynamodb::types::ReturnValue;
use model::broadcast::{
    BroadcastRow, EndReason, LEASE, Lifecycle, Phase, RESUMABLE, Refusal, Standing, TICKET_LASTS, Ticket, refusal,
    standing,
};
use model::{AttemptId, BroadcastId, Error, TaskId, Timestamp};

use crate::BroadcastTable;
use crate::row::{self, ENDED, OF};

/// What came of a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redeemed {
    /// The broadcast is the server's.
    Accepted {
        /// The row, as it is now.
        row: Box<BroadcastRow>,
        /// When the ticket was issued.
        ticket_issued_at: Timestamp,
    },
    /// The ticket opens nothing here.
    Refused(Refusal),
}

/// What came of a renewal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Renewal {
    /// The broadcast is the server's until the lease's end. It may be asked to end it.
    Owned(Box<BroadcastRow>),
    /// It is another attempt's, or it is over.
    Superseded,
}

impl BroadcastTable {
    /// Redeems a ticket: once, and only here, if it is for a certain server. One write. The attempt's id is new.
    ///
    /// # Errors
    /// What DynamoDB fails with; then the ticket may have been redeemed.
    pub async fn redeem(
        &self,
        ticket: &Ticket,
        server: &TaskId,
        attempt: &AttemptId,
        now: Timestamp,
    ) -> Result<Redeemed, Error> {
        let update = self
            .update(ticket.broadcast())
            .update_expression(
                "SET #state = :connecting, attempt = :attempt, redeemedAt = :now, #server = :server, leaseUntil = :until, \
                 #target = targetKey REMOVE ticketHash, ticketServer",
            )
            .condition_expression(
                "ticketHash = :hash AND ticketExpiresAt > :now AND #state <> :ended \
                 AND (attribute_not_exists(ticketServer) OR ticketServer = :server) \
                 AND attribute_not_exists(endRequested)",
            )
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#server", "server")
            .expression_attribute_names("#target", "target")
            .expression_attribute_values(":connecting", s(Phase::Connecting.as_str()))
            .expression_attribute_values(":ended", s(ENDED))
            .expression_attribute_values(":hash", s(ticket.hash()))
            .expression_attribute_values(":attempt", s(attempt))
            .expression_attribute_values(":server", s(server))
            .expression_attribute_values(":now", s(now))
            .expression_attribute_values(":until", s(now + LEASE))
            .return_values(ReturnValue::AllNew);
        let (item, is_ours) = match update_if(update).await? {
            Written::Yes(item) => (item, true),
            // The SDK may repeat a write whose answer was lost, and then meets its own row.
            Written::No(item) => {
                let present = item.as_ref().and_then(|item| Fields::of(OF, item).parse("attempt").ok());
                (item, present.as_ref() == Some(attempt))
            }
        };
        let row = item.as_ref().map(row::read).transpose()?;
        match (item, row) {
            (Some(item), Some(row)) if is_ours => {
                let ticket_issued_at = row::ticket_expires_at(&item)? - TICKET_LASTS;
                Ok(Redeemed::Accepted { row: Box::new(row), ticket_issued_at })
            }
            // It can be redeemed by now, if another ticket was issued in between: this one was refused nevertheless.
            (_, row) => Ok(Redeemed::Refused(refusal(row.as_ref(), ticket, server, now).unwrap_or(Refusal::Forged))),
        }
    }

    /// Renews the lease of an attempt, and says how far the broadcast has come. One write.
    ///
    /// # Errors
    /// What DynamoDB fails with. Whoever cannot renew before the lease has lapsed does not own the broadcast any more.
    pub async fn renew(
        &self,
        id: &BroadcastId,
        attempt: &AttemptId,
        phase: Phase,
        now: Timestamp,
    ) -> Result<Renewal, Error> {
        let live = if phase == Phase::Live { ", liveAt = if_not_exists(liveAt, :now)" } else { "" };
        let update = self
            .update(id)
            .update_expression(format!("SET #state = :phase, leaseUntil = :until{live}"))
            .condition_expression("attempt = :attempt AND #state <> :ended")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":phase", s(phase.as_str()))
            .expression_attribute_values(":ended", s(ENDED))
            .expression_attribute_values(":attempt", s(attempt))
            .expression_attribute_values(":until", s(now + LEASE))
            .return_values(ReturnValue::AllNew);
        let update = match phase {
            Phase::Live => update.expression_attribute_values(":now", s(now)),
            Phase::Connecting | Phase::Interrupted => update,
        };
        match update_if(update).await? {
            Written::Yes(Some(item)) => Ok(Renewal::Owned(Box::new(row::read(&item)?))),
            Written::Yes(None) => {
                Err(Error::unavailable(AwsFailure::malformed("dynamodb:UpdateItem", "no attributes came back")))
            }
            Written::No(_) => Ok(Renewal::Superseded),
        }
    }

    /// Ends an attempt's broadcast. False: it is another attempt's, or was over. One write.
    ///
    /// # Errors
    /// What DynamoDB fails with; then it ends when its lease lapses.
    pub async fn end(
        &self,
        id: &BroadcastId,
        attempt: &AttemptId,
        reason: EndReason,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let update = self
            .update(id)
            .update_expression(
                "SET #state = :ended, endedAt = :now, endReason = :reason \
                 REMOVE #target, ticketHash, ticketExpiresAt, ticketServer, endRequested",
            )
            .condition_expression("attempt = :attempt AND #state <> :ended")
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#target", "target")
            .expression_attribute_values(":ended", s(ENDED))
            .expression_attribute_values(":attempt", s(attempt))
            .expression_attribute_values(":now", s(now))
            .expression_attribute_values(":reason", s(reason.as_str()));
        match update_if(update).await? {
            Written::Yes(_) => Ok(true),
            // The SDK may repeat a write whose answer was lost, and then meets its own row.
            Written::No(item) => {
                let row = item.as_ref().map(row::read).transpose()?;
                let Some(Lifecycle::Ended { at, reason: present, redemption: Some(last) }) =
                    row.map(|row| row.lifecycle)
                else {
                    return Ok(false);
                };
                Ok((at, present, &last.attempt) == (now, reason, attempt))
            }
        }
    }

    /// How a broadcast stands among those of its target, by the index, which may be behind by a moment: so it is worth
    /// asking again. One Query.
    ///
    /// # Errors
    /// What DynamoDB fails with; [`Error::Internal`] of a broadcast that nobody has redeemed.
    pub async fn standing(&self, row: &BroadcastRow) -> Result<Standing, Error> {
        let own = row.redemption().ok_or_else(|| Error::internal("nobody has redeemed the broadcast"))?;
        Ok(standing(&row.id, own, &self.latest(&row.target.key(&row.owner), 2).await?))
    }

    /// Has the other broadcast of a target end, as [`request_end`](Self::request_end) does. False: it ended by itself so long ago that
    /// nobody can resume it; it stays as it is. One write.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn take_over(&self, other: &BroadcastId, now: Timestamp) -> Result<bool, Error> {
        // That its server has it, or that a ticket or a page on its way can still bring it back.
        let update = self
            .end_requesting(
                other,
                EndReason::TakenOver,
                " AND (leaseUntil > :resumable OR (attribute_exists(ticketHash) AND ticketExpiresAt > :resumable))",
            )
            .expression_attribute_values(":resumable", s(now - RESUMABLE));
        match update_if(update).await? {
            Written::Yes(_) => Ok(true),
            // One that was ended has been here just now, or the index would not have shown it.
            Written::No(item) => {
                let row = item.as_ref().map(row::read).transpose()?;
                Ok(row.is_some_and(|row| matches!(row.lifecycle, Lifecycle::Ended { .. })))
            }
        }
    }

    /// The latest redemptions of a target that have not been ended, the latest first.
    pub(crate) async fn latest(&self, target: &str, limit: i32) -> Result<Vec<(BroadcastId, Timestamp)>, Error> {
        let query = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .index_name("by-target")
            .key_condition_expression("#target = :target")
            .expression_attribute_names("#target", "target")
            .expression_attribute_values(":target", s(target))
            .scan_index_forward(false)
            .limit(limit);
        let found = query.send().await.map_err(|error| AwsFailure::new("dynamodb:Query", &error).into_error())?;
        let redemption = |item| {
            let row = Fields::of(OF, item);
            Ok((row.parse("broadcast")?, row.parse("redeemedAt")?))
        };
        found.items().iter().map(redemption).collect()
    }
}
