//! The index `by-removal` of the `participants` table: the users who are removed from a stage, by its ARN, and nobody else.

use aws_client::{Aws, AwsFailure, SdkClient, sdk_client};
use aws_item::{Fields, s};
use aws_sdk_dynamodb::Client;
use model::{Error, StageArn, UserId};

/// The `participants` table, as far as removals go.
pub struct RemovalTable {
    dynamodb: SdkClient<Client>,
    table: String,
}

impl RemovalTable {
    /// The table of that name.
    pub fn new(aws: &Aws, table: String) -> Self {
        Self { dynamodb: sdk_client!(aws, aws_sdk_dynamodb, "DYNAMODB"), table }
    }

    /// Whether a user is removed from a stage. One Query on the index, which follows a write within moments; who is in it
    /// may have been let in again, which the row says: another read.
    pub(crate) async fn has(&self, stage: &StageArn, user_id: &UserId) -> Result<bool, Error> {
        let query = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .index_name("by-removal")
            .key_condition_expression("removedFrom = :arn AND userId = :user")
            .expression_attribute_values(":arn", s(stage))
            .expression_attribute_values(":user", s(user_id));
        let found = query.send().await.map_err(|error| AwsFailure::new("dynamodb:Query", &error).into_error())?;
        // A stage has one name.
        let Some(removed) = found.items().first() else { return Ok(false) };
        let get = self
            .dynamodb
            .get_item()
            .table_name(&self.table)
            .key("stage", s(Fields::of("participant", removed).text("stage")?))
            .key("userId", s(user_id))
            .projection_expression("removedFrom")
            .consistent_read(true);
        let got = get.send().await.map_err(|error| AwsFailure::new("dynamodb:GetItem", &error).into_error())?;
        Ok(got.item().is_some_and(|row| row.get("removedFrom") == Some(&s(stage))))
    }
}
