//! Where a broadcast goes: the ingest URL and the key, from the row of a channel or from a user's settings. Neither passes
//! through a browser.

use std::time::Duration;

use aws_client::{Aws, AwsFailure, SdkClient, sdk_client};
use aws_item::{Fields, s};
use aws_sdk_dynamodb::Client;
use model::broadcast::{BroadcastRow, IngestKind, IngestTarget, Target};
use model::broadcast_settings::IngestUrl;
use model::channel::{Origin, StreamKeyText};
use model::qualities::Qualities;
use model::{ChannelArn, ChannelName, Error, UserId};

/// How long it takes to replace a stream key.
const ROTATION: Duration = Duration::from_secs(2);

/// The tables of channels and of broadcast settings.
pub struct IngestTargets {
    dynamodb: SdkClient<Client>,
    channels: String,
    settings: String,
}

impl IngestTargets {
    /// The tables of those names.
    pub fn new(aws: &Aws, channels: String, settings: String) -> Self {
        Self { dynamodb: sdk_client!(aws, aws_sdk_dynamodb, "DYNAMODB"), channels, settings }
    }

    /// Where a broadcast goes now. One read: keys are replaced, and settings are changed.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the channel or the settings are gone; [`Error::Busy`] while the channel's key is being
    /// replaced; what DynamoDB fails with.
    pub async fn resolve(&self, row: &BroadcastRow) -> Result<IngestTarget, Error> {
        match &row.target {
            Target::Channel { name, arn } => self.resolve_channel(name, arn, &row.owner).await,
            Target::Settings => self.resolve_settings(&row.owner).await,
        }
    }

    async fn resolve_channel(
        &self,
        name: &ChannelName,
        arn: &ChannelArn,
        owner: &UserId,
    ) -> Result<IngestTarget, Error> {
        let got = self
            .dynamodb
            .get_item()
            .table_name(&self.channels)
            .key("name", s(name))
            .consistent_read(true)
            // What the policy of a server lets it read of a channel.
            .projection_expression("#name, #status, arn, #owner, #type, ingestEndpoint, streamKey")
            .expression_attribute_names("#name", "name")
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_names("#type", "type");
        let got = got.send().await.map_err(|error| AwsFailure::new("dynamodb:GetItem", &error).into_error())?;
        let item = got.item.ok_or(Error::NotFound("channel"))?;
        let row = Fields::of("channel", &item);
        // Another one of that name is none of this broadcast's.
        let is_it =
            row.text("status")? == "active" && row.text("arn")? == arn.as_str() && row.text("owner")? == owner.as_str();
        if !is_it {
            return Err(Error::NotFound("channel"));
        }
        let key = row.map("streamKey")?.ok_or_else(|| Error::internal("a channel row has no streamKey"))?;
        if !key.has("text") {
            return Err(Error::Busy { resource: "stream key", retry_after: ROTATION });
        }
        let is_self_hosted = Qualities::of_type(row.text("type")?).is_some();
        let (origin, kind) = match is_self_hosted {
            true => (Origin::SelfHosted, IngestKind::SelfHosted),
            false => (Origin::Ivs, IngestKind::Ivs),
        };
        let key = StreamKeyText::new(key.text("text")?.to_owned());
        Ok(IngestTarget { url: origin.ingest_url(row.text("ingestEndpoint")?), key, kind })
    }

    async fn resolve_settings(&self, owner: &UserId) -> Result<IngestTarget, Error> {
        let got = self.dynamodb.get_item().table_name(&self.settings).key("userId", s(owner)).consistent_read(true);
        let got = got.send().await.map_err(|error| AwsFailure::new("dynamodb:GetItem", &error).into_error())?;
        let item = got.item.ok_or(Error::NotFound("broadcast settings"))?;
        let row = Fields::of("broadcast settings", &item);
        // The rule may have become stricter since they were saved.
        let url: IngestUrl = row.parse("ingestUrl")?;
        let key = StreamKeyText::new(row.text("streamKey")?.to_owned());
        Ok(IngestTarget { url: url.as_str().to_owned(), key, kind: IngestKind::Settings })
    }
}
