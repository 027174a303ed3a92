//! The `viewers` table: who may watch a private channel whose admission is `invited`. One row a user of a channel, by the
//! channel's ARN, so that a later channel of the same name has none of them.

use aws_client::{Aws, AwsFailure, sdk_client};
use aws_item::{Fields, Item, item, page, s};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{ConditionCheck, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use model::channel::{Channel, Viewer};
use model::{ChannelArn, Cursor, Error, Limit, Page, UserId};

/// The `viewers` table.
#[derive(Clone)]
pub struct ViewerTable {
    dynamodb: Client,
    table: String,
    channels_table: String,
}

impl ViewerTable {
    /// The table of that name, and that of the channels.
    pub fn new(aws: &Aws, table: String, channels_table: String) -> Self {
        Self { dynamodb: sdk_client!(aws, aws_sdk_dynamodb, "DYNAMODB"), table, channels_table }
    }

    /// Whether a user is invited to a channel, read consistently: an invitation holds at once, and so does its end.
    pub(crate) async fn has(&self, channel: &ChannelArn, user_id: &UserId) -> Result<bool, Error> {
        let got = self
            .dynamodb
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(channel, user_id)))
            .consistent_read(true)
            .projection_expression("userId");
        let got = got.send().await.map_err(|error| AwsFailure::new("dynamodb:GetItem", &error).into_error())?;
        Ok(got.item().is_some())
    }

    /// Invites a user, unless that is done already, and as long as the channel is there: a delete ends the rows that it
    /// finds. The viewer as it is, and whether it is new.
    pub(crate) async fn put(&self, channel: &Channel, viewer: Viewer) -> Result<(Viewer, bool), Error> {
        let there = ConditionCheck::builder()
            .table_name(&self.channels_table)
            .key("name", s(&channel.name))
            .condition_expression("arn = :arn AND #status = :active")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":arn", s(&channel.arn))
            .expression_attribute_values(":active", s("active"));
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(row(channel, &viewer)))
            .condition_expression("attribute_not_exists(userId)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let (there, put) = (there.build().map_err(Error::internal)?, put.build().map_err(Error::internal)?);
        let both = self
            .dynamodb
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().condition_check(there).build())
            .transact_items(TransactWriteItem::builder().put(put).build());
        let Err(error) = both.send().await else { return Ok((viewer, true)) };
        let failure = AwsFailure::new("dynamodb:TransactWriteItems", &error);
        let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
            return Err(failure.into_error());
        };
        let [there, put] = cancelled.cancellation_reasons() else { return Err(Error::unavailable(failure)) };
        let failed = |code: Option<&str>| code == Some("ConditionalCheckFailed");
        if failed(there.code()) {
            return Err(Error::NotFound("channel"));
        }
        match put.item() {
            Some(existing) if failed(put.code()) => Ok((read(existing)?, false)),
            // Another transaction was in the way.
            _ => Err(Error::unavailable(failure)),
        }
    }

    /// Takes an invitation back. One that is not there is fine.
    pub(crate) async fn delete(&self, channel: &ChannelArn, user_id: &UserId) -> Result<(), Error> {
        let delete = self.dynamodb.delete_item().table_name(&self.table).set_key(Some(key(channel, user_id)));
        let deleted = delete.send().await;
        deleted.map(drop).map_err(|error| AwsFailure::new("dynamodb:DeleteItem", &error).into_error())
    }

    /// Who is invited to a channel, the latest first. One Query on the index.
    pub(crate) async fn list(
        &self,
        channel: &ChannelArn,
        limit: Limit,
        cursor: Option<Cursor>,
    ) -> Result<Page<Viewer>, Error> {
        let start =
            cursor.map(|Cursor { at, id }| item([("channelArn", s(channel)), ("invitedAt", s(at)), ("userId", s(id))]));
        let query = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .index_name("by-invitation")
            .key_condition_expression("channelArn = :arn")
            .expression_attribute_values(":arn", s(channel))
            .scan_index_forward(false)
            .limit(i32::from(limit.get()))
            .set_exclusive_start_key(start);
        let found = query.send().await.map_err(|error| AwsFailure::new("dynamodb:Query", &error).into_error())?;
        let viewers: Result<Vec<Viewer>, Error> = found.items().iter().map(read).collect();
        page(viewers?, found.last_evaluated_key(), "viewer", "invitedAt", "userId")
    }

    /// Deletes every row of a channel that is gone. May be repeated, and goes on where it was cut short.
    pub(crate) async fn purge(&self, channel: &ChannelArn) -> Result<(), Error> {
        let mut next = None;
        loop {
            let query = self
                .dynamodb
                .query()
                .table_name(&self.table)
                .key_condition_expression("channelArn = :arn")
                .projection_expression("userId")
                .expression_attribute_values(":arn", s(channel))
                .consistent_read(true)
                .set_exclusive_start_key(next);
            let found = query.send().await.map_err(|error| AwsFailure::new("dynamodb:Query", &error).into_error())?;
            for viewer in found.items() {
                self.delete(channel, &Fields::of("viewer", viewer).parse("userId")?).await?;
            }
            next = found.last_evaluated_key().cloned();
            if next.is_none() {
                return Ok(());
            }
        }
    }
}

fn key(channel: &ChannelArn, user_id: &UserId) -> Item {
    item([("channelArn", s(channel)), ("userId", s(user_id))])
}

fn row(channel: &Channel, viewer: &Viewer) -> Item {
    let mut row = key(&channel.arn, &viewer.user_id);
    row.extend(item([("invitedAt", s(viewer.invited_at))]));
    row
}

fn read(row: &Item) -> Result<Viewer, Error> {
    let row = Fields::of("viewer", row);
    Ok(Viewer { user_id: row.parse("userId")?, invited_at: row.parse("invitedAt")? })
}
