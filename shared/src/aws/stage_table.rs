//! The `stages` table: one row a name. The row's `status` says which of [`StageRow`]'s forms it has.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};

use super::Aws;
use super::failure::AwsFailure;
use super::item::{Fields, Item, item, page, s};
use crate::Error;
use crate::domain::stage::{Admission, Claim, Deletion, Endpoints, Stage, StageChanges, StageRow};
use crate::domain::{ClaimId, Cursor, Limit, Page, StageName, Timestamp, UserId};

/// The `stages` table.
pub struct StageTable {
    dynamodb: Client,
    table: String,
}

impl StageTable {
    /// The table of that name.
    pub fn new(aws: &Aws, table: String) -> Self {
        Self { dynamodb: aws.dynamodb(), table }
    }

    /// The row of that name, read consistently: a caller sees what it was last told. One read.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn read(&self, name: &StageName) -> Result<Option<StageRow>, Error> {
        let got = self.dynamodb.get_item().table_name(&self.table).key("name", s(name)).consistent_read(true);
        let got = got.send().await.map_err(|error| AwsFailure::new("dynamodb:GetItem", &error).into_error())?;
        got.item().map(read_row).transpose()
    }

    /// Claims a name that is free, or one that `lapsed` held. False: somebody else was first.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn claim(&self, claim: &Claim, lapsed: Option<&ClaimId>) -> Result<bool, Error> {
        let put = self
            .dynamodb
            .put_item()
            .table_name(&self.table)
            .set_item(Some(claim_item(claim)))
            .expression_attribute_names("#name", "name")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let put = match lapsed {
            None => put.condition_expression("attribute_not_exists(#name)"),
            // A claim lapses by the clock and is taken over by its id, so that exactly one successor follows it.
            Some(lapsed) => put
                .condition_expression("attribute_exists(#name) AND claimId = :lapsed")
                .expression_attribute_values(":lapsed", s(lapsed)),
        };
        match put.send().await {
            Ok(_) => Ok(true),
            // The SDK may repeat a write whose answer was lost, and then meets its own row.
            Err(error) => match refused_put(&error)? {
                Some(StageRow::Creating(existing)) => Ok(existing.id == claim.id),
                _ => Ok(false),
            },
        }
    }

    /// Ends a claim's lease now, so that the next caller takes over and looks for what may have been created.
    ///
    /// # Errors
    /// What DynamoDB fails with; a claim that is lost already is none.
    pub async fn lapse(&self, claim: &Claim, now: Timestamp) -> Result<(), Error> {
        let update = self
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .key("name", s(&claim.name))
            .update_expression("SET leaseUntil = :now")
            .condition_expression("claimId = :claim")
            .expression_attribute_values(":now", s(now))
            .expression_attribute_values(":claim", s(&claim.id));
        match update.send().await {
            Ok(_) => Ok(()),
            Err(error) => refused_update(&error).map(drop),
        }
    }

    /// Frees the name of a claim under which nothing exists.
    ///
    /// # Errors
    /// What DynamoDB fails with; a claim that is lost already is none.
    pub async fn release(&self, claim: &Claim) -> Result<(), Error> {
        self.delete_if(&claim.name, "claimId", s(&claim.id)).await
    }

    /// Turns a claim into a stage. False: the claim was lost.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn commit(&self, stage: &Stage, claim: &ClaimId) -> Result<bool, Error> {
        let put = self
            .dynamodb
            .put_item()
            .table_name(&self.table)
            .set_item(Some(stage_item(stage)))
            .condition_expression("claimId = :claim")
            .expression_attribute_values(":claim", s(claim))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match put.send().await {
            Ok(_) => Ok(true),
            // As with a claim: a repeated write may meet its own row.
            Err(error) => Ok(matches!(refused_put(&error)?, Some(StageRow::Active(existing)) if existing == *stage)),
        }
    }

    /// Changes a stage that `owner` owns. The inner error is the row that refused, if there is one.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn update(
        &self,
        name: &StageName,
        owner: &UserId,
        changes: StageChanges,
    ) -> Result<Result<Stage, Option<StageRow>>, Error> {
        let mut assignments = Vec::new();
        let mut values = HashMap::from([(":active".to_owned(), s("active")), (":owner".to_owned(), s(owner))]);
        if let Some(live) = changes.live {
            assignments.push("live = :live");
            values.insert(":live".to_owned(), AttributeValue::Bool(live));
        }
        if let Some(admission) = changes.admission {
            assignments.push("admission = :admission");
            values.insert(":admission".to_owned(), s(admission.as_str()));
        }
        let update = self
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .key("name", s(name))
            .update_expression(format!("SET {}", assignments.join(", ")))
            .condition_expression("#status = :active AND #owner = :owner")
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#owner", "owner")
            .set_expression_attribute_values(Some(values))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match update.send().await {
            Ok(updated) => match updated.attributes().map(read_row).transpose()? {
                Some(StageRow::Active(stage)) => Ok(Ok(stage)),
                _ => Err(Error::internal("an updated stage row is not a stage")),
            },
            Err(error) => refused_update(&error).map(Err),
        }
    }

    /// Stores the endpoints that IVS gave anew. A stage that is gone by now is none of its business.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn refresh_endpoints(&self, stage: &Stage, endpoints: &Endpoints) -> Result<(), Error> {
        let update = self
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .key("name", s(&stage.name))
            .update_expression("SET eventsUrl = :events, whipUrl = :whip, endpointsFetchedAt = :fetched")
            .condition_expression("arn = :arn AND #status = :active")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":events", s(&endpoints.events))
            .expression_attribute_values(":whip", s(&endpoints.whip))
            .expression_attribute_values(":fetched", s(endpoints.fetched_at))
            .expression_attribute_values(":arn", s(&stage.arn))
            .expression_attribute_values(":active", s("active"));
        match update.send().await {
            Ok(_) => Ok(()),
            Err(error) => refused_update(&error).map(drop),
        }
    }

    /// Marks a stage as being deleted and takes it off its owner's list. False: it is not that stage any more.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn begin_delete(&self, deletion: &Deletion) -> Result<bool, Error> {
        let update = self
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .key("name", s(&deletion.name))
            .update_expression("SET #status = :deleting REMOVE createdAt")
            .condition_expression("arn = :arn")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":deleting", s("deleting"))
            .expression_attribute_values(":arn", s(&deletion.arn));
        match update.send().await {
            Ok(_) => Ok(true),
            Err(error) => refused_update(&error).map(|_| false),
        }
    }

    /// Frees the name of a stage that is deleted in IVS.
    ///
    /// # Errors
    /// What DynamoDB fails with; a row that is gone already is none.
    pub async fn finish_delete(&self, deletion: &Deletion) -> Result<(), Error> {
        self.delete_if(&deletion.name, "arn", s(&deletion.arn)).await
    }

    async fn delete_if(&self, name: &StageName, field: &str, value: AttributeValue) -> Result<(), Error> {
        let delete = self
            .dynamodb
            .delete_item()
            .table_name(&self.table)
            .key("name", s(name))
            .condition_expression("#field = :value")
            .expression_attribute_names("#field", field)
            .expression_attribute_values(":value", value);
        match delete.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(DeleteItemError::ConditionalCheckFailedException(_)) => Ok(()),
                _ => Err(AwsFailure::new("dynamodb:DeleteItem", &error).into_error()),
            },
        }
    }

    /// The stages of an owner, newest first. One Query on the index, which never holds claims or deletions.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn list(&self, owner: &UserId, limit: Limit, cursor: Option<Cursor>) -> Result<Page<Stage>, Error> {
        let start = cursor.map(|Cursor { at, id }| item([("owner", s(owner)), ("createdAt", s(at)), ("name", s(id))]));
        let query = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .index_name("by-owner")
            .key_condition_expression("#owner = :owner")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":owner", s(owner))
            .scan_index_forward(false)
            .limit(i32::from(limit.get()))
            .set_exclusive_start_key(start);
        let found = query.send().await.map_err(|error| AwsFailure::new("dynamodb:Query", &error).into_error())?;
        let stages: Result<Vec<Stage>, Error> = found.items().iter().map(|item| read_stage(&row(item))).collect();
        page(stages?, found.last_evaluated_key(), "stage", "createdAt", "name")
    }
}

/// The row that refused a conditional write; any other failure is one.
fn refused_put(
    error: &SdkError<PutItemError, aws_sdk_dynamodb::config::http::HttpResponse>,
) -> Result<Option<StageRow>, Error> {
    match error.as_service_error() {
        Some(PutItemError::ConditionalCheckFailedException(refusal)) => refusal.item().map(read_row).transpose(),
        _ => Err(AwsFailure::new("dynamodb:PutItem", error).into_error()),
    }
}

fn refused_update(
    error: &SdkError<UpdateItemError, aws_sdk_dynamodb::config::http::HttpResponse>,
) -> Result<Option<StageRow>, Error> {
    match error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(refusal)) => refusal.item().map(read_row).transpose(),
        _ => Err(AwsFailure::new("dynamodb:UpdateItem", error).into_error()),
    }
}

fn row(item: &Item) -> Fields<'_> {
    Fields::of("stage", item)
}

/// Reads a row in whichever form it has; shared with the participant table, which reads both rows in one call.
pub(super) fn read_row(item: &Item) -> Result<StageRow, Error> {
    let row = row(item);
    match row.text("status")? {
        "creating" => Ok(StageRow::Creating(Claim {
            name: row.parse("name")?,
            owner: row.parse("owner")?,
            admission: read_admission(&row)?,
            id: row.parse("claimId")?,
            lease_until: row.parse("leaseUntil")?,
        })),
        "active" => read_stage(&row).map(StageRow::Active),
        "deleting" => Ok(StageRow::Deleting(Deletion {
            name: row.parse("name")?,
            arn: row.parse("arn")?,
            owner: row.parse("owner")?,
        })),
        _ => Err(Error::internal("a stage row has no valid status")),
    }
}

fn read_stage(row: &Fields<'_>) -> Result<Stage, Error> {
    Ok(Stage {
        name: row.parse("name")?,
        arn: row.parse("arn")?,
        owner: row.parse("owner")?,
        live: row.flag("live")?,
        admission: read_admission(row)?,
        endpoints: Endpoints {
            events: row.text("eventsUrl")?.to_owned(),
            whip: row.text("whipUrl")?.to_owned(),
            fetched_at: row.parse("endpointsFetchedAt")?,
        },
        created_at: row.parse("createdAt")?,
    })
}

fn read_admission(row: &Fields<'_>) -> Result<Admission, Error> {
    match row.text("admission")? {
        "open" => Ok(Admission::Open),
        "hosted" => Ok(Admission::Hosted),
        _ => Err(Error::internal("a stage row has no valid admission")),
    }
}

/// Without `createdAt`, so that the index does not hold it.
fn claim_item(claim: &Claim) -> Item {
    item([
        ("name", s(&claim.name)),
        ("status", s("creating")),
        ("owner", s(&claim.owner)),
        ("admission", s(claim.admission.as_str())),
        ("claimId", s(&claim.id)),
        ("leaseUntil", s(claim.lease_until)),
    ])
}

fn stage_item(stage: &Stage) -> Item {
    item([
        ("name", s(&stage.name)),
        ("status", s("active")),
        ("owner", s(&stage.owner)),
        ("arn", s(&stage.arn)),
        ("live", AttributeValue::Bool(stage.live)),
        ("admission", s(stage.admission.as_str())),
        ("eventsUrl", s(&stage.endpoints.events)),
        ("whipUrl", s(&stage.endpoints.whip)),
        ("endpointsFetchedAt", s(stage.endpoints.fetched_at)),
        ("createdAt", s(stage.created_at)),
    ])
}
