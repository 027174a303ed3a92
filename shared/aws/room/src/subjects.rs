//! The stages and channels that rooms belong to, by what of their rows decides over a room.

use aws_client::{Aws, SdkClient, sdk_client};
use aws_item::{Fields, Item, batch_get, item, s};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::KeysAndAttributes;
use model::room::{Fate, Room, Subject, fate};
use model::{Error, RoomName};

/// The tables `stages` and `channels`, of which nothing else is read here.
pub struct SubjectTables {
    dynamodb: SdkClient<Client>,
    stages: String,
    channels: String,
}

impl SubjectTables {
    /// The tables of these names.
    pub fn new(aws: &Aws, stages: String, channels: String) -> Self {
        Self { dynamodb: sdk_client!(aws, aws_sdk_dynamodb, "DYNAMODB"), stages, channels }
    }

    /// What is to become of a room. One read, consistent.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub(crate) async fn fate(&self, room: &Room) -> Result<Fate, Error> {
        let fates = self.fates(std::slice::from_ref(room)).await?;
        fates.first().copied().ok_or_else(|| Error::internal("a room has no fate"))
    }

    /// The same of up to a hundred rooms, in their order.
    pub(crate) async fn fates(&self, rooms: &[Room]) -> Result<Vec<Fate>, Error> {
        let subjects: Vec<(&str, String)> = rooms.iter().map(|room| self.place(&room.name)).collect();
        let mut batch = self.dynamodb.batch_get_item();
        for table in [&self.stages, &self.channels] {
            let keys = subjects.iter().filter(|(of, _)| of == table).map(|(_, name)| item([("name", s(name))]));
            let keys: Vec<Item> = keys.collect();
            if !keys.is_empty() {
                batch = batch.request_items(table, what_decides(keys)?);
            }
        }
        if rooms.is_empty() {
            return Ok(Vec::new());
        }
        let found = batch_get(batch).await?;
        let fates = rooms.iter().zip(&subjects).map(|(room, (table, name))| {
            let mut rows = found.get(*table).into_iter().flatten().map(|row| Fields::of("subject", row));
            let row = rows.find(|row| row.text("name").is_ok_and(|found| found == name)).filter(|row| row.has("arn"));
            let row =
                row.map(|row| Ok::<_, Error>((row.text("arn")?, row.text("status")? == "deleting"))).transpose()?;
            Ok(fate(room, row))
        });
        fates.collect()
    }

    /// The table of what a room belongs to, and its name there.
    fn place(&self, room: &RoomName) -> (&str, String) {
        match Subject::from(room) {
            Subject::Stage(name) => (&self.stages, name.to_string()),
            Subject::Channel(name) => (&self.channels, name.to_string()),
        }
    }
}

fn what_decides(keys: Vec<Item>) -> Result<KeysAndAttributes, Error> {
    let keys = KeysAndAttributes::builder()
        .set_keys(Some(keys))
        .consistent_read(true)
        .projection_expression("#name, #status, arn")
        .expression_attribute_names("#name", "name")
        .expression_attribute_names("#status", "status");
    keys.build().map_err(Error::internal)
}
