//! The index `by-arn` of the `rooms` table: what holds in a room.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_client::{Aws, AwsFailure, SdkClient, sdk_client};
use aws_item::{Fields, Item, s};
use aws_sdk_dynamodb::Client;
use model::chat::review::Words;
use model::{Error, RoomArn, RoomName, Timestamp};

/// How long what was read holds: an owner's change may be that late.
const KEPT: Duration = Duration::from_secs(5);
/// Rooms that are remembered at a time.
const MOST: usize = 1_000;

/// What holds in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewRoom {
    /// Its name, by which its users' rows are found.
    pub name: RoomName,
    /// Seconds between two messages of one user; 0 for none.
    pub slow_mode_seconds: u32,
    /// What nobody may say there.
    pub words: Words,
}

/// The `rooms` table, as far as a review goes. What it has read is kept for some seconds.
pub struct ReviewRooms {
    dynamodb: SdkClient<Client>,
    table: String,
    kept: Mutex<HashMap<RoomArn, Kept>>,
}

/// What was read of a room, and until when it holds.
type Kept = (Timestamp, Arc<ReviewRoom>);

impl ReviewRooms {
    /// The table of that name.
    pub fn new(aws: &Aws, table: String) -> Self {
        Self { dynamodb: sdk_client!(aws, aws_sdk_dynamodb, "DYNAMODB"), table, kept: Mutex::default() }
    }

    /// What holds in the room of this ARN; `None` if there is no row of it. One Query on the index, which follows a write
    /// within moments, and none for as long as what was read is kept. That there is none is not: it may come in a moment.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn get(&self, now: Timestamp, arn: &RoomArn) -> Result<Option<Arc<ReviewRoom>>, Error> {
        if let Some((until, room)) = self.lock().get(arn)
            && now < *until
        {
            return Ok(Some(Arc::clone(room)));
        }
        let query = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .index_name("by-arn")
            .key_condition_expression("arn = :arn")
            .expression_attribute_values(":arn", s(arn));
        let found = query.send().await.map_err(|error| AwsFailure::new("dynamodb:Query", &error).into_error())?;
        let Some(room) = found.items().first().map(read).transpose()?.map(Arc::new) else { return Ok(None) };
        let mut kept = self.lock();
        if kept.len() >= MOST {
            kept.clear();
        }
        kept.insert(arn.clone(), (now + KEPT, Arc::clone(&room)));
        Ok(Some(room))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RoomArn, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(row: &Item) -> Result<ReviewRoom, Error> {
    let row = Fields::of("room", row);
    // A room that is being deleted may have lost its settings.
    let slow_mode = if row.has("slowModeSeconds") { row.number("slowModeSeconds")? } else { 0 };
    Ok(ReviewRoom {
        name: row.parse("name")?,
        slow_mode_seconds: slow_mode
            .try_into()
            .map_err(|_| Error::internal("the room row has no valid slowModeSeconds"))?,
        words: Words::new(row.words("words")?.unwrap_or_default()),
    })
}
