//! The `servers` table: one row a task. `pool` is there while the task can take a broadcast, and makes the index
//! `by-pool` sparse; any other row ends by TTL. What a server says of its own room is in `room`.

use aws_client::{Aws, AwsFailure, SdkClient, sdk_client};
use aws_item::{Fields, Item, Written, item, n, put_if, s};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use model::server::{Change, Guard, Segment, Server, State, TaskRow};
use model::{Error, TaskId, Timestamp};

/// What a row is of, for messages.
pub(crate) const OF: &str = "server";
/// The one pool that there is. An index partition gives 3,000 read units a second, which is 6,000 pages of 20.
const POOL: &str = "servers";

/// The `servers` table.
pub struct ServerTable {
    pub(crate) dynamodb: SdkClient<Client>,
    pub(crate) table: String,
}

impl ServerTable {
    /// The table of that name.
    pub fn new(aws: &Aws, table: String) -> Self {
        Self { dynamodb: sdk_client!(aws, aws_sdk_dynamodb, "DYNAMODB"), table }
    }

    /// The row of a task, read consistently.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn read(&self, id: &TaskId) -> Result<Option<TaskRow>, Error> {
        let got = self.dynamodb.get_item().table_name(&self.table).key("taskId", s(id)).consistent_read(true);
        let got = got.send().await.map_err(|error| AwsFailure::new("dynamodb:GetItem", &error).into_error())?;
        got.item().map(read_row).transpose()
    }

    /// Writes a row if its guard holds. False: it does not.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn write(&self, Change { row, guard }: &Change, now: Timestamp) -> Result<bool, Error> {
        let put = self.dynamodb.put_item().table_name(&self.table).set_item(Some(row_item(row, now)));
        let put = match guard {
            Guard::Newer => put
                .condition_expression("attribute_not_exists(taskId) OR version < :version")
                .expression_attribute_values(":version", n(row.version)),
            Guard::Unchanged(seen) => put
                .condition_expression("version = :version AND #state = :state")
                .expression_attribute_names("#state", "state")
                .expression_attribute_values(":version", n(seen.version))
                .expression_attribute_values(":state", s(seen.state.as_str())),
        };
        let put = put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match put_if(put).await? {
            Written::Yes(_) => Ok(true),
            // The SDK may repeat a write whose answer was lost, and then meets its own row.
            Written::No(existing) => Ok(existing.as_ref().map(read_row).transpose()?.as_ref() == Some(row)),
        }
    }

    /// Up to so many of the servers that can take a broadcast, in the order of their ids, and the last of them if there
    /// may be more in the segment. One Query; the index holds nothing else.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn offered(
        &self,
        segment: &Segment,
        after: Option<&TaskId>,
        limit: usize,
    ) -> Result<(Vec<Server>, Option<TaskId>), Error> {
        let query = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .index_name("by-pool")
            .expression_attribute_names("#pool", "pool")
            .expression_attribute_values(":pool", s(POOL))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(after.map(|after| item([("pool", s(POOL)), ("taskId", s(after))])));
        let query = match segment {
            Segment::Whole => query.key_condition_expression("#pool = :pool"),
            Segment::From(place) => query
                .key_condition_expression("#pool = :pool AND taskId >= :place")
                .expression_attribute_values(":place", s(place)),
            Segment::Before(place) => query
                .key_condition_expression("#pool = :pool AND taskId < :place")
                .expression_attribute_values(":place", s(place)),
        };
        let found = query.send().await.map_err(|error| AwsFailure::new("dynamodb:Query", &error).into_error())?;
        let servers: Result<_, _> = found.items().iter().map(|item| read_server(&Fields::of(OF, item))).collect();
        let last = found.last_evaluated_key().map(|key| Fields::of(OF, key).parse("taskId")).transpose()?;
        Ok((servers?, last))
    }
}

fn row_item(row: &TaskRow, now: Timestamp) -> Item {
    let mut fields = item([("taskId", s(&row.id)), ("version", n(row.version)), ("state", s(row.state.as_str()))]);
    match &row.state {
        State::Offered(server) => {
            fields.extend(item([("pool", s(POOL)), ("publicIp", s(server.public_ip))]));
            fields.extend(server.availability_zone.as_ref().map(|zone| ("availabilityZone".to_owned(), s(zone))));
            fields.extend(server.started_at.map(|at| ("startedAt".to_owned(), s(at))));
        }
        State::Unreachable | State::Draining | State::Stopped => {
            fields.extend(item([("ttl", n((now + State::KEPT).epoch_seconds()))]));
        }
    }
    fields
}

fn read_row(item: &Item) -> Result<TaskRow, Error> {
    let row = Fields::of(OF, item);
    let state = match row.text("state")? {
        "offered" => State::Offered(read_server(&row)?),
        "unreachable" => State::Unreachable,
        "draining" => State::Draining,
        "stopped" => State::Stopped,
        _ => return Err(Error::internal("a server row has no valid state")),
    };
    Ok(TaskRow { id: row.parse("taskId")?, version: row.number("version")?, state })
}

pub(crate) fn read_server(row: &Fields<'_>) -> Result<Server, Error> {
    let optional = |field| if row.has(field) { row.text(field).map(Some) } else { Ok(None) };
    Ok(Server {
        id: row.parse("taskId")?,
        public_ip: row.parse("publicIp")?,
        availability_zone: optional("availabilityZone")?.map(str::to_owned),
        started_at: if row.has("startedAt") { Some(row.parse("startedAt")?) } else { None },
    })
}
