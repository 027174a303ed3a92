//! One function per route: decode, call one operation, show the result.

use aws_signer::Signers;
use aws_stream::StreamTable;
use lambda::http::{Input, Reply, route};
use lambda_http::Request;
use lambda_http::http::header::{AUTHORIZATION, CACHE_CONTROL, VARY};
use lambda_http::http::{HeaderValue, StatusCode};
use model::playback::{PlaybackSigner, PlaybackToken};
use model::stream::{Health, StreamChannel, StreamRow};
use model::{ChannelName, Error, Limit, StreamId, Timestamp};
use serde::Serialize;

use crate::route::{Route, parameter};

/// What the routes need.
pub(crate) struct Handler {
    pub(crate) streams: StreamTable,
    pub(crate) signers: Signers<PlaybackSigner>,
}

impl Handler {
    pub(crate) async fn handle(&self, request: Request) -> Result<Reply, Error> {
        let (request, now) = (&request, Timestamp::now());
        match Route::of(route(request)) {
            Some(Route::List) => self.list(request, now).await,
            Some(Route::Get) => self.get(request, now).await,
            None => Err(Error::NotFound("route")),
        }
    }

    async fn list(&self, request: &Request, now: Timestamp) -> Result<Reply, Error> {
        let mut input = Input::without_body(request);
        let list = input.list();
        let values = (input.query::<Limit>("limit"), input.cursor(&list));
        let (limit, cursor) = input.finish(values)?;
        let page = aws_stream::list(&self.streams, now, limit.unwrap_or_default(), cursor).await?;
        let reply = Reply::page(&list, &page, |row| StreamView::of(&row.channel, Some(row), now))?;
        Ok(reply.header(CACHE_CONTROL, HeaderValue::from_static("public, max-age=2")))
    }

    async fn get(&self, request: &Request, now: Timestamp) -> Result<Reply, Error> {
        let mut input = Input::without_body(request);
        let name = input.path::<ChannelName>(parameter::CHANNEL);
        let (name,) = input.finish((name,))?;
        let (channel, row) = aws_stream::fetch(&self.streams, &name).await?;
        if channel.private && !self.opens(request, &channel, now).await? {
            return Err(Error::NotFound("channel"));
        }
        let reply = Reply::json(StatusCode::OK, &StreamView::of(&channel, row.as_ref(), now))?;
        let caches = if channel.private { "private, max-age=2" } else { "public, max-age=2" };
        // Whoever caches it must not show it to those without the token, nor hide it from those with it.
        let reply = reply.header(VARY, HeaderValue::from_static("authorization"));
        Ok(reply.header(CACHE_CONTROL, HeaderValue::from_static(caches)))
    }

    /// Whether the request brings a playback token of that channel.
    async fn opens(&self, request: &Request, channel: &StreamChannel, now: Timestamp) -> Result<bool, Error> {
        // Whoever knows nothing of the channel is answered as if there were none: as fast, and whether or not a key is
        // within reach.
        let Some(token) = bearer(request).filter(|token| token.claims(&channel.arn, now)) else { return Ok(false) };
        if let Some(signer) = self.signers.current(now).await?
            && signer.opens(&token, &channel.arn, now)
        {
            return Ok(true);
        }
        let previous = self.signers.previous(now).await?;
        Ok(previous.is_some_and(|signer| signer.opens(&token, &channel.arn, now)))
    }
}

/// The token that the request brings, if any (RFC 6750 section 2.1). It need not be one of ours.
fn bearer(request: &Request) -> Option<PlaybackToken> {
    let (scheme, token) = request.headers().get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| PlaybackToken::new(token.trim().to_owned()))
}

/// What is on air of a channel.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StreamView<'a> {
    channel: &'a ChannelName,
    state: &'static str,
    started_at: Option<Timestamp>,
    viewer_count: Option<u64>,
    health: Option<&'static str>,
    playback_url: &'a str,
    session: Option<&'a StreamId>,
}

impl<'a> StreamView<'a> {
    fn of(channel: &'a StreamChannel, row: Option<&'a StreamRow>, now: Timestamp) -> Self {
        let on_air = row.and_then(|row| Some((row, row.on_air(now)?)));
        Self {
            channel: &channel.name,
            state: if on_air.is_some() { "live" } else { "offline" },
            started_at: on_air.and_then(|(row, _)| row.started_at),
            viewer_count: on_air.and_then(|(_, live)| live.viewer_count),
            health: on_air.and_then(|(_, live)| live.health).map(Health::as_str),
            playback_url: &channel.playback_url,
            session: on_air.map(|(row, _)| &row.session),
        }
    }
}
