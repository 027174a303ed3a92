//! The rows of a stage's participants, as far as its end goes: they end with it.

use aws_client::{Aws, SdkClient, sdk_client};
use aws_item::{Fields, purge, s};
use aws_sdk_dynamodb::Client;
use model::{Error, StageArn, StageName};

/// The `participants` table, by its keys alone.
pub struct ParticipantRows {
    dynamodb: SdkClient<Client>,
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
        let query = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .key_condition_expression("stage = :stage")
            .filter_expression("stageArn = :arn")
            .projection_expression("userId")
            .expression_attribute_values(":stage", s(stage))
            .expression_attribute_values(":arn", s(arn))
            .consistent_read(true);
        purge(query, |row| {
            let user_id = Fields::of("participant", row).text("userId")?;
            let delete = self.dynamodb.delete_item().table_name(&self.table);
            let delete = delete.key("stage", s(stage)).key("userId", s(user_id));
            Ok(delete.condition_expression("stageArn = :arn").expression_attribute_values(":arn", s(arn)))
        })
        .await
    }
}
