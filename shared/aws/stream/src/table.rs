//! The `streams` table, and what it takes of the `channels` table: one row a channel name in each.

use std::collections::HashMap;

use aws_client::{Aws, AwsFailure, SdkClient, sdk_client};
use aws_item::{Fields, Item, Written, item, page, put_if, s};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{KeysAndAttributes, ReturnValuesOnConditionCheckFailure};
use model::stream::{StreamChannel, StreamRow};
use model::{ChannelName, Cursor, Error, Page, RowVersion, Timestamp};

use crate::row::{self, Partition};

/// How many channels one call reads with their streams, of DynamoDB's 100 keys.
pub const AT_ONCE: usize = 50;

/// The `streams` table beside the `channels` table.
pub struct StreamTable {
    dynamodb: SdkClient<Client>,
    table: String,
    channels_table: String,
}

/// What the tables hold of a channel.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Known {
    /// The channel, unless there is none of that name yet.
    pub channel: Option<StreamChannel>,
    /// Whether the channel is being deleted: to callers, it is gone.
    pub is_deleting: bool,
    /// Its latest broadcast. It may be an earlier channel's of that name.
    pub stream: Option<StoredRow>,
}

/// A row, with the write that it is of.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRow {
    /// What it holds.
    pub row: StreamRow,
    /// Which write.
    pub version: RowVersion,
    /// What is not read here.
    rest: Item,
}

impl StreamTable {
    /// The tables of those names.
    pub fn new(aws: &Aws, table: String, channels_table: String) -> Self {
        Self { dynamodb: sdk_client!(aws, aws_sdk_dynamodb, "DYNAMODB"), table, channels_table }
    }

    /// What the tables hold of a channel, consistently and in one call.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn read(&self, channel: &ChannelName) -> Result<Known, Error> {
        let mut known = self.read_all(std::slice::from_ref(channel)).await?;
        Ok(known.remove(channel).unwrap_or_default())
    }

    /// As [`Self::read`], for up to [`AT_ONCE`] channels in one call.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn read_all(&self, channels: &[ChannelName]) -> Result<HashMap<ChannelName, Known>, Error> {
        let streams = channels.iter().map(|name| item([("channel", s(name))]));
        let streams = KeysAndAttributes::builder().set_keys(Some(streams.collect())).consistent_read(true);
        let streams = (&self.table, streams.build().map_err(Error::internal)?);
        let found = self.batch([streams, self.channel_keys(channels, true)?]).await?;
        let mut known: HashMap<_, _> = channels.iter().map(|name| (name.clone(), Known::default())).collect();
        for item in found.get(&self.table).into_iter().flatten() {
            let stored = read_stored(item)?;
            let name = stored.row.channel.name.clone();
            known.entry(name).or_default().stream = Some(stored);
        }
        for item in found.get(&self.channels_table).into_iter().flatten() {
            if let Some((channel, is_deleting)) = read_channel(item)? {
                let known = known.entry(channel.name.clone()).or_default();
                (known.channel, known.is_deleting) = (Some(channel), is_deleting);
            }
        }
        Ok(known)
    }

    /// The channels of these names that callers can use, up to 100, as they were a moment ago.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn channels(&self, channels: &[ChannelName]) -> Result<HashMap<ChannelName, StreamChannel>, Error> {
        let found = self.batch([self.channel_keys(channels, false)?]).await?;
        let mut channels = HashMap::new();
        for item in found.get(&self.channels_table).into_iter().flatten() {
            if let Some((channel, false)) = read_channel(item)? {
                channels.insert(channel.name.clone(), channel);
            }
        }
        Ok(channels)
    }

    /// Of a channel's row, what is no secret: the stream key is in it.
    fn channel_keys(&self, channels: &[ChannelName], consistent: bool) -> Result<(&String, KeysAndAttributes), Error> {
        let keys = channels.iter().map(|name| item([("name", s(name))]));
        let keys = KeysAndAttributes::builder()
            .set_keys(Some(keys.collect()))
            .consistent_read(consistent)
            .projection_expression("#name, #status, arn, #private, playbackUrl")
            .expression_attribute_names("#name", "name")
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#private", "private");
        Ok((&self.channels_table, keys.build().map_err(Error::internal)?))
    }

    async fn batch<const N: usize>(
        &self,
        requests: [(&String, KeysAndAttributes); N],
    ) -> Result<HashMap<String, Vec<Item>>, Error> {
        let requests = requests.into_iter().map(|(table, keys)| (table.clone(), keys)).collect();
        aws_item::batch_get(self.dynamodb.batch_get_item().set_request_items(Some(requests))).await
    }

    /// Writes a row on top of the one that was read. False: somebody else wrote in between.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn write(&self, row: &StreamRow, over: Option<&StoredRow>, now: Timestamp) -> Result<bool, Error> {
        let version = RowVersion::random()?;
        let mut fields = row::write(row, &version, now);
        // What is of an earlier channel of the name stays behind.
        let rest = over.filter(|over| over.row.channel.arn == row.channel.arn).map(|over| over.rest.clone());
        fields.extend(rest.unwrap_or_default());
        let put = self
            .dynamodb
            .put_item()
            .table_name(&self.table)
            .set_item(Some(fields))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let put = match over {
            None => put.condition_expression("attribute_not_exists(channel)"),
            Some(over) => put
                .condition_expression("#version = :over")
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":over", s(&over.version)),
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

    /// A page of what is on air, the latest first, without what nobody has confirmed for too long. One Query on the
    /// index, which holds nothing else; a page may be short, or empty, and have a successor.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn live(
        &self,
        partition: Partition,
        limit: u16,
        cursor: Option<Cursor>,
    ) -> Result<Page<StreamRow>, Error> {
        let listed = partition.as_str();
        let start =
            cursor.map(|Cursor { at, id }| item([("listed", s(listed)), ("startedAt", s(at)), ("channel", s(id))]));
        let query = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .index_name("by-start")
            .key_condition_expression("listed = :listed")
            .expression_attribute_values(":listed", s(listed))
            .scan_index_forward(false)
            .limit(i32::from(limit))
            .set_exclusive_start_key(start);
        let found = query.send().await.map_err(|error| AwsFailure::new("dynamodb:Query", &error).into_error())?;
        let rows: Result<_, Error> = found.items().iter().map(row::read).collect();
        page(rows?, found.last_evaluated_key(), row::OF, "startedAt", "channel")
    }
}

fn read_stored(item: &Item) -> Result<StoredRow, Error> {
    let version = Fields::of(row::OF, item).parse("version")?;
    Ok(StoredRow { row: row::read(item)?, version, rest: row::rest(item) })
}

/// A channel, and whether it is being deleted; `None` while it is being created.
fn read_channel(item: &Item) -> Result<Option<(StreamChannel, bool)>, Error> {
    let row = Fields::of("channel", item);
    let is_deleting = match row.text("status")? {
        "active" => false,
        "deleting" => true,
        _ => return Ok(None),
    };
    let channel = StreamChannel {
        name: row.parse("name")?,
        arn: row.parse("arn")?,
        private: row.flag("private")?,
        playback_url: row.text("playbackUrl")?.to_owned(),
    };
    Ok(Some((channel, is_deleting)))
}
