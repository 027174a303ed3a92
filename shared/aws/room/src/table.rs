//! The `rooms` table: what a row holds of a room besides what every named resource has: `subject`, `rules`,
//! `slowModeSeconds`, `words`, and `sequence`, the number of what was last pushed to the room.

use aws_claim::{NameTable, Schema, read_row};
use aws_client::Aws;
use aws_item::{Fields, Item, Written, batch_get, item, n, s, update_if};
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnValue};
use model::claim::NameRow;
use model::room::{Room, RoomSettings, SubjectArn};
use model::{Error, RoomName};

/// How the rows of `rooms` are written and read.
#[derive(Debug)]
pub enum RoomSchema {}

impl Schema for RoomSchema {
    type Resource = Room;

    fn options_item(subject: &SubjectArn) -> Item {
        item([("subject", s(subject))])
    }

    fn read_options(row: &Fields<'_>) -> Result<SubjectArn, Error> {
        row.parse("subject")
    }

    fn item(room: &Room) -> Item {
        let mut row = Self::options_item(&room.subject);
        row.extend(item([
            ("slowModeSeconds", n(room.settings.slow_mode_seconds)),
            ("words", words(&room.settings.words)),
        ]));
        row.extend(room.settings.rules.as_ref().map(|rules| ("rules".to_owned(), s(rules))));
        row
    }

    fn read(row: &Fields<'_>) -> Result<Room, Error> {
        let slow = row.number("slowModeSeconds")?;
        let words = row.words("words")?.unwrap_or_default();
        Ok(Room {
            name: row.parse("name")?,
            arn: row.parse("arn")?,
            owner: row.parse("owner")?,
            subject: Self::read_options(row)?,
            settings: RoomSettings {
                rules: row.has("rules").then(|| row.text("rules").map(str::to_owned)).transpose()?,
                slow_mode_seconds: slow
                    .try_into()
                    .map_err(|_| Error::internal("a room row has no valid slowModeSeconds"))?,
                words: words.into_iter().map(str::to_owned).collect(),
            },
            created_at: row.parse("createdAt")?,
        })
    }
}

fn words(words: &[String]) -> AttributeValue {
    AttributeValue::L(words.iter().map(s).collect())
}

/// What changes of a room's settings; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct SettingsChanges {
    /// Empty: none any more.
    pub rules: Option<String>,
    /// See [`RoomSettings::slow_mode_seconds`].
    pub slow_mode_seconds: Option<u16>,
    /// See [`RoomSettings::words`].
    pub words: Option<Vec<String>>,
}

/// The `rooms` table.
pub struct RoomTable {
    pub(crate) names: NameTable<RoomSchema>,
    dynamodb: aws_client::SdkClient<aws_sdk_dynamodb::Client>,
    table: String,
}

impl RoomTable {
    /// The table of that name.
    pub fn new(aws: &Aws, table: String) -> Self {
        let dynamodb = aws_client::sdk_client!(aws, aws_sdk_dynamodb, "DYNAMODB");
        Self { names: NameTable::new(aws, table.clone()), dynamodb, table }
    }

    /// The row of a room, read consistently. One read.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn read(&self, name: &RoomName) -> Result<Option<NameRow<Room>>, Error> {
        self.names.read(name).await
    }

    /// Those of these names that are rooms, read consistently. A hundred at most.
    pub(crate) async fn active(&self, names: &[RoomName]) -> Result<Vec<Room>, Error> {
        let keys = names.iter().map(|name| item([("name", s(name))])).collect();
        let keys = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true);
        let keys = keys.build().map_err(Error::internal)?;
        let found = batch_get(self.dynamodb.batch_get_item().request_items(&self.table, keys)).await?;
        let rows = found.into_values().flatten().map(|row| read_row::<RoomSchema>(&row));
        let rows: Vec<NameRow<Room>> = rows.collect::<Result<_, _>>()?;
        let rooms = rows.into_iter().filter_map(|row| if let NameRow::Active(room) = row { Some(room) } else { None });
        Ok(rooms.collect())
    }

    /// Changes the settings of a room, as long as it is that one: the room as it is then. `None`: it is gone.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn change_settings(&self, room: &Room, changes: &SettingsChanges) -> Result<Option<Room>, Error> {
        let mut sets = Vec::new();
        let mut update = self.if_active(room);
        if let Some(seconds) = changes.slow_mode_seconds {
            sets.push("slowModeSeconds = :slow");
            update = update.expression_attribute_values(":slow", n(seconds));
        }
        if let Some(new) = &changes.words {
            sets.push("words = :words");
            update = update.expression_attribute_values(":words", words(new));
        }
        let mut removes = "";
        match changes.rules.as_deref() {
            None => {}
            Some("") => removes = " REMOVE #rules",
            Some(rules) => {
                sets.push("#rules = :rules");
                update = update.expression_attribute_values(":rules", s(rules));
            }
        }
        if changes.rules.is_some() {
            update = update.expression_attribute_names("#rules", "rules");
        }
        let set = if sets.is_empty() { String::new() } else { format!("SET {}", sets.join(", ")) };
        let expression = format!("{set}{removes}");
        if expression.is_empty() {
            return Ok(Some(room.clone()));
        }
        let update = update.update_expression(expression.trim_start()).return_values(ReturnValue::AllNew);
        match update_if(update).await? {
            Written::Yes(Some(row)) => match read_row::<RoomSchema>(&row)? {
                NameRow::Active(room) => Ok(Some(room)),
                _ => Err(Error::internal("an updated room row is not a room")),
            },
            Written::Yes(None) => Err(Error::internal("an updated room row was not returned")),
            Written::No(_) => Ok(None),
        }
    }

    /// The number of what is pushed next to the room of a subject, and the room: one more than the last one's. `None`: it
    /// has no room. One write.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn next_sequence(&self, name: &RoomName, subject: &SubjectArn) -> Result<Option<(Room, u64)>, Error> {
        let update = self
            .names
            .update_row(name)
            .update_expression("ADD #sequence :one")
            .condition_expression("#status = :active AND subject = :subject")
            .expression_attribute_names("#sequence", "sequence")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":active", s("active"))
            .expression_attribute_values(":subject", s(subject))
            .return_values(ReturnValue::AllNew);
        let Written::Yes(Some(row)) = update_if(update).await? else { return Ok(None) };
        let sequence = Fields::of("room", &row).number("sequence")?;
        let sequence = sequence.try_into().map_err(|_| Error::internal("a room row has no valid sequence"))?;
        match read_row::<RoomSchema>(&row)? {
            NameRow::Active(room) => Ok(Some((room, sequence))),
            _ => Err(Error::internal("an updated room row is not a room")),
        }
    }

    fn if_active(&self, room: &Room) -> aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder {
        self.names
            .update_row(&room.name)
            .condition_expression("arn = :arn AND #status = :active")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":arn", s(&room.arn))
            .expression_attribute_values(":active", s("active"))
    }
}
