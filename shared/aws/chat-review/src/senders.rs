//! The `chat-users` table: who is muted or removed, and when somebody last wrote.

use std::time::Duration;

use aws_client::{Aws, AwsFailure, SdkClient, sdk_client};
use aws_item::{Fields, Item, Written, s, update_if};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use model::chat::review::Refusal;
use model::{Error, RoomArn, RoomName, Timestamp, UserId};

/// Who has sent a message, and where.
#[derive(Debug, Clone, Copy)]
pub struct Sender<'a> {
    /// The room's name.
    pub room: &'a RoomName,
    /// The room's ARN: rows of an earlier room of the name count for nothing.
    pub arn: &'a RoomArn,
    /// Who.
    pub user_id: &'a UserId,
}

/// The `chat-users` table, as far as a review goes.
pub struct ReviewSenders {
    dynamodb: SdkClient<Client>,
    table: String,
}

impl ReviewSenders {
    /// The table of that name.
    pub fn new(aws: &Aws, table: String) -> Self {
        Self { dynamodb: sdk_client!(aws, aws_sdk_dynamodb, "DYNAMODB"), table }
    }

    /// Why the sender may not write now, if so: their standing. One read.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn refusal(&self, sender: Sender<'_>) -> Result<Option<Refusal>, Error> {
        let get = self
            .dynamodb
            .get_item()
            .table_name(&self.table)
            .key("room", s(sender.room))
            .key("userId", s(sender.user_id))
            .projection_expression("roomArn, muted, removed")
            .consistent_read(true);
        let got = get.send().await.map_err(|error| AwsFailure::new("dynamodb:GetItem", &error).into_error())?;
        Ok(got.item().and_then(|row| standing(row, sender)))
    }

    /// The same in slow mode, where the message is noted as the sender's last one if it may be sent. One write.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn refusal_in_slow_mode(
        &self,
        now: Timestamp,
        sender: Sender<'_>,
        message_id: &str,
        pause: Duration,
    ) -> Result<Option<Refusal>, Error> {
        let update = self
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .key("room", s(sender.room))
            .key("userId", s(sender.user_id))
            .update_expression("SET lastMessageAt = :now, lastMessageId = :id")
            .condition_expression(
                "roomArn = :arn AND muted = :no AND removed = :no \
                 AND (attribute_not_exists(lastMessageAt) OR lastMessageAt <= :before)",
            )
            .expression_attribute_values(":now", s(now))
            .expression_attribute_values(":id", s(message_id))
            .expression_attribute_values(":before", s(now - pause))
            .expression_attribute_values(":arn", s(sender.arn))
            .expression_attribute_values(":no", aws_sdk_dynamodb::types::AttributeValue::Bool(false))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match update_if(update).await? {
            Written::Yes(_) | Written::No(None) => Ok(None),
            Written::No(Some(row)) if !is_of(&row, sender) => Ok(None),
            // The SDK may repeat a write whose answer was lost, and then meets its own.
            Written::No(Some(row)) if is_last(&row, message_id) => Ok(None),
            Written::No(Some(row)) => Ok(standing(&row, sender).or(Some(Refusal::TooSoon))),
        }
    }
}

/// Whether the row is of this room, and not of an earlier one of its name.
fn is_of(row: &Item, sender: Sender<'_>) -> bool {
    Fields::of("chat user", row).text("roomArn").is_ok_and(|arn| arn == sender.arn.as_str())
}

/// Whether the message is the sender's last one already.
fn is_last(row: &Item, message_id: &str) -> bool {
    Fields::of("chat user", row).text("lastMessageId").is_ok_and(|id| id == message_id)
}

fn standing(row: &Item, sender: Sender<'_>) -> Option<Refusal> {
    if !is_of(row, sender) {
        return None;
    }
    let row = Fields::of("chat user", row);
    let is = |field| row.flag(field).unwrap_or_default();
    if is("removed") {
        Some(Refusal::Removed)
    } else if is("muted") {
        Some(Refusal::Muted)
    } else {
        None
    }
}
