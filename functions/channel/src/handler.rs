//! One function per route: decode, call one operation, show the result.

use std::borrow::Cow;
use std::time::Duration;

use aws_channel::{ChannelIvs, ChannelTable, ViewerTable};
use aws_recovery_queue::RecoveryQueue;
use aws_signer::Signers;
use lambda::http::{Input, Reply, route};
use lambda_http::Request;
use lambda_http::http::StatusCode;
use model::channel::{
    Admission, Channel, ChannelOptions, ChannelType, DesiredChannelOptions, LatencyMode, Origin, StreamKey, Viewer,
};
use model::claim::{NameRequest, Outcome};
use model::creator::{CreatorClaim, refuse_to_create};
use model::participant::TokenDuration;
use model::playback::{self, GivenPlayback, LONGEST_WITH_VIEWER, PlaybackRequest, PlaybackSigner};
use model::qualities::Qualities;
use model::{ChannelName, ClaimId, Error, Limit, Quality, Timestamp, UserId, ViewerId};
use serde::Serialize;

use crate::route::{Route, parameter};

/// What the routes need; each operation is handed its part.
pub(crate) struct Handler {
    pub(crate) ivs: ChannelIvs,
    pub(crate) channels: ChannelTable,
    pub(crate) viewers: ViewerTable,
    pub(crate) signers: Signers<PlaybackSigner>,
    pub(crate) recovery: RecoveryQueue,
    /// Whose token lets them create; absent: everybody's.
    pub(crate) creators: Option<CreatorClaim>,
    pub(crate) lease: Duration,
}

impl Handler {
    pub(crate) async fn handle(&self, request: Request) -> Result<Reply, Error> {
        let (request, now) = (&request, Timestamp::now());
        match Route::of(route(request)) {
            Some(Route::Put) => self.put(request, now).await,
            Some(Route::Get) => self.get(request, now).await,
            Some(Route::List) => self.list(request).await,
            Some(Route::Delete) => self.delete(request, now).await,
            Some(Route::StreamKey) => self.stream_key(request, now).await,
            Some(Route::RotateStreamKey) => self.rotate_stream_key(request, now).await,
            Some(Route::PlaybackTokens) => self.playback_token(request, now).await,
            Some(Route::PutViewer) => self.put_viewer(request, now).await,
            Some(Route::ListViewers) => self.list_viewers(request, now).await,
            Some(Route::DeleteViewer) => self.delete_viewer(request, now).await,
            None => Err(Error::NotFound("route")),
        }
    }

    async fn put(&self, request: &Request, now: Timestamp) -> Result<Reply, Error> {
        let mut input = Input::with_body(request)?;
        let (caller, may_create) = (input.caller()?, input.may_create(self.creators.as_ref()));
        let values = (
            input.path::<ChannelName>(parameter::CHANNEL),
            input.field::<Origin>("origin"),
            input.field::<Qualities>("qualities"),
            input.field::<ChannelType>("type"),
            input.field::<LatencyMode>("latencyMode"),
            input.field::<bool>("private"),
            input.field::<Admission>("admission"),
        );
        let (_, origin, qualities, r#type, latency_mode, private, admission) = values.clone();
        let desired = DesiredChannelOptions {
            origin: origin.flatten(),
            qualities: qualities.flatten(),
            r#type: r#type.flatten(),
            latency_mode: latency_mode.flatten(),
            private: private.flatten(),
            admission: admission.flatten(),
        };
        // Of an origin that is none, nothing follows.
        let contradictions = desired.contradictions().filter(|_| origin.is_some());
        contradictions.for_each(|(field, reason)| input.reject(field, reason));
        let (name, ..) = input.finish(values)?;
        if !may_create {
            let channel = self.fetch(&name, now).await.map_err(refuse_to_create)?;
            let (Outcome::Existing(channel) | Outcome::Created(channel)) =
                Outcome::Existing(channel).meeting(&desired)?;
            return Reply::json(StatusCode::OK, &ChannelView::of(&channel));
        }
        let request = self.name_request(name, caller)?;
        let outcome = aws_channel::create_or_fetch(
            &self.ivs,
            &self.channels,
            &self.viewers,
            &self.recovery,
            now,
            &request,
            desired,
        )
        .await;
        match self.recovery.heed(&request.name, outcome).await? {
            Outcome::Created(channel) => {
                Ok(Reply::json(StatusCode::CREATED, &ChannelView::of(&channel))?.count("ChannelsCreated"))
            }
            Outcome::Existing(channel) => Reply::json(StatusCode::OK, &ChannelView::of(&channel)),
        }
    }

    async fn get(&self, request: &Request, now: Timestamp) -> Result<Reply, Error> {
        let (name, _) = name_and_caller(request)?;
        let channel = self.fetch(&name, now).await?;
        Reply::json(StatusCode::OK, &ChannelView::of(&channel))
    }

    async fn fetch(&self, name: &ChannelName, now: Timestamp) -> Result<Channel, Error> {
        self.recovery.heed(name, aws_channel::fetch(&self.channels, name, now).await).await
    }

    async fn list(&self, request: &Request) -> Result<Reply, Error> {
        let mut input = Input::without_body(request);
        let caller = input.caller()?;
        let list = input.list();
        let values = (input.query::<Limit>("limit"), input.cursor(&list));
        let (limit, cursor) = input.finish(values)?;
        let page = aws_channel::list(&self.channels, &caller, limit.unwrap_or_default(), cursor).await?;
        Reply::page(&list, &page, ChannelView::of)
    }

    async fn delete(&self, request: &Request, now: Timestamp) -> Result<Reply, Error> {
        let (name, caller) = name_and_caller(request)?;
        let request = self.name_request(name, caller)?;
        let deleted =
            aws_channel::delete(&self.ivs, &self.channels, &self.viewers, &self.recovery, now, &request).await;
        self.recovery.heed(&request.name, deleted).await?;
        Ok(Reply::no_content())
    }

    async fn stream_key(&self, request: &Request, now: Timestamp) -> Result<Reply, Error> {
        let (name, caller) = name_and_caller(request)?;
        let request = self.name_request(name, caller)?;
        let key = aws_channel::stream_key(&self.ivs, &self.channels, now, &request).await;
        StreamKeyView::reply(&self.recovery.heed(&request.name, key).await?)
    }

    async fn rotate_stream_key(&self, request: &Request, now: Timestamp) -> Result<Reply, Error> {
        let mut input = Input::with_body(request)?;
        let caller = input.caller()?;
        let name = input.path::<ChannelName>(parameter::CHANNEL);
        let (name,) = input.finish((name,))?;
        let request = self.name_request(name, caller)?;
        let key = aws_channel::rotate_stream_key(&self.ivs, &self.channels, now, &request).await;
        let key = self.recovery.heed(&request.name, key).await?;
        Ok(StreamKeyView::reply(&key)?.count("StreamKeysRotated"))
    }

    async fn playback_token(&self, request: &Request, now: Timestamp) -> Result<Reply, Error> {
        let mut input = Input::with_body(request)?;
        let caller = input.caller()?;
        let values = (
            input.path::<ChannelName>(parameter::CHANNEL),
            input.field::<TokenDuration>("durationMinutes"),
            input.field::<ViewerId>("viewerId"),
        );
        if let (_, Some(Some(duration)), Some(Some(_))) = &values
            && duration.minutes() > LONGEST_WITH_VIEWER
        {
            input.reject("durationMinutes", "must be at most 10 together with viewerId");
        }
        let (name, duration, viewer_id) = input.finish(values)?;
        let channel = self.fetch(&name, now).await?;
        aws_channel::admit(&self.viewers, &channel, &caller).await?;
        let duration = playback::duration(&channel, viewer_id.as_ref(), duration)?;
        let given =
            aws_playback::request_token(&self.signers, &channel, now, &PlaybackRequest { duration, viewer_id }).await?;
        Ok(Reply::json(StatusCode::CREATED, &PlaybackView::of(&given))?.no_store().count("PlaybackTokensSigned"))
    }

    async fn put_viewer(&self, request: &Request, now: Timestamp) -> Result<Reply, Error> {
        let mut input = Input::with_body(request)?;
        let caller = input.caller()?;
        let values = (input.path::<ChannelName>(parameter::CHANNEL), input.user_in_path(parameter::USER_ID));
        let (name, user_id) = input.finish(values)?;
        let request = self.name_request(name, caller)?;
        let invited = aws_channel::invite(&self.channels, &self.viewers, now, &request, user_id).await;
        let (viewer, is_new) = self.recovery.heed(&request.name, invited).await?;
        let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
        Reply::json(status, &ViewerView::of(&viewer))
    }

    async fn list_viewers(&self, request: &Request, now: Timestamp) -> Result<Reply, Error> {
        let mut input = Input::without_body(request);
        let caller = input.caller()?;
        let list = input.list();
        let values =
            (input.path::<ChannelName>(parameter::CHANNEL), input.query::<Limit>("limit"), input.cursor(&list));
        let (name, limit, cursor) = input.finish(values)?;
        let request = self.name_request(name, caller)?;
        let limit = limit.unwrap_or_default();
        let page = aws_channel::list_viewers(&self.channels, &self.viewers, now, &request, limit, cursor).await;
        Reply::page(&list, &self.recovery.heed(&request.name, page).await?, ViewerView::of)
    }

    async fn delete_viewer(&self, request: &Request, now: Timestamp) -> Result<Reply, Error> {
        let mut input = Input::without_body(request);
        let caller = input.caller()?;
        let values = (input.path::<ChannelName>(parameter::CHANNEL), input.user_in_path(parameter::USER_ID));
        let (name, user_id) = input.finish(values)?;
        let request = self.name_request(name, caller)?;
        let uninvited = aws_channel::uninvite(&self.channels, &self.viewers, now, &request, &user_id).await;
        self.recovery.heed(&request.name, uninvited).await?;
        Ok(Reply::no_content())
    }

    fn name_request(&self, name: ChannelName, caller: UserId) -> Result<NameRequest<ChannelName>, Error> {
        Ok(NameRequest { name, caller, claim_id: ClaimId::random()?, lease: self.lease })
    }
}

/// Of a request whose body does not matter.
fn name_and_caller(request: &Request) -> Result<(ChannelName, UserId), Error> {
    let mut input = Input::without_body(request);
    let caller = input.caller()?;
    let name = input.path::<ChannelName>(parameter::CHANNEL);
    let (name,) = input.finish((name,))?;
    Ok((name, caller))
}

/// A channel as every caller may see it: without its stream key.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChannelView<'a> {
    name: &'a ChannelName,
    owner: &'a UserId,
    origin: Origin,
    #[serde(flatten)]
    kind: KindView<'a>,
    private: bool,
    ingest_url: String,
    playback_url: &'a str,
    created_at: Timestamp,
}

/// What is of channels of one origin alone.
#[derive(Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
enum KindView<'a> {
    Ivs { arn: &'a str, r#type: ChannelType, latency_mode: LatencyMode, admission: Admission },
    SelfHosted { qualities: &'a [Quality] },
}

impl<'a> ChannelView<'a> {
    fn of(channel: &'a Channel) -> Self {
        let kind = match &channel.options {
            ChannelOptions::Ivs(options) => KindView::Ivs {
                arn: channel.arn.as_str(),
                r#type: options.r#type,
                latency_mode: options.latency_mode,
                admission: options.admission,
            },
            ChannelOptions::SelfHosted(qualities) => KindView::SelfHosted { qualities: qualities.as_slice() },
        };
        Self {
            name: &channel.name,
            owner: &channel.owner,
            origin: channel.options.origin(),
            kind,
            private: channel.options.is_private(),
            ingest_url: channel.ingest_url(),
            playback_url: &channel.playback_url,
            created_at: channel.created_at,
        }
    }
}

/// Somebody who is invited, for the owner of the channel.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ViewerView<'a> {
    user_id: &'a UserId,
    /// The user in a path.
    user_ref: Cow<'a, str>,
    invited_at: Timestamp,
}

impl<'a> ViewerView<'a> {
    fn of(viewer: &'a Viewer) -> Self {
        Self { user_id: &viewer.user_id, user_ref: viewer.user_id.user_ref(), invited_at: viewer.invited_at }
    }
}

/// A stream key, for the owner of its channel.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StreamKeyView<'a> {
    stream_key: &'a str,
}

impl StreamKeyView<'_> {
    fn reply(key: &StreamKey) -> Result<Reply, Error> {
        Ok(Reply::json(StatusCode::OK, &StreamKeyView { stream_key: key.text.expose() })?.no_store())
    }
}

/// A playback token, for whoever asked.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlaybackView<'a> {
    token: &'a str,
    expires_at: Timestamp,
    playback_url: &'a str,
}

impl<'a> PlaybackView<'a> {
    fn of(given: &'a GivenPlayback) -> Self {
        Self { token: given.token.expose(), expires_at: given.expires_at, playback_url: given.playback_url.expose() }
    }
}
