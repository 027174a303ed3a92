//! IVS low-latency: channels and their stream keys.

use aws_claim::ListedPage;
use aws_client::{Aws, AwsFailure, RateLimiter, SdkClient, create_timeouts, sdk_client};
use aws_sdk_ivs::Client;
use aws_sdk_ivs::config::Config;
use aws_sdk_ivs::operation::create_stream_key::CreateStreamKeyError;
use aws_sdk_ivs::operation::delete_channel::DeleteChannelError;
use aws_sdk_ivs::operation::delete_stream_key::DeleteStreamKeyError;
use aws_sdk_ivs::operation::get_channel::GetChannelError;
use aws_sdk_ivs::operation::get_stream::GetStreamError;
use aws_sdk_ivs::operation::get_stream_key::GetStreamKeyError;
use aws_sdk_ivs::operation::list_stream_keys::ListStreamKeysError;
use aws_sdk_ivs::types::{
    Channel as IvsChannel, ChannelLatencyMode, ChannelType as IvsChannelType, StreamKey as IvsStreamKey,
};
use aws_smithy_types::retry::RetryConfig;
use model::channel::{Channel, IvsOptions, KeyState, StreamKey, StreamKeyText};
use model::claim::{Claim, CreateError};
use model::error::Conflict;
use model::tags;
use model::{ChannelArn, ChannelName, Error, StreamKeyArn, Timestamp};

use crate::OwnServer;

const GET_CHANNEL: &str = "ivs:GetChannel";

/// IVS low-latency, as far as this deployment's own channels go.
pub struct ChannelIvs {
    ivs: SdkClient<Client>,
    stack: String,
    listings: RateLimiter,
    deletes: RateLimiter,
    adoptions: RateLimiter,
    own_server: Option<OwnServer>,
}

impl ChannelIvs {
    /// Channels are tagged as the stack's, so that two deployments in one account leave each other's alone.
    pub fn new(aws: &Aws, stack: String) -> Self {
        let [listings, deletes, adoptions] = [(); 3].map(|()| RateLimiter::unlimited());
        Self { ivs: sdk_client!(aws, aws_sdk_ivs, "IVS"), stack, listings, deletes, adoptions, own_server: None }
    }

    /// Lists at a pace that leaves some of IVS's five calls a second to others, and deletes at the same, so many calls a
    /// minute each.
    #[must_use]
    pub fn limited_to(self, calls: u32) -> Self {
        let [listings, deletes] = [(); 2].map(|()| RateLimiter::per_minute(calls));
        Self { listings, deletes, ..self }
    }

    /// Adopts at a pace of its own, so many a minute: what it takes has five calls a second for itself, which few others need.
    #[must_use]
    pub fn adopting_at(self, calls: u32) -> Self {
        Self { adoptions: RateLimiter::per_minute(calls), ..self }
    }

    /// Waits until the next channel may be adopted.
    pub(crate) async fn adoption(&self) {
        self.adoptions.acquire().await;
    }

    /// Beside IVS, the organisation's own RTMP server hosts channels.
    #[must_use]
    pub fn beside(self, own_server: OwnServer) -> Self {
        Self { own_server: Some(own_server), ..self }
    }

    pub(crate) fn own_server(&self) -> Option<&OwnServer> {
        self.own_server.as_ref()
    }

    /// Creates a channel, with its stream key, under a claim. It is sent once: `CreateChannel` is not idempotent.
    pub(crate) async fn create_channel(
        &self,
        claim: &Claim<Channel>,
        options: IvsOptions,
        now: Timestamp,
    ) -> Result<Channel, CreateError> {
        let operation = "ivs:CreateChannel";
        let created = self
            .ivs
            .create_channel()
            .name(claim.name.as_str())
            .r#type(IvsChannelType::from(options.r#type.as_str()))
            .latency_mode(ChannelLatencyMode::from(options.latency_mode.as_str()))
            .authorized(options.private)
            .set_tags(Some(tags::of(claim, &self.stack)))
            .customize()
            .config_override(Config::builder().retry_config(RetryConfig::disabled()).timeout_config(create_timeouts()))
            .send()
            .await
            .map_err(|error| AwsFailure::new(operation, &error).into_create_error())?;
        let channel = created.channel().and_then(|channel| read(claim, channel, now));
        let key = created.stream_key().and_then(read_key);
        channel
            .zip(key)
            .map(|(channel, key)| Channel { key: Some(KeyState::Current(key)), ..channel })
            .ok_or_else(|| CreateError::Unknown(Error::unavailable(AwsFailure::malformed(operation, "no channel"))))
    }

    /// A page of the channels in IVS that are tagged as the stack's. It is sent once.
    pub(crate) async fn list_channels(
        &self,
        only: Option<&ChannelName>,
        page: Option<&str>,
    ) -> Result<ListedPage<Channel>, Error> {
        let operation = "ivs:ListChannels";
        self.listings.acquire().await;
        // Channels bear the name of their row in IVS as well, which spares us the other thousands.
        let listed = self
            .ivs
            .list_channels()
            .set_filter_by_name(only.map(ToString::to_string))
            .max_results(100)
            .set_next_token(page.map(str::to_owned))
            .customize()
            .config_override(Config::builder().retry_config(RetryConfig::disabled()))
            .send()
            .await
            .map_err(|error| AwsFailure::new(operation, &error).into_error())?;
        let mut found = Vec::new();
        for channel in listed.channels() {
            let arn = channel.arn().and_then(|arn| arn.parse().ok());
            let arn = arn.ok_or_else(|| Error::internal(AwsFailure::malformed(operation, "no ARN")))?;
            found.extend(tags::found(arn, channel.tags(), &self.stack));
        }
        Ok(ListedPage { found, next: listed.next_token().map(str::to_owned) })
    }

    /// A channel as if the claim had created it, without its key; `None` if there is no such channel.
    pub(crate) async fn read_channel(
        &self,
        claim: &Claim<Channel>,
        arn: &ChannelArn,
        now: Timestamp,
    ) -> Result<Option<Channel>, Error> {
        let Some(channel) = self.get_channel(arn).await.map_err(AwsFailure::into_error)? else { return Ok(None) };
        let channel = read(claim, &channel, now);
        channel.map(Some).ok_or_else(|| Error::unavailable(AwsFailure::malformed(GET_CHANNEL, "no channel")))
    }

    /// Whether a broadcast is under way. A channel that is gone has none.
    pub(crate) async fn is_live(&self, arn: &ChannelArn) -> Result<bool, Error> {
        match self.ivs.get_stream().channel_arn(arn.as_str()).send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                // IVS answers so for every channel that is offline.
                Some(GetStreamError::ChannelNotBroadcasting(_) | GetStreamError::ResourceNotFoundException(_)) => {
                    Ok(false)
                }
                _ => Err(AwsFailure::new("ivs:GetStream", &error).into_error()),
            },
        }
    }

    /// Deletes a channel and its key. One that is gone already is fine.
    ///
    /// [`Conflict::Live`] while it is broadcasting.
    pub(crate) async fn delete_channel(&self, arn: &ChannelArn) -> Result<(), Error> {
        self.deletes.acquire().await;
        match self.ivs.delete_channel().arn(arn.as_str()).send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(DeleteChannelError::ResourceNotFoundException(_)) => Ok(()),
                Some(DeleteChannelError::ConflictException(_)) => Err(Error::Conflict(Conflict::Live)),
                _ => AwsFailure::new("ivs:DeleteChannel", &error).unless_gone(self.get_channel(arn)).await,
            },
        }
    }

    /// `None` if there is no such channel.
    async fn get_channel(&self, arn: &ChannelArn) -> Result<Option<IvsChannel>, AwsFailure> {
        match self.ivs.get_channel().arn(arn.as_str()).send().await {
            Ok(got) => got.channel.map(Some).ok_or_else(|| AwsFailure::malformed(GET_CHANNEL, "no channel")),
            Err(error) => match error.as_service_error() {
                Some(GetChannelError::ResourceNotFoundException(_)) => Ok(None),
                _ => Err(AwsFailure::new(GET_CHANNEL, &error)),
            },
        }
    }

    /// The one key of a channel besides `old`, which is deleted: the one that is there, or else a new one.
    pub(crate) async fn only_key(&self, channel: &ChannelArn, old: Option<&StreamKeyArn>) -> Result<StreamKey, Error> {
        if let Some(old) = old {
            self.delete_stream_key(old).await?;
        }
        if let Some(key) = self.existing_key(channel, old).await? {
            return Ok(key);
        }
        match self.ivs.create_stream_key().channel_arn(channel.as_str()).send().await {
            Ok(created) => created.stream_key().and_then(read_key).ok_or_else(|| malformed_key("ivs:CreateStreamKey")),
            Err(error) => match error.as_service_error() {
                // A predecessor's key, or one whose answer was lost, got there first.
                Some(CreateStreamKeyError::ServiceQuotaExceededException(_)) => {
                    self.existing_key(channel, old).await?.ok_or_else(|| malformed_key("ivs:ListStreamKeys"))
                }
                Some(CreateStreamKeyError::ResourceNotFoundException(_)) => Err(Error::NotFound("channel")),
                _ => Err(AwsFailure::new("ivs:CreateStreamKey", &error).into_error()),
            },
        }
    }

    async fn delete_stream_key(&self, arn: &StreamKeyArn) -> Result<(), Error> {
        match self.ivs.delete_stream_key().arn(arn.as_str()).send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(DeleteStreamKeyError::ResourceNotFoundException(_)) => Ok(()),
                _ => Err(AwsFailure::new("ivs:DeleteStreamKey", &error).into_error()),
            },
        }
    }

    /// Every key of a channel, from a complete listing: a page has one entry unless more are asked for. A channel that a
    /// list does not show yet has none.
    async fn key_arns(&self, channel: &ChannelArn) -> Result<Vec<StreamKeyArn>, Error> {
        let operation = "ivs:ListStreamKeys";
        let (mut arns, mut next) = (Vec::new(), None);
        loop {
            let list = self.ivs.list_stream_keys().channel_arn(channel.as_str());
            let listed = list.max_results(50).set_next_token(next).send().await;
            let listed = match listed {
                Ok(listed) => listed,
                Err(error) => match error.as_service_error() {
                    // A list may be behind. A read is not.
                    Some(ListStreamKeysError::ResourceNotFoundException(_)) => {
                        let there = self.get_channel(channel).await.map_err(AwsFailure::into_error)?;
                        return if there.is_some() { Ok(Vec::new()) } else { Err(Error::NotFound("channel")) };
                    }
                    _ => return Err(AwsFailure::new(operation, &error).into_error()),
                },
            };
            for key in listed.stream_keys() {
                let arn = key.arn().and_then(|arn| arn.parse().ok());
                arns.push(arn.ok_or_else(|| Error::internal(AwsFailure::malformed(operation, "no ARN")))?);
            }
            next = listed.next_token().map(str::to_owned);
            if next.is_none() {
                return Ok(arns);
            }
        }
    }

    async fn existing_key(
        &self,
        channel: &ChannelArn,
        except: Option<&StreamKeyArn>,
    ) -> Result<Option<StreamKey>, Error> {
        let Some(arn) = self.key_arns(channel).await?.into_iter().find(|arn| Some(arn) != except) else {
            return Ok(None);
        };
        match self.ivs.get_stream_key().arn(arn.as_str()).send().await {
            Ok(got) => got.stream_key().and_then(read_key).map(Some).ok_or_else(|| malformed_key("ivs:GetStreamKey")),
            Err(error) => match error.as_service_error() {
                // Deleted since it was listed.
                Some(GetStreamKeyError::ResourceNotFoundException(_)) => Ok(None),
                _ => Err(AwsFailure::new("ivs:GetStreamKey", &error).into_error()),
            },
        }
    }
}

fn malformed_key(operation: &'static str) -> Error {
    Error::unavailable(AwsFailure::malformed(operation, "no stream key"))
}

fn read_key(key: &IvsStreamKey) -> Option<StreamKey> {
    Some(StreamKey { arn: key.arn()?.parse().ok()?, text: StreamKeyText::new(key.value()?.to_owned()) })
}

fn read(claim: &Claim<Channel>, channel: &IvsChannel, now: Timestamp) -> Option<Channel> {
    Some(Channel {
        name: claim.name.clone(),
        arn: channel.arn()?.parse().ok()?,
        owner: claim.owner.clone(),
        options: claim.options.clone(),
        ingest_endpoint: channel.ingest_endpoint()?.to_owned(),
        playback_url: channel.playback_url()?.to_owned(),
        created_at: now,
        key: None,
    })
}
