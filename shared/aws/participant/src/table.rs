//! The `participants` table: one row a user of a stage. Rows with nothing to say end by TTL.

use aws_claim::read_row as read_name_row;
use aws_client::{Aws, AwsFailure, SdkClient, sdk_client};
use aws_item::{Item, Written, item, page, put_if, s};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{KeysAndAttributes, ReturnValuesOnConditionCheckFailure};
use aws_stage::StageRows;
use model::claim::NameRow;
use model::participant::Participant;
use model::stage::Stage;
use model::{Cursor, Error, Limit, Page, RowVersion, StageName, Timestamp, UserId};

use crate::row::{participant_item, read_row};

/// The `participants` table, read together with `stages`.
pub struct ParticipantTable {
    dynamodb: SdkClient<Client>,
    table: String,
    stages_table: String,
}

impl ParticipantTable {
    /// The tables of those names.
    pub fn new(aws: &Aws, table: String, stages_table: String) -> Self {
        Self { dynamodb: sdk_client!(aws, aws_sdk_dynamodb, "DYNAMODB"), table, stages_table }
    }

    /// The row of the stage and that of the user, consistently and in one call.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn read_with_stage(
        &self,
        stage: &StageName,
        user_id: &UserId,
    ) -> Result<(Option<NameRow<Stage>>, Option<Participant>), Error> {
        let one =
            |key: Item| KeysAndAttributes::builder().keys(key).consistent_read(true).build().map_err(Error::internal);
        let batch = self
            .dynamodb
            .batch_get_item()
            .request_items(&self.stages_table, one(item([("name", s(stage))]))?)
            .request_items(&self.table, one(item([("stage", s(stage)), ("userId", s(user_id))]))?);
        let found = aws_item::batch_get(batch).await?;
        let row = |table: &str| found.get(table)?.first();
        let stage = row(&self.stages_table).map(read_name_row::<StageRows>).transpose()?;
        let participant = row(&self.table).map(read_row).transpose()?;
        Ok((stage, participant))
    }

    /// Writes a row on top of the version that was read, and gives it its new one. False: somebody else wrote in
    /// between.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn write(&self, participant: &mut Participant) -> Result<bool, Error> {
        let next = Participant { version: Some(RowVersion::random()?), ..participant.clone() };
        let put = self
            .dynamodb
            .put_item()
            .table_name(&self.table)
            .set_item(Some(participant_item(&next)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let put = match &participant.version {
            None => put.condition_expression("attribute_not_exists(userId)"),
            Some(version) => put
                .condition_expression("#version = :version")
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":version", s(version)),
        };
        let written = match put_if(put).await? {
            Written::Yes(_) => true,
            // The SDK may repeat a write whose answer was lost, and then meets its own row.
            Written::No(existing) => {
                existing.as_ref().map(read_row).transpose()?.is_some_and(|existing| existing == next)
            }
        };
        if written {
            participant.version = next.version;
        }
        Ok(written)
    }

    /// Who holds an unexpired token for the stage, newest first. One Query on the index; expired rows that TTL has not
    /// deleted yet are left out, so a page may be short and still have a successor.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn list(
        &self,
        stage: &Stage,
        now: Timestamp,
        limit: Limit,
        cursor: Option<Cursor>,
    ) -> Result<Page<Participant>, Error> {
        let oldest = Participant::oldest_issue(now);
        // DynamoDB refuses to start outside of what it is asked for, and there is nothing to be found.
        if cursor.as_ref().is_some_and(|cursor| cursor.at < oldest) {
            return Ok(Page { items: Vec::new(), cursor: None });
        }
        let start = cursor.map(|Cursor { at, id }| {
            item([("stageArn", s(&stage.arn)), ("issuedAt", s(at)), ("stage", s(&stage.name)), ("userId", s(id))])
        });
        let query = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .index_name("by-stage")
            .key_condition_expression("stageArn = :arn AND issuedAt >= :oldest")
            .filter_expression("heldUntil > :now")
            .expression_attribute_values(":arn", s(&stage.arn))
            .expression_attribute_values(":now", s(now))
            .expression_attribute_values(":oldest", s(oldest))
            .scan_index_forward(false)
            .limit(i32::from(limit.get()))
            .set_exclusive_start_key(start);
        let found = query.send().await.map_err(|error| AwsFailure::new("dynamodb:Query", &error).into_error())?;
        let participants: Result<Vec<Participant>, Error> = found.items().iter().map(read_row).collect();
        page(participants?, found.last_evaluated_key(), "participant", "issuedAt", "userId")
    }
}
