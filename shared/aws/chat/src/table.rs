//! The tables `chat-users` and `chat-log`, the first read together with what decides over a chat: stages, channels, rooms, participants and viewers.

use std::collections::HashMap;

use aws_claim::read_row as read_name_row;
use aws_client::{Aws, AwsFailure, SdkClient, sdk_client};
use aws_item::{Fields, Item, Transacted, Written, batch_get, item, n, page, s, transact, update_if};
use aws_room::RoomSchema;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    ConditionCheck, Delete, KeysAndAttributes, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use model::chat::{ChatUser, DisplayName, LogEntry, Standing};
use model::claim::NameRow;
use model::room::{Room, Subject, SubjectArn};
use model::{Cursor, Error, Limit, Page, RowVersion, Timestamp, UserId};

use crate::subject::{CHANNEL_FIELDS, STAGE_FIELDS, SubjectRow};
use crate::{log, row};

/// The names of the tables.
#[derive(Debug, Clone)]
pub struct TableNames {
    /// `chat-users`.
    pub users: String,
    /// `rooms`.
    pub rooms: String,
    /// `stages`.
    pub stages: String,
    /// `channels`, of which no stream key is read.
    pub channels: String,
    /// `participants`.
    pub participants: String,
    /// `viewers`.
    pub viewers: String,
    /// `chat-log`.
    pub log: String,
}

/// What decides over a user's chat.
pub struct ChatTables {
    dynamodb: SdkClient<Client>,
    names: TableNames,
}

/// What is known of a subject's chat, and of a user there.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) subject: SubjectRow,
    room: Option<NameRow<Room>>,
    /// The rows of users that were asked for and are there, perhaps of an earlier room.
    stored: Vec<ChatUser>,
}

impl Known {
    /// The room, if it is that of the subject as it is today.
    pub(crate) fn room(&self) -> Option<&Room> {
        match &self.room {
            Some(NameRow::Active(room)) if room.subject == self.subject.arn => Some(room),
            _ => None,
        }
    }

    /// A user whose row was asked for, as a user of that room.
    pub(crate) fn user(&self, room: &Room, user_id: &UserId) -> ChatUser {
        ChatUser::of(&room.name, &room.arn, user_id, self.stored(user_id).cloned())
    }

    /// What has been said of such a user; without a room, nothing.
    pub(crate) fn standing(&self, user_id: &UserId) -> Standing {
        self.room().map(|room| self.user(room, user_id).standing).unwrap_or_default()
    }

    fn stored(&self, user_id: &UserId) -> Option<&ChatUser> {
        self.stored.iter().find(|stored| stored.user_id == *user_id)
    }

    /// The display name that a user's stored row has a reservation of, in that room.
    fn name_before(&self, room: &Room, user_id: &UserId) -> Option<&DisplayName> {
        let stored = self.stored(user_id).filter(|stored| stored.room_arn == room.arn);
        stored.and_then(|stored| stored.display_name.as_ref())
    }
}

/// What came of a write of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UserWritten {
    Yes,
    /// Somebody else has written the row in between.
    Contended,
    /// Another user has the display name.
    NameTaken,
}

impl ChatTables {
    /// The tables of these names.
    pub fn new(aws: &Aws, names: TableNames) -> Self {
        Self { dynamodb: sdk_client!(aws, aws_sdk_dynamodb, "DYNAMODB"), names }
    }

    /// All that decides over a user's chat, consistently and in one call, but for an invitation to a channel; and the row
    /// of another user, whom they mean.
    pub(crate) async fn read(
        &self,
        subject: &Subject,
        user_id: &UserId,
        other: Option<&UserId>,
        now: Timestamp,
    ) -> Result<Known, Error> {
        let TableNames { users, rooms, stages, channels, participants, .. } = &self.names;
        let (table, name, fields, own) = match subject {
            Subject::Stage(name) => (stages, s(name), STAGE_FIELDS, ("#live", "live")),
            Subject::Channel(name) => (channels, s(name), CHANNEL_FIELDS, ("#type", "type")),
        };
        let of_subject = KeysAndAttributes::builder()
            .keys(item([("name", name.clone())]))
            .consistent_read(true)
            .projection_expression(fields)
            .expression_attribute_names("#name", "name")
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_names(own.0, own.1);
        let of_subject = of_subject.build().map_err(Error::internal)?;
        let these = |keys: Vec<Item>| {
            let keys = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true);
            keys.build().map_err(Error::internal)
        };
        let room = subject.room();
        let who = [Some(user_id), other.filter(|other| *other != user_id)];
        let mut batch = self
            .dynamodb
            .batch_get_item()
            .request_items(table, of_subject)
            .request_items(rooms, these(vec![item([("name", s(&room))])])?)
            .request_items(users, these(who.into_iter().flatten().map(|user_id| row::key(&room, user_id)).collect())?);
        if let Subject::Stage(_) = subject {
            let of_caller = KeysAndAttributes::builder()
                .keys(item([("stage", name), ("userId", s(user_id))]))
                .consistent_read(true)
                .projection_expression("stage, userId, stageArn, standing, grantedCapabilities");
            batch = batch.request_items(participants, of_caller.build().map_err(Error::internal)?);
        }
        let found = batch_get(batch).await?;
        let first = |table: &str| found.get(table)?.first();
        Ok(Known {
            subject: SubjectRow::of(subject, first(table), first(participants), now)?,
            room: first(rooms).map(read_name_row::<RoomSchema>).transpose()?,
            stored: row::read_all(found.get(users).into_iter().flatten())?,
        })
    }

    /// Whether a user is invited to a channel. One read.
    pub(crate) async fn is_invited(&self, channel: &SubjectArn, user_id: &UserId) -> Result<bool, Error> {
        let got = self
            .dynamodb
            .get_item()
            .table_name(&self.names.viewers)
            .set_key(Some(item([("channelArn", s(channel)), ("userId", s(user_id))])))
            .consistent_read(true)
            .projection_expression("userId");
        let got = got.send().await.map_err(|error| AwsFailure::new("dynamodb:GetItem", &error).into_error())?;
        Ok(got.item().is_some())
    }

    /// Writes a user on top of what was read. With a display name of theirs it takes that, too, and the one before is free
    /// again.
    pub(crate) async fn write(
        &self,
        known: &Known,
        room: &Room,
        user: ChatUser,
        now: Timestamp,
    ) -> Result<UserWritten, Error> {
        let next = ChatUser { version: Some(RowVersion::random()?), ..user };
        let before = known.stored(&next.user_id).and_then(|stored| stored.version.as_ref());
        let change = Change::of(&next, before);
        let Some(name) = &next.display_name else {
            let update = self
                .dynamodb
                .update_item()
                .table_name(&self.names.users)
                .set_key(Some(row::key(&next.room, &next.user_id)))
                .update_expression(change.expression)
                .condition_expression(change.condition)
                .set_expression_attribute_names(Some(change.names))
                .set_expression_attribute_values(Some(change.values))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            return match update_if(update).await? {
                Written::Yes(_) => Ok(UserWritten::Yes),
                Written::No(row) => is_written(row.as_ref(), &next),
            };
        };
        let update = self.update(&next, change)?;
        // A name whose time is over may still be there: TTL takes its time.
        let take = Put::builder()
            .table_name(&self.names.users)
            .set_item(Some(row::name_item(&next, name)))
            .condition_expression("attribute_not_exists(userId) OR takenBy = :user OR roomArn <> :arn OR #ttl < :now")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":user", s(&next.user_id))
            .expression_attribute_values(":arn", s(&next.room_arn))
            .expression_attribute_values(":now", n(now.epoch_seconds()));
        let take = take.build().map_err(Error::internal)?;
        let mut parts = vec![update, TransactWriteItem::builder().put(take).build()];
        if let Some(old) = known.name_before(room, &next.user_id).filter(|old| old.skeleton() != name.skeleton()) {
            let free = Delete::builder()
                .table_name(&self.names.users)
                .set_key(Some(row::name_key(&next.room, old)))
                // Somebody else's by now, if its time was over.
                .condition_expression("attribute_not_exists(userId) OR takenBy = :user")
                .expression_attribute_values(":user", s(&next.user_id));
            let free = free.build().map_err(Error::internal)?;
            parts.push(TransactWriteItem::builder().delete(free).build());
        }
        match transact(&self.dynamodb, parts).await? {
            Transacted::Yes => Ok(UserWritten::Yes),
            Transacted::Refused(0, row) => is_written(row.as_ref(), &next),
            Transacted::Refused(1, _) => Ok(UserWritten::NameTaken),
            Transacted::Refused(..) => Ok(UserWritten::Contended),
        }
    }

    /// Writes what was said of a user on top of what was read, and its entries in the log, all or nothing, and as long as
    /// the room is there: its end deletes the rows that it finds. False: it is not as it was read.
    pub(crate) async fn write_standing(
        &self,
        room: &Room,
        user: &ChatUser,
        entries: &[LogEntry],
    ) -> Result<bool, Error> {
        let next = ChatUser { version: Some(RowVersion::random()?), ..user.clone() };
        let there = ConditionCheck::builder()
            .table_name(&self.names.rooms)
            .key("name", s(&room.name))
            .condition_expression("arn = :arn AND #status = :active")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":arn", s(&room.arn))
            .expression_attribute_values(":active", s("active"));
        let there = there.build().map_err(Error::internal)?;
        let there = TransactWriteItem::builder().condition_check(there).build();
        let mut parts = vec![there, self.update(&next, Change::of(&next, user.version.as_ref()))?];
        for entry in entries {
            let put = Put::builder().table_name(&self.names.log).set_item(Some(log::item_of(room, entry)?));
            parts.push(TransactWriteItem::builder().put(put.build().map_err(Error::internal)?).build());
        }
        Ok(matches!(transact(&self.dynamodb, parts).await?, Transacted::Yes))
    }

    /// Writes an entry of the log.
    pub(crate) async fn write_entry(&self, room: &Room, entry: &LogEntry) -> Result<(), Error> {
        let put = self.dynamodb.put_item().table_name(&self.names.log).set_item(Some(log::item_of(room, entry)?));
        put.send().await.map(drop).map_err(|error| AwsFailure::new("dynamodb:PutItem", &error).into_error())
    }

    /// The users of a room that something has been said of, the latest first. One Query on the index, which follows a
    /// write within moments.
    pub(crate) async fn moderated(
        &self,
        room: &Room,
        limit: Limit,
        cursor: Option<Cursor>,
    ) -> Result<Page<ChatUser>, Error> {
        let start =
            cursor.map(|Cursor { at, id }| item([("room", s(&room.name)), ("changedAt", s(at)), ("userId", s(id))]));
        let query = self
            .dynamodb
            .query()
            .table_name(&self.names.users)
            .index_name("by-change")
            .key_condition_expression("room = :room")
            .filter_expression("roomArn = :arn")
            .expression_attribute_values(":room", s(&room.name))
            .expression_attribute_values(":arn", s(&room.arn))
            .scan_index_forward(false)
            .limit(i32::from(limit.get()))
            .set_exclusive_start_key(start);
        let found = query.send().await.map_err(|error| AwsFailure::new("dynamodb:Query", &error).into_error())?;
        page(row::read_all(found.items())?, found.last_evaluated_key(), "chat user", "changedAt", "userId")
    }

    /// What was done in a room, the latest first. One Query; entries whose time is over are left out, before TTL has
    /// deleted them.
    pub(crate) async fn log(
        &self,
        room: &Room,
        now: Timestamp,
        limit: Limit,
        cursor: Option<Cursor>,
    ) -> Result<Page<LogEntry>, Error> {
        let oldest = LogEntry::oldest(now);
        // DynamoDB refuses to start outside of what it is asked for, and there is nothing to be found.
        if cursor.as_ref().is_some_and(|cursor| cursor.at < oldest) {
            return Ok(Page { items: Vec::new(), cursor: None });
        }
        let query = self
            .dynamodb
            .query()
            .table_name(&self.names.log)
            .key_condition_expression("room = :room AND #at >= :oldest")
            .filter_expression("roomArn = :arn")
            .expression_attribute_names("#at", "at")
            .expression_attribute_values(":room", s(&room.name))
            .expression_attribute_values(":oldest", s(oldest))
            .expression_attribute_values(":arn", s(&room.arn))
            .scan_index_forward(false)
            .limit(i32::from(limit.get()))
            .set_exclusive_start_key(cursor.map(|cursor| log::key(&room.name, &cursor)));
        let found = query.send().await.map_err(|error| AwsFailure::new("dynamodb:Query", &error).into_error())?;
        let entries: Result<Vec<LogEntry>, Error> = found.items().iter().map(log::read).collect();
        let cursor = found.last_evaluated_key().map(|key| log::position(&Fields::of("chat log", key))).transpose()?;
        Ok(Page { items: entries?, cursor })
    }

    fn update(&self, next: &ChatUser, change: Change) -> Result<TransactWriteItem, Error> {
        let update = Update::builder()
            .table_name(&self.names.users)
            .set_key(Some(row::key(&next.room, &next.user_id)))
            .update_expression(change.expression)
            .condition_expression(change.condition)
            .set_expression_attribute_names(Some(change.names))
            .set_expression_attribute_values(Some(change.values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        Ok(TransactWriteItem::builder().update(update.build().map_err(Error::internal)?).build())
    }
}

/// An update that sets every attribute of ours, or takes it away, and leaves those of others.
struct Change {
    expression: String,
    condition: &'static str,
    names: HashMap<String, String>,
    values: Item,
}

impl Change {
    fn of(next: &ChatUser, before: Option<&RowVersion>) -> Self {
        let (mut sets, mut removes) = (Vec::new(), Vec::new());
        let (mut names, mut values) = (HashMap::new(), Item::new());
        for (name, value) in row::attributes(next) {
            names.insert(format!("#{name}"), name.to_owned());
            match value {
                Some(value) => {
                    sets.push(format!("#{name} = :{name}"));
                    values.insert(format!(":{name}"), value);
                }
                None => removes.push(format!("#{name}")),
            }
        }
        let condition = match before {
            None => "attribute_not_exists(#version)",
            Some(before) => {
                values.insert(":before".to_owned(), s(before));
                "#version = :before"
            }
        };
        let removes = if removes.is_empty() { String::new() } else { format!(" REMOVE {}", removes.join(", ")) };
        Self { expression: format!("SET {}{removes}", sets.join(", ")), condition, names, values }
    }
}

/// The SDK may repeat a write whose answer was lost, and then meets its own row.
fn is_written(existing: Option<&Item>, next: &ChatUser) -> Result<UserWritten, Error> {
    let existing = existing.map(row::read).transpose()?.flatten();
    let is_ours = existing.is_some_and(|existing| existing.version == next.version);
    Ok(if is_ours { UserWritten::Yes } else { UserWritten::Contended })
}
