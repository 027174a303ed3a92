//! The `viewers` table: who may watch a private channel whose admission is `invited`. One row a user of a channel, by the
//! channel's ARN, so that a later channel of the same name has none of them.

use aws_client::{Aws, AwsFailure, SdkClient, sdk_client};
use aws_item::{Fields, Item, Transacted, delete_if, item, page, purge, s, transact};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::delete_item::builders::DeleteItemFluentBuilder;
use aws_sdk_dynamodb::types::{ConditionCheck, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use model::channel::{Channel, Viewer};
use model::{ChannelArn, Cursor, Error, Limit, Page, UserId};

/// The `viewers` table.
pub struct ViewerTable {
    dynamodb: SdkClient<Client>,
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
        let there = TransactWriteItem::builder().condition_check(there).build();
        let put = TransactWriteItem::builder().put(put).build();
        match transact(&self.dynamodb, vec![there, put]).await? {
            Transacted::Yes => Ok((viewer, true)),
            Transacted::Refused(0, _) => Err(Error::NotFound("channel")),
            Transacted::Refused(_, Some(existing)) => Ok((read(&existing)?, false)),
            Transacted::Refused(_, None) => Err(Error::internal("a refused invitation came without its row")),
        }
    }

    /// Takes an invitation back. One that is not there is fine.
    pub(crate) async fn delete(&self, channel: &ChannelArn, user_id: &UserId) -> Result<(), Error> {
        delete_if(self.deletion(channel, user_id)).await.map(drop)
    }

    fn deletion(&self, channel: &ChannelArn, user_id: &UserId) -> DeleteItemFluentBuilder {
        self.dynamodb.delete_item().table_name(&self.table).set_key(Some(key(channel, user_id)))
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
        let query = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .key_condition_expression("channelArn = :arn")
            .projection_expression("userId")
            .expression_attribute_values(":arn", s(channel))
            .consistent_read(true);
        purge(query, |viewer| Ok(self.deletion(channel, &Fields::of("viewer", viewer).parse("userId")?))).await
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
