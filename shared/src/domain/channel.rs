//! Channels: one-to-many broadcasts, whose stream key is their owner's alone. How one comes to exist exactly once is in
//! `claim.rs`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::claim::{self, Claim, CreateError, Found, Provider, Resource, Wishes, owned_by};
use super::secret::secret;
use super::sweep::{self, Sweep, Swept};
use super::{
    ChannelArn, ChannelName, ClaimId, Cursor, Field, Limit, Outcome, Page, Request, StreamKeyArn, Timestamp, UserId,
};
use crate::aws::{ChannelTable, Ivs};
use crate::error::{Conflict, Error, FieldError};

/// What a channel is made for: resolutions, bitrates and transcoding (Low-Latency API reference, `Channel`, `type`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChannelType {
    /// No transcoding: viewers get what is sent, up to 480p or 1080p by bitrate.
    #[serde(rename = "BASIC")]
    Basic,
    /// Transcoded to several qualities, up to 1080p.
    #[default]
    #[serde(rename = "STANDARD")]
    Standard,
    /// Transcoded, up to 480p for viewers.
    #[serde(rename = "ADVANCED_SD")]
    AdvancedSd,
    /// Transcoded, up to 720p for viewers.
    #[serde(rename = "ADVANCED_HD")]
    AdvancedHd,
}

impl ChannelType {
    const ALL: [Self; 4] = [Self::Basic, Self::Standard, Self::AdvancedSd, Self::AdvancedHd];

    /// IVS's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "BASIC",
            Self::Standard => "STANDARD",
            Self::AdvancedSd => "ADVANCED_SD",
            Self::AdvancedHd => "ADVANCED_HD",
        }
    }

    /// Reads IVS's word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r#type| r#type.as_str() == word)
    }
}

impl Field for ChannelType {
    const RULE: &'static str = "must be BASIC, STANDARD, ADVANCED_SD or ADVANCED_HD";
}

/// How far viewers are behind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LatencyMode {
    /// As in ordinary HLS.
    Normal,
    /// A few seconds.
    #[default]
    Low,
}

impl LatencyMode {
    /// IVS's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "NORMAL",
            Self::Low => "LOW",
        }
    }

    /// Reads IVS's word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Normal, Self::Low].into_iter().find(|mode| mode.as_str() == word)
    }
}

impl Field for LatencyMode {
    const RULE: &'static str = "must be NORMAL or LOW";
}

/// What the first caller of a channel decides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChannelOptions {
    /// Resolutions, bitrates and transcoding.
    pub r#type: ChannelType,
    /// How far viewers are behind.
    pub latency_mode: LatencyMode,
    /// Whether watching takes a playback token.
    pub private: bool,
}

secret!(
    /// The text of a stream key: whoever holds it can broadcast to the channel.
    StreamKeyText
);

/// The one stream key of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamKey {
    /// What IVS calls it.
    pub arn: StreamKeyArn,
    /// The key itself.
    pub text: StreamKeyText,
}

/// A key that is being replaced. IVS allows one key per channel, so the old one has to be deleted first: from this row
/// on, until the new one is committed, the channel has no key that could be given out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// The key that must go.
    pub old: StreamKeyArn,
    /// Which attempt is at work.
    pub id: ClaimId,
    /// Until when it is.
    pub lease_until: Timestamp,
}

/// What a row knows of its channel's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyState {
    /// The key that works.
    Current(StreamKey),
    /// There is none, or one that no row knows yet.
    Rotating(Rotation),
}

/// A channel that exists in IVS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// Unique in the deployment.
    pub name: ChannelName,
    /// What IVS calls it.
    pub arn: ChannelArn,
    /// The first caller of the name.
    pub owner: UserId,
    /// What the first caller decided.
    pub options: ChannelOptions,
    /// The host that takes the broadcast.
    pub ingest_endpoint: String,
    /// What viewers play.
    pub playback_url: String,
    /// When the row became a channel.
    pub created_at: Timestamp,
    /// Absent in a list, which is read from an index that does not hold keys.
    pub key: Option<KeyState>,
}

impl Channel {
    /// Where a broadcaster sends its stream, with the stream key appended.
    pub fn ingest_url(&self) -> String {
        format!("rtmps://{}:443/app/", self.ingest_endpoint)
    }
}

impl Resource for Channel {
    const KIND: &'static str = "channel";
    type Name = ChannelName;
    type Arn = ChannelArn;
    type Options = ChannelOptions;

    fn name(&self) -> &ChannelName {
        &self.name
    }

    fn owner(&self) -> &UserId {
        &self.owner
    }

    fn arn(&self) -> &ChannelArn {
        &self.arn
    }
}

/// What a PUT asks of a channel; what is absent may be anything.
#[derive(Debug, Clone, Copy, Default)]
pub struct ChannelWishes {
    /// Absent: `STANDARD` when new.
    pub r#type: Option<ChannelType>,
    /// Absent: `LOW` when new.
    pub latency_mode: Option<LatencyMode>,
    /// Absent: false when new.
    pub private: Option<bool>,
}

impl Wishes<Channel> for ChannelWishes {
    fn options(&self) -> ChannelOptions {
        ChannelOptions {
            r#type: self.r#type.unwrap_or_default(),
            latency_mode: self.latency_mode.unwrap_or_default(),
            private: self.private.unwrap_or_default(),
        }
    }

    fn unmet(&self, channel: &Channel) -> Vec<FieldError> {
        let is = channel.options;
        let differs = |field: &str, is: &str, asked: &str| {
            (is != asked).then(|| FieldError::new(field, format!("is {is} already, not {asked}")))
        };
        let r#type = self.r#type.and_then(|asked| differs("type", is.r#type.as_str(), asked.as_str()));
        let latency_mode =
            self.latency_mode.and_then(|asked| differs("latencyMode", is.latency_mode.as_str(), asked.as_str()));
        let private = self.private.and_then(|asked| differs("private", &is.private.to_string(), &asked.to_string()));
        r#type.into_iter().chain(latency_mode).chain(private).collect()
    }
}

impl Provider<Channel> for Ivs {
    async fn create(&self, claim: &Claim<Channel>, now: Timestamp) -> Result<Channel, CreateError> {
        self.create_channel(claim, now).await
    }

    async fn find(&self, name: Option<&ChannelName>) -> Result<Vec<Found<Channel>>, Error> {
        self.find_channels(name).await
    }

    async fn adopt(&self, claim: &Claim<Channel>, arn: ChannelArn, now: Timestamp) -> Result<Option<Channel>, Error> {
        let Some(mut channel) = self.read_channel(claim, &arn, now).await? else { return Ok(None) };
        channel.key = Some(KeyState::Current(self.only_key(&arn, None).await?));
        Ok(Some(channel))
    }

    async fn check_deletable(&self, arn: &ChannelArn) -> Result<(), Error> {
        match self.is_live(arn).await {
            Ok(true) => Err(Error::Conflict(Conflict::Live)),
            Ok(false) => Ok(()),
            // Then it is found out by deleting: IVS refuses for a live channel, and the row's mark is taken back.
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(cause, "whether the channel is live could not be asked; deleting it nevertheless");
                Ok(())
            }
        }
    }

    async fn delete(&self, arn: &ChannelArn) -> Result<(), Error> {
        self.delete_channel(arn).await
    }

    /// Nothing hangs on a channel: its key is in its row.
    async fn forget(&self, _: &ChannelName, _: &ChannelArn) -> Result<(), Error> {
        Ok(())
    }
}

/// Returns the channel of that name, creating it first if there is none. Any number of concurrent callers get one.
///
/// # Errors
/// [`Conflict::OptionsDiffer`] if it exists with other options;
/// [`Error::Busy`] if another request holds the name for longer than this one waits; what AWS fails with, after which
/// the same request may be repeated.
pub async fn create_or_fetch(
    ivs: &Ivs,
    channels: &ChannelTable,
    now: Timestamp,
    request: &Request<ChannelName>,
    wishes: ChannelWishes,
) -> Result<Outcome<Channel>, Error> {
    claim::create_or_fetch(ivs, channels, now, request, &wishes).await
}

/// Returns the channel of that name.
///
/// # Errors
/// [`Error::NotFound`], or [`Error::Busy`] while it is being created.
pub async fn fetch(channels: &ChannelTable, name: &ChannelName, now: Timestamp) -> Result<Channel, Error> {
    claim::fetch(channels, name, now).await
}

/// Returns the caller's own channels, newest first, without their keys.
///
/// # Errors
/// What DynamoDB fails with.
pub async fn list(
    channels: &ChannelTable,
    caller: &UserId,
    limit: Limit,
    cursor: Option<Cursor>,
) -> Result<Page<Channel>, Error> {
    channels.list(caller, limit, cursor).await
}

/// Deletes a channel of the caller's, in IVS too. Repeating it is harmless, and finishes a delete that was cut short.
///
/// # Errors
/// [`Denial::NotOwner`](crate::error::Denial::NotOwner); [`Conflict::Live`] while it is
/// broadcasting, after which it is as it was, unless another attempt has deleted it meanwhile; [`Error::Busy`] while it is being created; what AWS fails with.
pub async fn delete(
    ivs: &Ivs,
    channels: &ChannelTable,
    now: Timestamp,
    request: &Request<ChannelName>,
) -> Result<(), Error> {
    claim::delete(ivs, channels, now, request).await
}

/// Ends what creates and deletes of channels left halfway. No stream key is read.
///
/// # Errors
/// What IVS and DynamoDB failed with first. Nothing is done before IVS has listed all channels.
pub async fn sweep(ivs: &Ivs, channels: &ChannelTable, now: Timestamp, how: &Sweep) -> (Swept, Result<(), Error>) {
    sweep::sweep(ivs, channels, now, how).await
}

/// Returns the stream key of the caller's own channel. A rotation that was cut short is finished first.
///
/// # Errors
/// [`Error::NotFound`]; [`Denial::NotOwner`](crate::error::Denial::NotOwner); [`Error::Busy`] while the key is being
/// rotated.
pub async fn stream_key(
    ivs: &Ivs,
    channels: &ChannelTable,
    now: Timestamp,
    request: &Request<ChannelName>,
) -> Result<StreamKey, Error> {
    match own(channels, now, request).await? {
        (_, KeyState::Current(key)) => Ok(key),
        (channel, rotating @ KeyState::Rotating(_)) => replace(ivs, channels, now, request, &channel, rotating).await,
    }
}

/// Replaces the stream key of the caller's own channel: the old one stops working.
///
/// # Errors
/// As [`stream_key`]; what IVS fails with, after which the same request may be repeated.
pub async fn rotate_stream_key(
    ivs: &Ivs,
    channels: &ChannelTable,
    now: Timestamp,
    request: &Request<ChannelName>,
) -> Result<StreamKey, Error> {
    let (channel, state) = own(channels, now, request).await?;
    replace(ivs, channels, now, request, &channel, state).await
}

async fn own(
    channels: &ChannelTable,
    now: Timestamp,
    request: &Request<ChannelName>,
) -> Result<(Channel, KeyState), Error> {
    let channel = owned_by(fetch(channels, &request.name, now).await?, &request.caller)?;
    let state = channel.key.clone().ok_or_else(|| Error::internal("a channel row has no stream key"))?;
    Ok((channel, state))
}

/// Replaces a key under a lease. Every step may be repeated by a successor: the old key is named by its ARN, so that no
/// late delete hits the new one, and IVS allows one key per channel, so that any other key is the new one.
async fn replace(
    ivs: &Ivs,
    channels: &ChannelTable,
    now: Timestamp,
    request: &Request<ChannelName>,
    channel: &Channel,
    state: KeyState,
) -> Result<StreamKey, Error> {
    let old = match &state {
        KeyState::Current(key) => key.arn.clone(),
        KeyState::Rotating(rotation) if rotation.lease_until > now => {
            return Err(rotating(now.until(rotation.lease_until)));
        }
        KeyState::Rotating(lapsed) => lapsed.old.clone(),
    };
    let rotation = Rotation { old, id: request.claim_id.clone(), lease_until: now + request.lease };
    // From here on, the row points at no key: the old one may be dead at any moment.
    if !channels.begin_rotation(channel, &state, &rotation).await? {
        return Err(rotating(Duration::ZERO));
    }
    let key = match ivs.only_key(&channel.arn, Some(&rotation.old)).await {
        Ok(key) => key,
        Err(error) => {
            channels.lapse_rotation(channel, &rotation, now).await?;
            return Err(error);
        }
    };
    if channels.finish_rotation(channel, &rotation, &key).await? { Ok(key) } else { Err(rotating(Duration::ZERO)) }
}

fn rotating(lease_left: Duration) -> Error {
    Error::Busy {
        resource: "stream key",
        retry_after: lease_left.clamp(Duration::from_secs(1), Duration::from_secs(5)),
    }
}
