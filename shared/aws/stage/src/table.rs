//! The `stages` table: what a row holds of a stage, and what changes in it.

use std::collections::HashMap;

use aws_claim::{NameTable, Schema, read_row};
use aws_client::Aws;
use aws_item::{Fields, Item, Written, item, s, update_if};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use model::claim::NameRow;
use model::stage::{Admission, Doors, Endpoints, Stage, StageChanges};
use model::{Error, StageName, UserId};

/// Whether the doors are open. Rows keep this name from the time when the API called it so: a rename takes three
/// releases, and nobody but this file reads it.
const LIVE: &str = "live";

fn live(doors: Doors) -> AttributeValue {
    AttributeValue::Bool(doors == Doors::Open)
}

/// How the rows of `stages` are written and read.
#[derive(Debug)]
pub enum StageRows {}

impl Schema for StageRows {
    type Resource = Stage;

    fn options_item(admission: &Admission) -> Item {
        item([("admission", s(admission.as_str()))])
    }

    fn read_options(row: &Fields<'_>) -> Result<Admission, Error> {
        match row.text("admission")? {
            "open" => Ok(Admission::Open),
            "hosted" => Ok(Admission::Hosted),
            _ => Err(Error::internal("a stage row has no valid admission")),
        }
    }

    fn item(stage: &Stage) -> Item {
        item([
            (LIVE, live(stage.doors)),
            ("admission", s(stage.admission.as_str())),
            ("eventsUrl", s(&stage.endpoints.events)),
            ("whipUrl", s(&stage.endpoints.whip)),
            ("endpointsFetchedAt", s(stage.endpoints.fetched_at)),
        ])
    }

    fn read(row: &Fields<'_>) -> Result<Stage, Error> {
        Ok(Stage {
            name: row.parse("name")?,
            arn: row.parse("arn")?,
            owner: row.parse("owner")?,
            doors: if row.flag(LIVE)? { Doors::Open } else { Doors::Closed },
            admission: Self::read_options(row)?,
            endpoints: Endpoints {
                events: row.text("eventsUrl")?.to_owned(),
                whip: row.text("whipUrl")?.to_owned(),
                fetched_at: row.parse("endpointsFetchedAt")?,
            },
            created_at: row.parse("createdAt")?,
        })
    }
}

/// The `stages` table.
pub struct StageTable {
    pub(crate) names: NameTable<StageRows>,
}

impl StageTable {
    /// The table of that name.
    pub fn new(aws: &Aws, table: String) -> Self {
        Self { names: NameTable::new(aws, table) }
    }

    /// The same, in which an owner has no more stages than this.
    #[must_use]
    pub fn with_most_per_owner(self, most: u32) -> Self {
        Self { names: self.names.with_most_per_owner(most) }
    }

    /// Changes a stage that `owner` owns. The inner error is the row that refused, if there is one.
    pub(crate) async fn update(
        &self,
        name: &StageName,
        owner: &UserId,
        changes: StageChanges,
    ) -> Result<Result<Stage, Option<NameRow<Stage>>>, Error> {
        let mut assignments = Vec::new();
        let mut values = HashMap::from([(":active".to_owned(), s("active")), (":owner".to_owned(), s(owner))]);
        if let Some(doors) = changes.doors {
            assignments.push("live = :live");
            values.insert(":live".to_owned(), live(doors));
        }
        if let Some(admission) = changes.admission {
            assignments.push("admission = :admission");
            values.insert(":admission".to_owned(), s(admission.as_str()));
        }
        let update = self
            .names
            .update_row(name)
            .update_expression(format!("SET {}", assignments.join(", ")))
            .condition_expression("#status = :active AND #owner = :owner")
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#owner", "owner")
            .set_expression_attribute_values(Some(values))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match update_if(update).await? {
            Written::Yes(row) => match row.as_ref().map(read_row::<StageRows>).transpose()? {
                Some(NameRow::Active(stage)) => Ok(Ok(stage)),
                _ => Err(Error::internal("an updated stage row is not a stage")),
            },
            Written::No(row) => row.as_ref().map(read_row::<StageRows>).transpose().map(Err),
        }
    }

    /// Stores the endpoints that IVS gave anew. A stage that is gone by now is none of its business.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn refresh_endpoints(&self, stage: &Stage, endpoints: &Endpoints) -> Result<(), Error> {
        let update = self
            .names
            .update_row(&stage.name)
            .update_expression("SET eventsUrl = :events, whipUrl = :whip, endpointsFetchedAt = :fetched")
            .condition_expression("arn = :arn AND #status = :active")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":events", s(&endpoints.events))
            .expression_attribute_values(":whip", s(&endpoints.whip))
            .expression_attribute_values(":fetched", s(endpoints.fetched_at))
            .expression_attribute_values(":arn", s(&stage.arn))
            .expression_attribute_values(":active", s("active"));
        NameTable::<StageRows>::was_accepted(update).await.map(drop)
    }
}
