//! What the API has to know of a target before a broadcast to it begins. It reads no stream key, and could not.

use std::collections::HashMap;

use aws_client::{Aws, SdkClient, sdk_client};
use aws_item::{Fields, Item, item, s};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::KeysAndAttributes;
use aws_sdk_dynamodb::types::builders::KeysAndAttributesBuilder;
use model::broadcast::{DesiredTarget, Target};
use model::error::Denial;
use model::{BroadcastId, ChannelName, Error, Timestamp, UserId};

use crate::row;

/// The tables that say whether a user may broadcast to a target now.
pub struct TargetTables {
    dynamodb: SdkClient<Client>,
    broadcasts: String,
    channels: String,
    streams: String,
    settings: String,
}

impl TargetTables {
    /// The tables of those names.
    pub fn new(aws: &Aws, broadcasts: String, channels: String, streams: String, settings: String) -> Self {
        Self { dynamodb: sdk_client!(aws, aws_sdk_dynamodb, "DYNAMODB"), broadcasts, channels, streams, settings }
    }

    /// The target that a caller desires, and whether it is on air: its latest broadcast has a server, or somebody else
    /// broadcasts to the channel. One call, consistent.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such channel, or there are no settings; [`Error::Forbidden`] for a channel of
    /// somebody else; what DynamoDB fails with.
    pub(crate) async fn aim(
        &self,
        caller: &UserId,
        desired: DesiredTarget,
        latest: Option<&BroadcastId>,
        now: Timestamp,
    ) -> Result<(Target, bool), Error> {
        let mut requests = match &desired {
            DesiredTarget::Channel(name) => vec![self.channel(name), self.stream(name)],
            DesiredTarget::Settings => vec![self.settings(caller)],
        };
        requests.extend(latest.map(|latest| (&self.broadcasts, keys("broadcast", latest))));
        let mut found = self.batch(requests).await?;
        let target = match desired {
            DesiredTarget::Channel(name) => {
                let channel = found.remove(&self.channels).ok_or(Error::NotFound("channel"))?;
                let row = Fields::of("channel", &channel);
                // One that is being made or deleted is none to its callers.
                if row.text("status")? != "active" {
                    return Err(Error::NotFound("channel"));
                }
                if row.text("owner")? != caller.as_str() {
                    return Err(Error::Forbidden(Denial::NotOwner));
                }
                Target::Channel { name, arn: row.parse("arn")? }
            }
            DesiredTarget::Settings if found.contains_key(&self.settings) => Target::Settings,
            DesiredTarget::Settings => return Err(Error::NotFound("broadcast settings")),
        };
        let latest = found.get(&self.broadcasts).map(row::read).transpose()?;
        let is_on_air = latest.is_some_and(|latest| latest.has_server(now))
            || found.get(&self.streams).map(|stream| is_live(stream, &target, now)).transpose()?.unwrap_or_default();
        Ok((target, is_on_air))
    }

    /// Of a channel's row, what is no secret: the stream key is in it.
    fn channel(&self, name: &ChannelName) -> (&String, KeysAndAttributesBuilder) {
        let keys = keys("name", name)
            .projection_expression("#name, #status, arn, #owner")
            .expression_attribute_names("#name", "name")
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#owner", "owner");
        (&self.channels, keys)
    }

    fn stream(&self, channel: &ChannelName) -> (&String, KeysAndAttributesBuilder) {
        let keys = keys("channel", channel)
            .projection_expression("channel, arn, #state, leaseUntil")
            .expression_attribute_names("#state", "state");
        (&self.streams, keys)
    }

    /// Whether there are settings, and nothing of what they are.
    fn settings(&self, owner: &UserId) -> (&String, KeysAndAttributesBuilder) {
        (&self.settings, keys("userId", owner).projection_expression("userId"))
    }

    /// One row of each table, by the name of the table.
    async fn batch(&self, requests: Vec<(&String, KeysAndAttributesBuilder)>) -> Result<HashMap<String, Item>, Error> {
        let mut batch = self.dynamodb.batch_get_item();
        for (table, keys) in requests {
            batch = batch.request_items(table, keys.build().map_err(Error::internal)?);
        }
        let rows = aws_item::batch_get(batch).await?.into_iter();
        Ok(rows.filter_map(|(table, rows)| Some((table, rows.into_iter().next()?))).collect())
    }
}

fn keys(key: &str, value: impl ToString) -> KeysAndAttributesBuilder {
    KeysAndAttributes::builder().keys(item([(key, s(value))])).consistent_read(true)
}

/// Whether a channel is on air, and not an earlier one of its name.
fn is_live(stream: &Item, target: &Target, now: Timestamp) -> Result<bool, Error> {
    let row = Fields::of("stream", stream);
    let Target::Channel { arn, .. } = target else { return Ok(false) };
    let is_of_it = row.text("arn")? == arn.as_str();
    Ok(is_of_it && row.text("state")? == "live" && row.parse::<Timestamp>("leaseUntil")? > now)
}
