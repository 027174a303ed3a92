//! One function per route: decode, call one operation, show the result.

use aws_broadcast::{Broadcasts, Opening};
use lambda::http::{Input, Reply, route};
use lambda_http::Request;
use lambda_http::http::StatusCode;
use model::broadcast::{BroadcastRow, DesiredTarget, EndReason, Target};
use model::{BroadcastId, ChannelName, Error, Limit, TaskId, Timestamp};
use serde::Serialize;

use crate::route::{Route, parameter};

/// What the routes need.
pub(crate) struct Handler {
    pub(crate) broadcasts: Broadcasts,
}

impl Handler {
    pub(crate) async fn handle(&self, request: Request) -> Result<Reply, Error> {
        let (request, now) = (&request, Timestamp::now());
        match Route::of(route(request)) {
            Some(Route::Begin) => self.begin(request, now).await,
            Some(Route::IssueTicket) => self.issue_ticket(request, now).await,
            Some(Route::List) => self.list(request, now).await,
            Some(Route::Get) => self.get(request, now).await,
            Some(Route::Delete) => self.delete(request, now).await,
            None => Err(Error::NotFound("route")),
        }
    }

    async fn begin(&self, request: &Request, now: Timestamp) -> Result<Reply, Error> {
        let mut input = Input::with_body(request)?;
        let caller = input.caller()?;
        let values = (
            input.field::<ChannelName>("channel"),
            input.field::<bool>("broadcastSettings"),
            input.field::<bool>("takeOver"),
        );
        let target = match (&values.0, &values.1) {
            (Some(Some(channel)), Some(None)) => Some(DesiredTarget::Channel(channel.clone())),
            (Some(None), Some(Some(true))) => Some(DesiredTarget::Settings),
            (Some(_), Some(_)) => {
                input
                    .reject("channel", "either a channel or \"broadcastSettings\": true says where the broadcast goes");
                None
            }
            // What is wrong with one of them has been noted.
            _ => None,
        };
        let (target, _, _, take_over) = input.finish((target, values.0, values.1, values.2))?;
        let opening = self.broadcasts.begin(&caller, target, take_over.unwrap_or_default(), now).await?;
        OpeningView::reply(&opening)
    }

    async fn issue_ticket(&self, request: &Request, now: Timestamp) -> Result<Reply, Error> {
        let mut input = Input::with_body(request)?;
        let caller = input.caller()?;
        let id = input.path::<BroadcastId>(parameter::BROADCAST);
        let (id,) = input.finish((id,))?;
        OpeningView::reply(&self.broadcasts.issue_ticket(&caller, &id, now).await?)
    }

    async fn list(&self, request: &Request, now: Timestamp) -> Result<Reply, Error> {
        let mut input = Input::without_body(request);
        let caller = input.caller()?;
        let list = input.list();
        let values = (input.query::<Limit>("limit"), input.cursor(&list));
        let (limit, cursor) = input.finish(values)?;
        let page = self.broadcasts.list(&caller, limit.unwrap_or_default(), cursor).await?;
        Reply::page(&list, &page, |row| BroadcastView::of(row, now))
    }

    async fn get(&self, request: &Request, now: Timestamp) -> Result<Reply, Error> {
        let mut input = Input::without_body(request);
        let caller = input.caller()?;
        let id = input.path::<BroadcastId>(parameter::BROADCAST);
        let (id,) = input.finish((id,))?;
        let row = self.broadcasts.fetch(&caller, &id).await?;
        Reply::json(StatusCode::OK, &BroadcastView::of(&row, now))
    }

    async fn delete(&self, request: &Request, now: Timestamp) -> Result<Reply, Error> {
        let mut input = Input::without_body(request);
        let caller = input.caller()?;
        let id = input.path::<BroadcastId>(parameter::BROADCAST);
        let (id,) = input.finish((id,))?;
        self.broadcasts.delete(&caller, &id, now).await?;
        Ok(Reply::no_content())
    }
}

/// What a page connects with.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OpeningView<'a> {
    broadcast: &'a BroadcastId,
    url: &'a str,
    ticket: &'a str,
    expires_at: Timestamp,
}

impl OpeningView<'_> {
    fn reply(opening: &Opening) -> Result<Reply, Error> {
        let view = OpeningView {
            broadcast: opening.ticket.broadcast(),
            url: &opening.url,
            ticket: opening.ticket.expose(),
            expires_at: opening.expires_at,
        };
        let reply = Reply::json(StatusCode::CREATED, &view)?.no_store();
        Ok(reply.log("broadcast", opening.ticket.broadcast().as_str()))
    }
}

/// A broadcast, for its owner. It has either a channel or `broadcastSettings`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BroadcastView<'a> {
    broadcast: &'a BroadcastId,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a ChannelName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    broadcast_settings: Option<bool>,
    state: &'static str,
    created_at: Timestamp,
    live_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    end_reason: Option<&'static str>,
    server: Option<&'a TaskId>,
}

impl<'a> BroadcastView<'a> {
    fn of(row: &'a BroadcastRow, now: Timestamp) -> Self {
        let shown = row.shown(now);
        let (channel, broadcast_settings) = match &row.target {
            Target::Channel { name, .. } => (Some(name), None),
            Target::Settings => (None, Some(true)),
        };
        Self {
            broadcast: &row.id,
            channel,
            broadcast_settings,
            state: shown.state.as_str(),
            created_at: row.created_at,
            live_at: row.live_at,
            ended_at: shown.ended_at,
            end_reason: shown.end_reason.map(EndReason::as_str),
            server: row.redemption().map(|redemption| &redemption.server),
        }
    }
}
