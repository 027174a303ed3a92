//! The rows of a room's users and of its log, as far as its end goes: they end with it.

use aws_client::{Aws, SdkClient, sdk_client};
use aws_item::{Fields, purge, s};
use aws_sdk_dynamodb::Client;
use model::{Error, RoomArn, RoomName};

/// The tables `chat-users` and `chat-log`, by their keys alone.
pub struct RoomRows {
    dynamodb: SdkClient<Client>,
    users: String,
    log: String,
}

impl RoomRows {
    /// The tables of these names.
    pub fn new(aws: &Aws, users: String, log: String) -> Self {
        Self { dynamodb: sdk_client!(aws, aws_sdk_dynamodb, "DYNAMODB"), users, log }
    }

    /// Deletes every row of a room, and none of a later room of its name. May be repeated, and goes on where it was cut
    /// short.
    pub(crate) async fn purge(&self, room: &RoomName, arn: &RoomArn) -> Result<(), Error> {
        self.purge_of(&self.users, "userId", &room.to_string(), arn).await?;
        // Display names that users have taken.
        self.purge_of(&self.users, "userId", &format!("names/{room}"), arn).await?;
        self.purge_of(&self.log, "at", &room.to_string(), arn).await
    }

    async fn purge_of(&self, table: &str, sorted_by: &'static str, room: &str, arn: &RoomArn) -> Result<(), Error> {
        let query = self
            .dynamodb
            .query()
            .table_name(table)
            .key_condition_expression("room = :room")
            .filter_expression("roomArn = :arn")
            .projection_expression("#sorted")
            .expression_attribute_names("#sorted", sorted_by)
            .expression_attribute_values(":room", s(room))
            .expression_attribute_values(":arn", s(arn))
            .consistent_read(true);
        purge(query, |row| {
            let id = Fields::of("room's", row).text(sorted_by)?;
            let delete = self.dynamodb.delete_item().table_name(table).key("room", s(room)).key(sorted_by, s(id));
            Ok(delete.condition_expression("roomArn = :arn").expression_attribute_values(":arn", s(arn)))
        })
        .await
    }
}
