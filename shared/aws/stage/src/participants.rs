//! The rows of a stage's participants, as far as its end goes: they end with it.

use aws_client::{Aws, AwsFailure, sdk_client};
use aws_item::{Fields, Item, s};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use futures_util::future::try_join_all;
use model::{Error, StageArn, StageName};

/// The `participants` table, by its keys alone.
pub struct ParticipantRows {
    dynamodb: Client,
    table: String,
}

impl ParticipantRows {
    /// The table of that name.
    pub fn new(aws: &Aws, table: String) -> Self {
        Self { dynamodb: sdk_client!(aws, aws_sdk_dynamodb, "DYNAMODB"), table }
    }

    /// Deletes every row of a stage, and none of a later stage of its name. May be repeated, and goes on where it was
    /// cut short.
    pub(crate) async fn purge(&self, stage: &StageName, arn: &StageArn) -> Result<(), Error> {
        let mut next = None;
        loop {
            let query = self
                .dynamodb
                .query()
                .table_name(&self.table)
                .key_condition_expression("stage = :stage")
                .filter_expression("stageArn = :arn")
                .projection_expression("userId")
                .expression_attribute_values(":stage", s(stage))
                .expression_attribute_values(":arn", s(arn))
                .consistent_read(true)
                .set_exclusive_start_key(next);
            let found = query.send().await.map_err(|error| AwsFailure::new("dynamodb:Query", &error).into_error())?;
            // Deletes in batches take no conditions; single ones do, and several can be under way.
            for rows in found.items().chunks(25) {
                try_join_all(rows.iter().map(|row| self.delete(stage, arn, row))).await?;
            }
            next = found.last_evaluated_key().cloned();
            if next.is_none() {
                return Ok(());
            }
        }
    }

    /// Deletes a row unless it has become one of another stage.
    async fn delete(&self, stage: &StageName, arn: &StageArn, row: &Item) -> Result<(), Error> {
        let delete = self
            .dynamodb
            .delete_item()
            .table_name(&self.table)
            .key("stage", s(stage))
            .key("userId", s(Fields::of("participant", row).text("userId")?))
            .condition_expression("stageArn = :arn")
            .expression_attribute_values(":arn", s(arn));
        match delete.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(DeleteItemError::ConditionalCheckFailedException(_)) => Ok(()),
                _ => Err(AwsFailure::new("dynamodb:DeleteItem", &error).into_error()),
            },
        }
    }
}
