//! The `stage-sessions` table: one row a participant that has published in a stage. `presence` is there until the
//! participant is known to have left, and makes the index `by-presence` sparse. Every row ends by TTL.

use aws_client::{Aws, AwsFailure, SdkClient, sdk_client};
use aws_item::{Fields, Item, Written, item, n, put_if, s};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use model::session::{Change, Row};
use model::{Error, ParticipantId, SessionId, StageArn, Timestamp};

/// What a row is of, for messages.
const OF: &str = "stage session";
/// What `presence` says. An index partition gives 3,000 read units a second, which is 6,000 stages asked for.
const PRESENT: &str = "present";

/// The `stage-sessions` table.
pub struct SessionTable {
    dynamodb: SdkClient<Client>,
    table: String,
}

/// A participant that is not known to have left its stage, for whoever reconciles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Of which stage.
    pub stage: StageArn,
    /// In which session.
    pub session: SessionId,
    /// Until when that counts.
    pub lease_until: Timestamp,
}

impl SessionTable {
    /// The table of that name.
    pub fn new(aws: &Aws, table: String) -> Self {
        Self { dynamodb: sdk_client!(aws, aws_sdk_dynamodb, "DYNAMODB"), table }
    }

    /// The row of a participant, read consistently.
    pub(crate) async fn read(&self, stage: &StageArn, id: &ParticipantId) -> Result<Option<Row>, Error> {
        let key = item([("stageArn", s(stage)), ("participantId", s(id))]);
        let got = self.dynamodb.get_item().table_name(&self.table).set_key(Some(key)).consistent_read(true);
        let got = got.send().await.map_err(|error| AwsFailure::new("dynamodb:GetItem", &error).into_error())?;
        got.item().map(read_row).transpose()
    }

    /// Writes a row if the one that was seen is still there. False: it is not.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn write(&self, stage: &StageArn, Change { row, seen }: &Change, now: Timestamp) -> Result<bool, Error> {
        let put = self.dynamodb.put_item().table_name(&self.table).set_item(Some(row_item(stage, row, now)));
        let put = match seen {
            None => put.condition_expression("attribute_not_exists(participantId)"),
            Some(seen) => {
                let put = put
                    .expression_attribute_names("#session", "session")
                    .expression_attribute_values(":session", s(&seen.session))
                    .expression_attribute_values(":publishing", AttributeValue::Bool(seen.publishing))
                    .expression_attribute_values(":since", s(seen.since));
                const NEWS: &str = "#session = :session AND publishing = :publishing AND since = :since";
                match seen.first_published {
                    Some(first) => put
                        .condition_expression(format!("{NEWS} AND firstPublished = :first"))
                        .expression_attribute_values(":first", s(first)),
                    None => put.condition_expression(format!("{NEWS} AND attribute_not_exists(firstPublished)")),
                }
            }
        };
        let put = put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match put_if(put).await? {
            Written::Yes(_) => Ok(true),
            // The SDK may repeat a write whose answer was lost, and then meets its own row.
            Written::No(existing) => Ok(existing.as_ref().map(read_row).transpose()?.as_ref() == Some(row)),
        }
    }

    /// The rows of those who are not known to have left a stage. One Query of the index, which holds nothing else: a
    /// stage has at most 12 publishers at a time (IVS Real-Time user guide, "Service Quotas").
    pub(crate) async fn present(&self, stage: &StageArn) -> Result<Vec<Row>, Error> {
        let query = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .index_name("by-presence")
            .key_condition_expression("presence = :present AND stageArn = :stage")
            .expression_attribute_values(":present", s(PRESENT))
            .expression_attribute_values(":stage", s(stage));
        let found = query.send().await.map_err(|error| AwsFailure::new("dynamodb:Query", &error).into_error())?;
        found.items().iter().map(read_row).collect()
    }

    /// Who is not known to have left any stage.
    ///
    /// # Errors
    /// What DynamoDB fails with, on any page.
    pub async fn list_present(&self) -> Result<Vec<Listed>, Error> {
        let (mut listed, mut start) = (Vec::new(), None);
        loop {
            let query = self
                .dynamodb
                .query()
                .table_name(&self.table)
                .index_name("by-presence")
                .key_condition_expression("presence = :present")
                .expression_attribute_values(":present", s(PRESENT))
                .set_exclusive_start_key(start);
            let found = query.send().await.map_err(|error| AwsFailure::new("dynamodb:Query", &error).into_error())?;
            for item in found.items() {
                let row = Fields::of(OF, item);
                let (stage, session) = (row.parse("stageArn")?, row.parse("session")?);
                listed.push(Listed { stage, session, lease_until: row.parse("leaseUntil")? });
            }
            start = found.last_evaluated_key().cloned();
            if start.is_none() {
                return Ok(listed);
            }
        }
    }

    /// All rows of a stage, read consistently.
    ///
    /// # Errors
    /// What DynamoDB fails with, on any page.
    pub async fn rows(&self, stage: &StageArn) -> Result<Vec<Row>, Error> {
        let (mut rows, mut start) = (Vec::new(), None);
        loop {
            let query = self
                .dynamodb
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .key_condition_expression("stageArn = :stage")
                .expression_attribute_values(":stage", s(stage))
                .set_exclusive_start_key(start);
            let found = query.send().await.map_err(|error| AwsFailure::new("dynamodb:Query", &error).into_error())?;
            for item in found.items() {
                rows.push(read_row(item)?);
            }
            start = found.last_evaluated_key().cloned();
            if start.is_none() {
                return Ok(rows);
            }
        }
    }
}

fn row_item(stage: &StageArn, row: &Row, now: Timestamp) -> Item {
    let mut fields = item([
        ("stageArn", s(stage)),
        ("participantId", s(&row.participant_id)),
        ("session", s(&row.session)),
        ("publishing", AttributeValue::Bool(row.publishing)),
        ("since", s(row.since)),
        ("ttl", n((now + Row::KEPT).epoch_seconds())),
    ]);
    fields.extend(row.user_id.as_ref().map(|id| ("userId".to_owned(), s(id))));
    fields.extend(row.first_published.map(|at| ("firstPublished".to_owned(), s(at))));
    if let Some(until) = row.lease_until {
        fields.extend(item([("presence", s(PRESENT)), ("leaseUntil", s(until))]));
    }
    fields
}

fn read_row(item: &Item) -> Result<Row, Error> {
    let row = Fields::of(OF, item);
    Ok(Row {
        participant_id: row.parse("participantId")?,
        user_id: if row.has("userId") { Some(row.parse("userId")?) } else { None },
        session: row.parse("session")?,
        publishing: row.flag("publishing")?,
        since: row.parse("since")?,
        first_published: if row.has("firstPublished") { Some(row.parse("firstPublished")?) } else { None },
        lease_until: if row.has("leaseUntil") { Some(row.parse("leaseUntil")?) } else { None },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_as_it_was_written() {
        let (now, stage) = ("2026-03-01T12:00:00Z".parse().unwrap(), "arn:aws:ivs:us-east-1:000000000000:stage/abc");
        let row = Row {
            participant_id: "p1".parse().unwrap(),
            user_id: "auth0|1".parse().ok(),
            session: "st-a1".parse().unwrap(),
            publishing: true,
            since: "2026-03-01T12:00:00.123456789Z".parse().unwrap(),
            first_published: "2026-03-01T11:59:00Z".parse().ok(),
            lease_until: Some(now),
        };
        let bare = Row { user_id: None, publishing: false, first_published: None, lease_until: None, ..row.clone() };
        for row in [row, bare] {
            assert_eq!(read_row(&row_item(&stage.parse().unwrap(), &row, now)).unwrap(), row);
        }
    }
}
