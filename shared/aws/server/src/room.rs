//! The room that servers have: each says so with a heartbeat in its own row, and each ticket takes a place there.
//!
//! | attribute | is |
//! |---|---|
//! | `places` | the free places, as the server counted them last, less the tickets since |
//! | `promised` | how many tickets there ever were for it, as far as the row remembers |
//! | `room` | there while the server had room at its last heartbeat; makes the index `by-room` sparse |
//! | `leaseUntil` | until when that counts |
//!
//! The task tracker writes a row without them, and the next heartbeat brings them back.

use std::time::{Duration, Instant};

use aws_client::AwsFailure;
use aws_item::{Fields, Item, Written, n, s, update_if};
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use model::broadcast::{Candidate, PromiseLedger};
use model::{Error, TaskId, Timestamp};

use crate::ServerTable;
use crate::table::{OF, read_server};

/// How long a server's word counts: it is repeated every five seconds.
const LEASE: Duration = Duration::from_secs(20);
/// The one partition of the index. A write of `places` is two of its write units, of a thousand a second.
const ROOM: &str = "room";
/// How often a heartbeat begins anew because a ticket came in between.
const ATTEMPTS: usize = 8;

/// What came of a heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heartbeat {
    /// The row says how much room there is.
    Offered {
        /// How much.
        places: u32,
    },
    /// No broadcast may begin here: the row is not there yet, or the task is going to stop.
    NotOffered,
    /// Tickets came faster than they could be counted; the row says what it said before, less those.
    Contended,
}

impl ServerTable {
    /// Says how much room a server has: one write, and a read and another write for each ticket that came in between. What it has
    /// seen of them is in the ledger also when it fails.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn heartbeat(
        &self,
        me: &TaskId,
        ledger: &mut PromiseLedger,
        capacity: u32,
        sessions: u32,
        now: Timestamp,
    ) -> Result<Heartbeat, Error> {
        // A ticket that comes in while this is at work lasts from then on.
        let begun = Instant::now();
        for _ in 0..ATTEMPTS {
            let places = ledger.places(capacity, sessions, now);
            let room = if places > 0 { ", room = :room" } else { " REMOVE room" };
            // Whoever gave a ticket out in between has counted it in `promised`, and this write would undo it.
            let unchanged = match ledger.seen() {
                0 => "(attribute_not_exists(promised) OR promised = :seen)",
                _ => "promised = :seen",
            };
            let update = self
                .update(me)
                .update_expression(format!("SET places = :places, leaseUntil = :until{room}"))
                .condition_expression(format!("#state = :offered AND {unchanged}"))
                .expression_attribute_names("#state", "state")
                .expression_attribute_values(":offered", s("offered"))
                .expression_attribute_values(":places", n(places))
                .expression_attribute_values(":until", s(now + LEASE))
                .expression_attribute_values(":seen", n(ledger.seen()));
            let update = if places > 0 { update.expression_attribute_values(":room", s(ROOM)) } else { update };
            if let Written::Yes(_) = update_if(update).await? {
                // The condition has shown that the counter is where it was.
                ledger.observe(ledger.seen(), now + begun.elapsed());
                return Ok(Heartbeat::Offered { places });
            }
            match self.promised(me).await? {
                Some(promised) => ledger.observe(promised, now + begun.elapsed()),
                None => return Ok(Heartbeat::NotOffered),
            }
        }
        Ok(Heartbeat::Contended)
    }

    /// Takes a server's room off the list, before its task drains. The next heartbeat would bring it back.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn withdraw(&self, me: &TaskId) -> Result<(), Error> {
        let update = self
            .update(me)
            .update_expression("REMOVE places, room, leaseUntil")
            .condition_expression("attribute_exists(taskId)");
        update_if(update).await.map(drop)
    }

    /// Where the counter of a server that is offered is. A refused write could tell, but would show what its policy keeps from a server.
    async fn promised(&self, me: &TaskId) -> Result<Option<u64>, Error> {
        let got = self
            .dynamodb
            .get_item()
            .table_name(&self.table)
            .key("taskId", s(me))
            .consistent_read(true)
            .projection_expression("#state, promised")
            .expression_attribute_names("#state", "state");
        let got = got.send().await.map_err(|error| AwsFailure::new("dynamodb:GetItem", &error).into_error())?;
        let Some(item) = got.item() else { return Ok(None) };
        let row = Fields::of(OF, item);
        if row.text("state")? != "offered" {
            return Ok(None);
        }
        let promised = if row.has("promised") { row.number("promised")? } else { 0 };
        Ok(Some(u64::try_from(promised).unwrap_or_default()))
    }

    /// Up to so many of the servers that have room now, those with most of it first. One Query; the index may be behind by
    /// a moment.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn with_room(&self, limit: i32, now: Timestamp) -> Result<Vec<Candidate>, Error> {
        let query = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .index_name("by-room")
            .key_condition_expression("room = :room AND places >= :one")
            .expression_attribute_values(":room", s(ROOM))
            .expression_attribute_values(":one", n(1))
            .scan_index_forward(false)
            .limit(limit);
        let found = query.send().await.map_err(|error| AwsFailure::new("dynamodb:Query", &error).into_error())?;
        let candidates: Result<Vec<_>, Error> = found.items().iter().map(read_candidate).collect();
        let mut candidates = candidates?;
        candidates.retain(|candidate| candidate.lease_until > now);
        Ok(candidates)
    }

    /// Takes a place at a server. False: it has none any more, or is not offered. One write.
    ///
    /// # Errors
    /// What DynamoDB fails with; then a place may be taken, which the server gets back when nobody comes.
    pub async fn take_place(&self, server: &TaskId, now: Timestamp) -> Result<bool, Error> {
        let update = self
            .update(server)
            .update_expression("ADD places :less, promised :one")
            .condition_expression("#state = :offered AND places > :none AND leaseUntil > :now")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":offered", s("offered"))
            .expression_attribute_values(":none", n(0))
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":less", n(-1))
            .expression_attribute_values(":now", s(now));
        // Whoever may write these attributes alone may not be shown the others.
        Ok(matches!(update_if(update).await?, Written::Yes(_)))
    }

    fn update(&self, server: &TaskId) -> UpdateItemFluentBuilder {
        self.dynamodb.update_item().table_name(&self.table).key("taskId", s(server))
    }
}

fn read_candidate(item: &Item) -> Result<Candidate, Error> {
    let row = Fields::of(OF, item);
    let places = row.number("places")?.try_into();
    Ok(Candidate {
        server: read_server(&row)?,
        places: places.map_err(|_| Error::internal("a server row has no valid places"))?,
        lease_until: row.parse("leaseUntil")?,
    })
}
