//! What the hook reads of `channels`, and its rows of `streams`.

use aws_client::{Aws, SdkClient, sdk_client};
use aws_item::{Fields, Written, item, put_if, s};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{KeysAndAttributes, ReturnValuesOnConditionCheckFailure};
use model::self_hosted::broadcast::Broadcast;
use model::{ChannelName, Error, RowVersion, Timestamp};

use crate::channel::HostedChannel;
use crate::row;

/// The two tables.
pub struct HookTables {
    dynamodb: SdkClient<Client>,
    channels: String,
    streams: String,
}

/// What the tables hold of a channel's name.
pub(crate) struct Known {
    /// The channel, if it exists and is self-hosted.
    pub(crate) channel: Option<HostedChannel>,
    /// Its broadcast, and not that of an earlier channel.
    pub(crate) broadcast: Option<Broadcast>,
    /// The write that the stream's row is of, if there is a row.
    pub(crate) version: Option<RowVersion>,
}

impl HookTables {
    /// The tables of those names.
    pub fn new(aws: &Aws, channels: String, streams: String) -> Self {
        Self { dynamodb: sdk_client!(aws, aws_sdk_dynamodb, "DYNAMODB"), channels, streams }
    }

    /// Both rows of a name, consistently and in one call.
    pub(crate) async fn read(&self, name: &ChannelName) -> Result<Known, Error> {
        let keys = |key: &str| KeysAndAttributes::builder().keys(item([(key, s(name))])).consistent_read(true);
        let channel = keys("name")
            .projection_expression("#status, arn, #type, playbackUrl, streamKey")
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#type", "type");
        let batch = self
            .dynamodb
            .batch_get_item()
            .request_items(&self.channels, channel.build().map_err(Error::internal)?)
            .request_items(&self.streams, keys("channel").build().map_err(Error::internal)?);
        let found = aws_item::batch_get(batch).await?;
        let row = |table: &str| found.get(table)?.first();
        let channel = row(&self.channels).map(HostedChannel::read).transpose()?.flatten();
        let Some(stream) = row(&self.streams) else { return Ok(Known { channel, broadcast: None, version: None }) };
        let fields = Fields::of(row::OF, stream);
        let is_of_it = channel.as_ref().is_some_and(|channel| fields.text("arn").ok() == Some(channel.arn.as_str()));
        let broadcast = if is_of_it { Some(row::read(stream)?) } else { None };
        Ok(Known { channel, broadcast, version: Some(fields.parse("version")?) })
    }

    /// Writes a broadcast on top of the row that was read. False: somebody else wrote in between.
    pub(crate) async fn write(
        &self,
        name: &ChannelName,
        channel: &HostedChannel,
        broadcast: &Broadcast,
        over: Option<&RowVersion>,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let version = RowVersion::random()?;
        let put = self
            .dynamodb
            .put_item()
            .table_name(&self.streams)
            .set_item(Some(row::write(name, channel, broadcast, &version, now)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let put = match over {
            None => put.condition_expression("attribute_not_exists(channel)"),
            Some(over) => put
                .condition_expression("#version = :over")
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":over", s(over)),
        };
        match put_if(put).await? {
            Written::Yes(_) => Ok(true),
            // The SDK may repeat a write whose answer was lost, and then meets its own row.
            Written::No(existing) => {
                let present = existing.map(|item| Fields::of(row::OF, &item).parse("version")).transpose()?;
                Ok(present.is_some_and(|present: RowVersion| present == version))
            }
        }
    }
}
