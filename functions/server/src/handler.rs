//! Decode, call one operation, show the result.

use std::net::IpAddr;

use aws_server::ServerList;
use lambda::http::{Input, Reply, route};
use lambda_http::Request;
use model::server::{Seed, Server, UrlTemplate};
use model::{Error, Limit, TaskId, Timestamp};
use serde::Serialize;

use crate::route::Route;

/// What the route needs.
pub(crate) struct Handler {
    pub(crate) servers: ServerList,
    pub(crate) url: UrlTemplate,
}

impl Handler {
    pub(crate) async fn handle(&self, request: Request) -> Result<Reply, Error> {
        match Route::of(route(&request)) {
            Some(Route::List) => self.list(&request).await,
            None => Err(Error::NotFound("route")),
        }
    }

    async fn list(&self, request: &Request) -> Result<Reply, Error> {
        let mut input = Input::without_body(request);
        input.caller()?;
        let list = input.list();
        let values = (input.query::<Limit>("limit"), input.cursor(&list));
        let (limit, cursor) = input.finish(values)?;
        let page = self.servers.list(Seed::random()?, limit.unwrap_or_default(), cursor).await?;
        Reply::page(&list, &page, |server| ServerView::of(server, &self.url))
    }
}

/// A server, for whoever wants to broadcast.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ServerView<'a> {
    task_id: &'a TaskId,
    public_ip: IpAddr,
    availability_zone: Option<&'a str>,
    started_at: Option<Timestamp>,
    url: String,
}

impl<'a> ServerView<'a> {
    fn of(server: &'a Server, url: &UrlTemplate) -> Self {
        Self {
            task_id: &server.id,
            public_ip: server.public_ip,
            availability_zone: server.availability_zone.as_deref(),
            started_at: server.started_at,
            url: url.fill(server),
        }
    }
}
