//! One function per route: decode, call one operation, show the result. The caller's token names whose settings they
//! are; nobody else's can be named.

use aws_broadcast_settings::BroadcastSettingsTable;
use lambda::http::{Input, Reply, route};
use lambda_http::Request;
use lambda_http::http::StatusCode;
use model::Error;
use model::broadcast_settings::{BroadcastSettings, IngestUrl, Kind, PlaybackUrl};
use model::channel::StreamKeyText;
use serde::Serialize;

use crate::route::Route;

/// What the routes need.
pub(crate) struct Handler {
    pub(crate) settings: BroadcastSettingsTable,
}

impl Handler {
    pub(crate) async fn handle(&self, request: Request) -> Result<Reply, Error> {
        match Route::of(route(&request)) {
            Some(Route::Put) => self.put(&request).await,
            Some(Route::Get) => self.get(&request).await,
            Some(Route::Delete) => self.delete(&request).await,
            None => Err(Error::NotFound("route")),
        }
    }

    async fn put(&self, request: &Request) -> Result<Reply, Error> {
        let mut input = Input::with_body(request)?;
        let caller = input.caller()?;
        let values = (
            input.required::<Kind>("kind"),
            input.required::<IngestUrl>("ingestUrl"),
            input.required::<StreamKeyText>("streamKey"),
            input.required::<PlaybackUrl>("playbackUrl"),
        );
        let (kind, ingest_url, stream_key, playback_url) = input.finish(values)?;
        let settings = BroadcastSettings { kind, ingest_url, stream_key, playback_url };
        let new = aws_broadcast_settings::save(&self.settings, &caller, &settings).await?;
        SettingsView::reply(if new { StatusCode::CREATED } else { StatusCode::OK }, &settings)
    }

    async fn get(&self, request: &Request) -> Result<Reply, Error> {
        let input = Input::without_body(request);
        let caller = input.caller()?;
        input.finish(())?;
        SettingsView::reply(StatusCode::OK, &aws_broadcast_settings::read(&self.settings, &caller).await?)
    }

    async fn delete(&self, request: &Request) -> Result<Reply, Error> {
        let input = Input::without_body(request);
        let caller = input.caller()?;
        input.finish(())?;
        aws_broadcast_settings::delete(&self.settings, &caller).await?;
        Ok(Reply::no_content())
    }
}

/// A user's settings, for that user.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SettingsView<'a> {
    kind: Kind,
    ingest_url: &'a IngestUrl,
    stream_key: &'a str,
    playback_url: &'a PlaybackUrl,
}

impl SettingsView<'_> {
    fn reply(status: StatusCode, settings: &BroadcastSettings) -> Result<Reply, Error> {
        let view = SettingsView {
            kind: settings.kind,
            ingest_url: &settings.ingest_url,
            stream_key: settings.stream_key.expose(),
            playback_url: &settings.playback_url,
        };
        Ok(Reply::json(status, &view)?.no_store())
    }
}
