//! The `broadcasts` table, as the API uses it: one row a broadcast. Its indexes hold keys alone, since a running
//! broadcast's row is written every three seconds, and each index that held what changes would be written as well.

use std::collections::HashMap;

use aws_client::{Aws, AwsFailure, SdkClient, sdk_client};
use aws_item::{Fields, Written, batch_get, item, page, query_by_owner, s, update_if};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{KeysAndAttributes, ReturnValuesOnConditionCheckFailure};
use model::broadcast::{BroadcastRow, EndReason, IssuedTicket};
use model::{BroadcastId, Cursor, Error, Limit, Page, Timestamp, UserId};

use crate::row::{self, ENDED, OF, WAITING};

/// The `broadcasts` table.
pub struct BroadcastTable {
    pub(crate) dynamodb: SdkClient<Client>,
    pub(crate) table: String,
}

impl BroadcastTable {
    /// The table of that name.
    pub fn new(aws: &Aws, table: String) -> Self {
        Self { dynamodb: sdk_client!(aws, aws_sdk_dynamodb, "DYNAMODB"), table }
    }

    /// Writes a new row. Its id is random, so there is none in its place.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn create(&self, row: &BroadcastRow) -> Result<(), Error> {
        let put = self.dynamodb.put_item().table_name(&self.table).set_item(Some(row::write(row))).send().await;
        put.map(drop).map_err(|error| AwsFailure::new("dynamodb:PutItem", &error).into_error())
    }

    /// A row, read consistently.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn read(&self, id: &BroadcastId) -> Result<Option<BroadcastRow>, Error> {
        let got = self.dynamodb.get_item().table_name(&self.table).key("broadcast", s(id)).consistent_read(true);
        let got = got.send().await.map_err(|error| AwsFailure::new("dynamodb:GetItem", &error).into_error())?;
        got.item().map(row::read).transpose()
    }

    /// A page of a user's broadcasts, the latest first. Two calls: the index, and the rows. A page may be short and have a
    /// successor.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn of_owner(
        &self,
        owner: &UserId,
        limit: Limit,
        cursor: Option<Cursor>,
    ) -> Result<Page<BroadcastRow>, Error> {
        let query = self.dynamodb.query().table_name(&self.table);
        let found = query_by_owner(query, owner, ("createdAt", "broadcast"), limit, cursor).await?;
        let ids: Result<Vec<BroadcastId>, Error> =
            found.items().iter().map(|item| Fields::of(OF, item).parse("broadcast")).collect();
        let ids = ids?;
        let mut rows = self.read_all(&ids).await?;
        // One that has ended by TTL in between is not there any more.
        let rows = ids.iter().filter_map(|id| rows.remove(id)).collect();
        page(rows, found.last_evaluated_key(), OF, "createdAt", "broadcast")
    }

    /// Rows by their ids, up to 100.
    async fn read_all(&self, ids: &[BroadcastId]) -> Result<HashMap<BroadcastId, BroadcastRow>, Error> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let keys = ids.iter().map(|id| item([("broadcast", s(id))])).collect();
        let keys = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true);
        let keys = keys.build().map_err(Error::internal)?;
        let found = batch_get(self.dynamodb.batch_get_item().request_items(&self.table, keys)).await?;
        let rows = found.get(&self.table).into_iter().flatten();
        rows.map(|item| row::read(item).map(|row| (row.id.clone(), row))).collect()
    }

    /// Puts a ticket into the row in place of any before. False: it is over, or about to be.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn issue(&self, id: &BroadcastId, ticket: &IssuedTicket) -> Result<bool, Error> {
        let mut set = "SET ticketHash = :hash, ticketExpiresAt = :until".to_owned();
        set.push_str(if ticket.server.is_some() { ", ticketServer = :server" } else { " REMOVE ticketServer" });
        let update = self
            .update(id)
            .update_expression(set)
            .condition_expression(
                "attribute_exists(broadcast) AND #state <> :ended AND attribute_not_exists(endRequested)",
            )
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":ended", s(ENDED))
            .expression_attribute_values(":hash", s(&ticket.hash))
            .expression_attribute_values(":until", s(ticket.expires_at));
        let update = match &ticket.server {
            Some(server) => update.expression_attribute_values(":server", s(server)),
            None => update,
        };
        Ok(matches!(update_if(update).await?, Written::Yes(_)))
    }

    /// Ends a broadcast that no server has. False: one has by now, or it is over.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn end_waiting(&self, id: &BroadcastId, reason: EndReason, now: Timestamp) -> Result<bool, Error> {
        let update = self
            .update(id)
            .update_expression(
                "SET #state = :ended, endedAt = :now, endReason = :reason REMOVE ticketHash, ticketExpiresAt, ticketServer",
            )
            .condition_expression("#state = :waiting")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":waiting", s(WAITING))
            .expression_attribute_values(":ended", s(ENDED))
            .expression_attribute_values(":now", s(now))
            .expression_attribute_values(":reason", s(reason.as_str()));
        Ok(matches!(update_if(update).await?, Written::Yes(_)))
    }

    /// Asks whichever server has a broadcast to end it, and lets no ticket be redeemed for it any more. One that is over,
    /// or asked already, stays as it is.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn request_end(&self, id: &BroadcastId, reason: EndReason) -> Result<(), Error> {
        update_if(self.end_requesting(id, reason, "")).await.map(drop)
    }

    /// The update that asks a broadcast's server to end it, under a further condition.
    pub(crate) fn end_requesting(&self, id: &BroadcastId, reason: EndReason, and: &str) -> UpdateItemFluentBuilder {
        self.update(id)
            .update_expression(
                "SET endRequested = if_not_exists(endRequested, :reason) REMOVE ticketHash, ticketExpiresAt, ticketServer",
            )
            .condition_expression(format!("attribute_exists(broadcast) AND #state <> :ended{and}"))
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":ended", s(ENDED))
            .expression_attribute_values(":reason", s(reason.as_str()))
    }

    /// An update of a row. A refusal brings the row as it is.
    pub(crate) fn update(&self, id: &BroadcastId) -> UpdateItemFluentBuilder {
        self.dynamodb
            .update_item()
            .table_name(&self.table)
            .key("broadcast", s(id))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }
}
