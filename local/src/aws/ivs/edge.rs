//! What IVS's servers do for broadcasters and viewers, which no operation of the API asks for: the answer to an encoder,
//! the answer to a player. The side door asks, and has channels go live without an encoder.

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{
    Ivs,
    channel::{arn, playback_path, playback_url},
    constraint::HEALTH,
    ingest::channel_of,
    state::{Channel, State},
    token,
};
use crate::aws::service::ServiceError;
use crate::aws::service::shape::{Input, Member, Shape, optional, required};
use crate::aws::video::constraint::ANY_TEXT;
use crate::aws::video::error::validation;
use crate::aws::video::public_key::PublicKeys;
use crate::plumbing::state_file::SaveError;

const LIVE: &[Member] =
    &[optional("health", HEALTH), optional("viewerCount", Shape::Integer { min: -1, max: i64::MAX })];
const INGEST: &[Member] =
    &[optional("ingestEndpoint", ANY_TEXT), required("streamKey", Shape::Secret { min: 0, max: usize::MAX })];
const PLAY: &[Member] = &[
    required("playbackUrl", Shape::Secret { min: 0, max: usize::MAX }),
    optional("token", Shape::Secret { min: 0, max: usize::MAX }),
    optional("origin", ANY_TEXT),
];

/// Why a stream is not accepted or not played.
#[derive(Debug, PartialEq, Eq)]
struct Refusal(String);

impl From<SaveError> for Refusal {
    fn from(error: SaveError) -> Self {
        Self(error.to_string())
    }
}

impl From<&str> for Refusal {
    fn from(reason: &str) -> Self {
        Self(reason.to_owned())
    }
}

impl From<String> for Refusal {
    fn from(reason: String) -> Self {
        Self(reason)
    }
}

impl Ivs {
    /// Makes the channel with this id live, or changes how its stream does: `{"health"?, "viewerCount"?}`. The answer
    /// is the stream.
    ///
    /// # Errors
    /// An unknown channel and a body that is not such a one.
    pub(crate) fn go_live(&self, id: &str, body: &Value, now: OffsetDateTime) -> Result<Value, ServiceError> {
        let body = Input::check(LIVE, body).map_err(validation)?;
        self.read(|state| {
            let target = state.target(&arn(self.region(), id))?;
            Ok(state.on_air.pretend(target, now, |stream| {
                if let Some(health) = body.text("health") {
                    stream.set_health(health);
                }
                if let Some(viewers) = body.integer("viewerCount") {
                    stream.set_viewers(viewers);
                }
            }))
        })
    }

    /// Takes the channel with this id off the air, if it is on.
    ///
    /// # Errors
    /// An unknown channel.
    pub(crate) fn go_offline(&self, id: &str, now: OffsetDateTime) -> Result<(), ServiceError> {
        self.read(|state| {
            let arn = arn(self.region(), id);
            state.channel(&arn)?;
            state.on_air.stop(&arn, now);
            Ok(())
        })
    }

    /// What the ingest server says to an encoder: `{"ingestEndpoint"?, "streamKey"}`.
    ///
    /// # Errors
    /// A body that is not such a one.
    pub(crate) fn ingest(&self, body: &Value) -> Result<Value, ServiceError> {
        let body = Input::check(INGEST, body).map_err(validation)?;
        let accepted = self.read(|state| {
            accept(state, body.required_text("streamKey"), body.text("ingestEndpoint")).map(str::to_owned)
        });
        Ok(match accepted {
            Ok(channel) => json!({"accepted": true, "channelArn": channel}),
            Err(Refusal(reason)) => json!({"accepted": false, "reason": reason}),
        })
    }

    /// What the edge says to a player: `{"playbackUrl", "token"?, "origin"?}`, where the token may be in the URL.
    ///
    /// # Errors
    /// A body that is not such a one.
    pub(crate) fn play(&self, body: &Value, now: OffsetDateTime) -> Result<Value, ServiceError> {
        let body = Input::check(PLAY, body).map_err(validation)?;
        let url = body.required_text("playbackUrl");
        let (url, query) = url.split_once('?').unwrap_or((url, ""));
        let in_url = form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .find(|(key, _)| key == "token")
            .map(|(_, token)| token);
        let token = body.text("token").or(in_url.as_deref());
        Ok(match self.plays(url, token, body.text("origin"), now) {
            Ok(_) => json!({"plays": true}),
            Err(reason) => json!({"plays": false, "reason": reason}),
        })
    }

    /// Whether a player may play a playback URL, which may lack scheme and host; and whose session it then is, if a token
    /// says so. A token for a single use is used up.
    ///
    /// # Errors
    /// Why it may not. The token is not quoted.
    pub(crate) fn plays(
        &self,
        url: &str,
        token: Option<&str>,
        origin: Option<&str>,
        now: OffsetDateTime,
    ) -> Result<Option<ViewerSession>, String> {
        let admitted = self.read(|state| check(state, url, token, origin, now));
        let Admitted { session, once } = admitted.map_err(|Refusal(reason)| reason)?;
        let Some(Once { arn, uuid, exp }) = once else { return Ok(session) };
        let used = self.change(|state| {
            let channel = state.channels.get_mut(&arn).ok_or("no channel has this playback URL")?;
            if channel.used.contains_key(&uuid) {
                return Err(Refusal::from("the token has been used"));
            }
            // Those that have expired do not play anyway.
            channel.used.retain(|_, exp| *exp > now.unix_timestamp());
            channel.used.insert(uuid, exp);
            Ok(session)
        });
        used.map_err(|Refusal(reason)| reason)
    }

    /// As [`Ivs::plays`], and uses nothing up.
    ///
    /// # Errors
    /// Why it may not. The token is not quoted.
    pub(crate) fn would_play(
        &self,
        url: &str,
        token: Option<&str>,
        origin: Option<&str>,
        now: OffsetDateTime,
    ) -> Result<Option<ViewerSession>, String> {
        self.read(|state| {
            let Admitted { session, once } = check(state, url, token, origin, now)?;
            let is_used = once.is_some_and(|Once { arn, uuid, .. }| state.channels[&arn].used.contains_key(&uuid));
            if is_used { Err(Refusal::from("the token has been used")) } else { Ok(session) }
        })
        .map_err(|Refusal(reason)| reason)
    }

    /// Whether `StartViewerSessionRevocation` has ended that session of a viewer of the channel with this playback URL.
    pub(crate) fn has_revoked(&self, url: &str, viewer_id: &str, version: i64) -> bool {
        self.read(|state| {
            let revoked = played(state, url).and_then(|(_, channel)| channel.revoked.get(viewer_id));
            revoked.is_some_and(|revoked| version <= *revoked)
        })
    }
}

/// A session of a viewer, as a playback token names it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ViewerSession {
    pub(crate) viewer_id: String,
    pub(crate) version: i64,
}

/// The channel that the encoder broadcasts to.
fn accept<'a>(state: &'a State, key: &str, endpoint: Option<&str>) -> Result<&'a str, Refusal> {
    let channel = channel_of(state, key).ok_or("the stream key is not that of any channel")?;
    match endpoint {
        Some(endpoint) if authority(endpoint) != state.addresses.ingest => {
            Err("the ingest endpoint is not that of the stream key's channel".into())
        }
        _ => Ok(channel),
    }
}

/// The host and port of an ingest endpoint, which may be written as a URL.
fn authority(endpoint: &str) -> &str {
    let rest = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}

/// A player that may play.
struct Admitted {
    session: Option<ViewerSession>,
    once: Option<Once>,
}

/// A token for a single use of a channel, to be used up.
struct Once {
    arn: String,
    uuid: String,
    exp: i64,
}

/// Whether the player may play.
fn check(
    state: &State,
    url: &str,
    token: Option<&str>,
    origin: Option<&str>,
    now: OffsetDateTime,
) -> Result<Admitted, Refusal> {
    let (arn, channel) = played(state, url).ok_or("no channel has this playback URL")?;
    if !channel.settings.authorized {
        return Ok(Admitted { session: None, once: None });
    }
    let text = token.ok_or("the channel is private and there is no token")?;
    let token = token::parse(text)?;
    authenticate(&state.playback_keys, token.message, &token.signature)?;
    let claims = token.claims;
    if claims.channel_arn != *arn {
        return Err("the token is for another channel".into());
    }
    claims.check(now)?;
    claims.check_origin(origin)?;
    check_session(channel, &claims)?;
    let version = claims.viewer_session_version;
    Ok(Admitted {
        session: claims.viewer_id.map(|viewer_id| ViewerSession { viewer_id, version }),
        once: claims.single_use_uuid.map(|uuid| Once { arn: arn.clone(), uuid, exp: claims.exp }),
    })
}

/// The channel that a playback URL plays, which may lack scheme and host.
fn played<'a>(state: &'a State, url: &str) -> Option<(&'a String, &'a Channel)> {
    let addresses = &state.addresses;
    let is_its =
        |arn: &str| if url.starts_with('/') { playback_path(arn) == url } else { playback_url(arn, addresses) == url };
    state.channels.iter().find(|(arn, _)| is_its(arn))
}

/// Checks that the holder of one of the account's pairs vouches for the token; it does not say which.
fn authenticate(keys: &PublicKeys, message: &str, signature: &[u8]) -> Result<(), Refusal> {
    let vouches = keys.values().any(|key| key.verifies(message.as_bytes(), signature));
    if vouches { Ok(()) } else { Err("the signature is not that of a playback key".into()) }
}

fn check_session(channel: &Channel, claims: &token::Claims) -> Result<(), Refusal> {
    let revoked = claims.viewer_id.as_ref().and_then(|viewer| channel.revoked.get(viewer));
    match revoked {
        Some(version) if claims.viewer_session_version <= *version => Err("the viewer's session was revoked".into()),
        _ => Ok(()),
    }
}
