//! What the API does with broadcasts.

use aws_server::ServerTable;
use model::broadcast::{
    BroadcastRow, Delete, DesiredTarget, Draw, EndReason, IssuedTicket, TICKET_LASTS, Ticket, choose, on_delete,
};
use model::error::Conflict;
use model::server::{Server, UrlTemplate};
use model::{BroadcastId, Cursor, Error, Limit, Page, Timestamp, UserId};

use crate::{BroadcastTable, TargetTables};

/// Of how many servers one is chosen: more than two, as the index may be behind, and those that it shows as the best are
/// then everybody's best.
const CANDIDATES: i32 = 50;
/// How many servers a request asks for a place. Each knows better than the index whether it has one.
const TRIES: usize = 10;

/// What a page connects with.
#[derive(Debug)]
pub struct Opening {
    /// Where.
    pub url: String,
    /// With what, once.
    pub ticket: Ticket,
    /// Until when.
    pub expires_at: Timestamp,
}

/// Broadcasts, as those who go live begin and see them.
pub struct Broadcasts {
    table: BroadcastTable,
    targets: TargetTables,
    servers: ServerTable,
    url: UrlTemplate,
}

impl Broadcasts {
    /// Of these tables, to servers at this URL.
    pub fn new(table: BroadcastTable, targets: TargetTables, servers: ServerTable, url: UrlTemplate) -> Self {
        Self { table, targets, servers, url }
    }

    /// Begins a broadcast. Five calls: the latest broadcast of the target, what is to be known of the target, the servers
    /// with room, a place at one of them, and the row. Taking over spares the first.
    ///
    /// # Errors
    /// [`Error::NotFound`] and [`Error::Forbidden`] for a target that is none of the caller's; [`Conflict::OnAir`] unless
    /// the target is to be taken over; [`Error::NoServer`]; what DynamoDB fails with.
    pub async fn begin(
        &self,
        caller: &UserId,
        desired: DesiredTarget,
        take_over: bool,
        now: Timestamp,
    ) -> Result<Opening, Error> {
        let latest = match take_over {
            true => None,
            false => self.table.latest(&desired.key(caller), 1).await?.into_iter().next().map(|(latest, _)| latest),
        };
        let (target, is_on_air) = self.targets.aim(caller, desired, latest.as_ref(), now).await?;
        if is_on_air && !take_over {
            return Err(Error::Conflict(Conflict::OnAir));
        }
        let id = BroadcastId::random()?;
        let (opening, issued) = self.open(&id, now).await?;
        let row = BroadcastRow::new(id, caller.clone(), target, take_over, issued, now);
        self.table.create(&row).await?;
        Ok(opening)
    }

    /// Another ticket for a broadcast that goes on, in place of any before. Four calls.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the caller has no such broadcast; [`Conflict::BroadcastEnded`]; [`Error::NoServer`]; what
    /// DynamoDB fails with.
    pub async fn issue_ticket(&self, caller: &UserId, id: &BroadcastId, now: Timestamp) -> Result<Opening, Error> {
        let ended = || Error::Conflict(Conflict::BroadcastEnded);
        let row = self.fetch(caller, id).await?;
        if !row.is_resumable(now) {
            return Err(ended());
        }
        let (opening, issued) = self.open(id, now).await?;
        if self.table.issue(id, &issued).await? { Ok(opening) } else { Err(ended()) }
    }

    /// A broadcast of the caller's. One call.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the caller has no such broadcast; what DynamoDB fails with.
    pub async fn fetch(&self, caller: &UserId, id: &BroadcastId) -> Result<BroadcastRow, Error> {
        let row = self.table.read(id).await?;
        row.filter(|row| row.owner == *caller).ok_or(Error::NotFound("broadcast"))
    }

    /// A page of the caller's broadcasts, the latest first. Two calls.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn list(
        &self,
        caller: &UserId,
        limit: Limit,
        cursor: Option<Cursor>,
    ) -> Result<Page<BroadcastRow>, Error> {
        self.table.of_owner(caller, limit, cursor).await
    }

    /// Ends a broadcast: at once, or by its server within three seconds. Repeating it is harmless. Two calls.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the caller has no such broadcast; what DynamoDB fails with.
    pub async fn delete(&self, caller: &UserId, id: &BroadcastId, now: Timestamp) -> Result<(), Error> {
        let row = self.fetch(caller, id).await?;
        match on_delete(&row, now) {
            Delete::Nothing => Ok(()),
            // Its ticket may be redeemed at this very moment.
            Delete::End if self.table.end_waiting(id, EndReason::Deleted, now).await? => Ok(()),
            Delete::End | Delete::Ask => self.table.request_end(id, EndReason::Deleted).await,
        }
    }

    /// Takes a place at a server, and draws a ticket for it.
    async fn open(&self, id: &BroadcastId, now: Timestamp) -> Result<(Opening, IssuedTicket), Error> {
        let (url, server) = match self.url.one_for_all() {
            Some(url) => {
                self.check_room(now).await?;
                (url.to_owned(), None)
            }
            None => {
                let server = self.take_place(now).await?;
                (self.url.fill(&server), Some(server.id))
            }
        };
        let ticket = Ticket::draw(id)?;
        let expires_at = now + TICKET_LASTS;
        let issued = IssuedTicket { hash: ticket.hash(), expires_at, server };
        Ok((Opening { url, ticket, expires_at }, issued))
    }

    /// Behind one address for all, it is not known which server the ticket will come to; only that there is one.
    async fn check_room(&self, now: Timestamp) -> Result<(), Error> {
        let candidates = self.servers.with_room(CANDIDATES, now).await?;
        if candidates.is_empty() { Err(Error::NoServer) } else { Ok(()) }
    }

    /// A place at one of the servers with most room.
    async fn take_place(&self, now: Timestamp) -> Result<Server, Error> {
        let mut candidates = self.servers.with_room(CANDIDATES, now).await?;
        for _ in 0..TRIES {
            let Some(chosen) = choose(&candidates, Draw::random()?) else { break };
            let server = candidates.swap_remove(chosen).server;
            if self.servers.take_place(&server.id, now).await? {
                return Ok(server);
            }
        }
        Err(Error::NoServer)
    }
}
