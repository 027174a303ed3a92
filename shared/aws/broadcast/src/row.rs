//! How a row of `broadcasts` is written and read.
//!
//! | `state` | attributes |
//! |---|---|
//! | `waiting` | those of every row |
//! | `connecting`, `live`, `interrupted` | `attempt`, `redeemedAt`, `server`, `leaseUntil`; `target`, which makes the index `by-target` sparse |
//! | `ended` | `endedAt`, `endReason`; of the last redemption, if there was one, what a running row has but `target` |
//!
//! Every row has `broadcast`, `owner`, `createdAt`, `takeOver`, `ttl`, and `targetKey`, from which a redemption takes
//! `target`: it writes the row without having read it. `channel` and `channelArn` are there unless it goes to settings;
//! `ticketHash`, `ticketExpiresAt` and perhaps `ticketServer` while there is a ticket; `liveAt` once it was live.
//!
//! `ticketExpiresAt` stays when a ticket is redeemed: the server learns from it when the ticket was issued.

use aws_item::{Fields, Item, item, n, s};
use aws_sdk_dynamodb::types::AttributeValue;
use model::broadcast::{BroadcastRow, EndReason, IssuedTicket, KEPT, Lifecycle, Phase, Redemption, Target};
use model::{Error, Timestamp};

/// What a row is of, for messages.
pub(crate) const OF: &str = "broadcast";
/// The state of a row whose ticket was not redeemed yet.
pub(crate) const WAITING: &str = "waiting";
/// The state of a row that is over.
pub(crate) const ENDED: &str = "ended";

/// A new row.
pub(crate) fn write(row: &BroadcastRow) -> Item {
    let mut fields = item([
        ("broadcast", s(&row.id)),
        ("owner", s(&row.owner)),
        ("createdAt", s(row.created_at)),
        ("takeOver", AttributeValue::Bool(row.take_over)),
        ("targetKey", s(row.target.key(&row.owner))),
        ("state", s(WAITING)),
        ("ttl", n((row.created_at + KEPT).epoch_seconds())),
    ]);
    if let Target::Channel { name, arn } = &row.target {
        fields.extend(item([("channel", s(name)), ("channelArn", s(arn))]));
    }
    if let Some(ticket) = &row.ticket {
        fields.extend(item([("ticketHash", s(&ticket.hash)), ("ticketExpiresAt", s(ticket.expires_at))]));
        fields.extend(ticket.server.as_ref().map(|server| ("ticketServer".to_owned(), s(server))));
    }
    fields
}

pub(crate) fn read(item: &Item) -> Result<BroadcastRow, Error> {
    let row = Fields::of(OF, item);
    let redemption = match row.has("attempt") {
        true => Some(Redemption {
            attempt: row.parse("attempt")?,
            redeemed_at: row.parse("redeemedAt")?,
            server: row.parse("server")?,
            lease_until: row.parse("leaseUntil")?,
        }),
        false => None,
    };
    let lifecycle = match (row.text("state")?, redemption) {
        (WAITING, None) => Lifecycle::Waiting,
        (ENDED, redemption) => {
            Lifecycle::Ended { at: row.parse("endedAt")?, reason: reason(&row, "endReason")?, redemption }
        }
        (state, redemption) => {
            let invalid = || Error::internal("a broadcast row has no valid state");
            let phase = Phase::parse(state).ok_or_else(invalid)?;
            Lifecycle::Redeemed { redemption: redemption.ok_or_else(invalid)?, phase }
        }
    };
    let target = match row.has("channel") {
        true => Target::Channel { name: row.parse("channel")?, arn: row.parse("channelArn")? },
        false => Target::Settings,
    };
    let ticket = match row.has("ticketHash") {
        true => Some(IssuedTicket {
            hash: row.parse("ticketHash")?,
            expires_at: row.parse("ticketExpiresAt")?,
            server: row.has("ticketServer").then(|| row.parse("ticketServer")).transpose()?,
        }),
        false => None,
    };
    Ok(BroadcastRow {
        id: row.parse("broadcast")?,
        owner: row.parse("owner")?,
        target,
        take_over: row.flag("takeOver")?,
        created_at: row.parse("createdAt")?,
        ticket,
        lifecycle,
        live_at: row.has("liveAt").then(|| row.parse("liveAt")).transpose()?,
        end_requested: row.has("endRequested").then(|| reason(&row, "endRequested")).transpose()?,
    })
}

/// When the ticket that was last issued expires, or would have.
pub(crate) fn ticket_expires_at(item: &Item) -> Result<Timestamp, Error> {
    Fields::of(OF, item).parse("ticketExpiresAt")
}

fn reason(row: &Fields<'_>, field: &str) -> Result<EndReason, Error> {
    let reason = EndReason::parse(row.text(field)?);
    reason.ok_or_else(|| Error::internal(format!("a broadcast row has no valid {field}")))
}
