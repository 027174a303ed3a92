//! Channels that the organisation's own RTMP server hosts: AWS has no part in them but the tables.

use aws_client::{Aws, AwsFailure, SdkClient, sdk_client};
use aws_item::{Fields, s};
use aws_sdk_dynamodb::Client;
use model::channel::{Channel, KeyState};
use model::claim::Claim;
use model::error::Conflict;
use model::self_hosted::{Site, draw_key};
use model::{ChannelArn, Error, Timestamp};

/// The organisation's own RTMP server.
pub struct OwnServer {
    dynamodb: SdkClient<Client>,
    /// Where it is; absent, it hosts no new channels.
    site: Option<Site>,
    /// The table of what is on air.
    streams: String,
}

impl OwnServer {
    /// At that site. The table is that of what is on air.
    pub fn new(aws: &Aws, site: Option<Site>, streams: String) -> Self {
        Self { dynamodb: sdk_client!(aws, aws_sdk_dynamodb, "DYNAMODB"), site, streams }
    }

    /// The channel of a claim. Nothing has to be made for it, so whoever takes the claim over makes it anew.
    pub(crate) fn create_channel(&self, claim: &Claim<Channel>, now: Timestamp) -> Result<Channel, Error> {
        let site = self.site.as_ref().ok_or(Error::Conflict(Conflict::SelfHostedNotSupported))?;
        Ok(Channel {
            name: claim.name.clone(),
            arn: ChannelArn::self_hosted()?,
            owner: claim.owner.clone(),
            options: claim.options.clone(),
            ingest_endpoint: site.ingest_url.clone(),
            playback_url: site.playback_url_of(&claim.name),
            created_at: now,
            key: Some(KeyState::Current(draw_key(&claim.name)?)),
        })
    }

    /// Whether the channel is on air.
    pub(crate) async fn is_live(&self, channel: &Channel, now: Timestamp) -> Result<bool, Error> {
        let got = self
            .dynamodb
            .get_item()
            .table_name(&self.streams)
            .key("channel", s(&channel.name))
            .consistent_read(true)
            .projection_expression("arn, #state, leaseUntil")
            .expression_attribute_names("#state", "state");
        let got = got.send().await.map_err(|error| AwsFailure::new("dynamodb:GetItem", &error).into_error())?;
        let Some(item) = got.item() else { return Ok(false) };
        let row = Fields::of("stream", item);
        let is_of_it = row.text("arn")? == channel.arn.as_str();
        Ok(is_of_it && row.text("state")? == "live" && row.parse::<Timestamp>("leaseUntil")? > now)
    }
}
