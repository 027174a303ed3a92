//! How a row of `chat-users` is written and read.
//!
//! | key | attributes |
//! |---|---|
//! | `room` is the room's name, `userId` the user | `roomArn`, `version`, `moderator`, `muted`, `removed`, `changedAt`, `displayName`, `paidUntil`, `sessionUntil`, `lastMessageAt`; `ttl` unless something is said of the user |
//! | `room` is `names/` and the room's name, `userId` a display name's skeleton | `roomArn`, `takenBy`, `ttl` |
//!
//! A row of an earlier room of the name counts for nothing: `roomArn` tells. `lastMessageAt` and
//! `lastMessageId` are the review function's, and are left as they are. `changedAt` is there as long as something is said of the user: the index `by-change` has no others.

use aws_item::{Fields, Item, item, n, s};
use aws_sdk_dynamodb::types::AttributeValue;
use model::chat::{ChatUser, DisplayName, Standing};
use model::{Error, RoomName, Timestamp, UserId};

pub(crate) fn key(room: &RoomName, user_id: &UserId) -> Item {
    item([("room", s(room)), ("userId", s(user_id))])
}

/// The key of the row that says whose a display name is.
pub(crate) fn name_key(room: &RoomName, name: &DisplayName) -> Item {
    item([("room", s(format!("names/{room}"))), ("userId", s(name.skeleton()))])
}

pub(crate) fn name_item(user: &ChatUser, name: &DisplayName) -> Item {
    let mut row = name_key(&user.room, name);
    row.extend(item([("roomArn", s(&user.room_arn)), ("takenBy", s(&user.user_id))]));
    row.extend(user.name_ends_at().map(|end| ("ttl".to_owned(), n(end.epoch_seconds()))));
    row
}

/// Every attribute that is ours, and what it is set to; `None`: it is taken away.
pub(crate) fn attributes(user: &ChatUser) -> [(&'static str, Option<AttributeValue>); 10] {
    let Standing { moderator, muted, removed } = user.standing;
    let flag = |value| Some(AttributeValue::Bool(value));
    [
        ("roomArn", Some(s(&user.room_arn))),
        ("version", user.version.as_ref().map(s)),
        ("moderator", flag(moderator)),
        ("muted", flag(muted)),
        ("removed", flag(removed)),
        ("changedAt", user.changed_at.filter(|_| user.standing.is_moderated()).map(s)),
        ("displayName", user.display_name.as_ref().map(s)),
        ("paidUntil", user.paid_until.map(s)),
        ("sessionUntil", user.session_until.map(s)),
        ("ttl", user.ends_at().map(|end| n(end.epoch_seconds()))),
    ]
}

/// Reads a row; `None`: it is one that holds nothing of ours.
pub(crate) fn read(item: &Item) -> Result<Option<ChatUser>, Error> {
    let row = Fields::of("chat user", item);
    if !row.has("version") {
        return Ok(None);
    }
    let time = |field: &str| row.has(field).then(|| row.parse::<Timestamp>(field)).transpose();
    Ok(Some(ChatUser {
        room: row.parse("room")?,
        room_arn: row.parse("roomArn")?,
        user_id: row.parse("userId")?,
        version: Some(row.parse("version")?),
        standing: Standing {
            moderator: row.flag("moderator")?,
            muted: row.flag("muted")?,
            removed: row.flag("removed")?,
        },
        changed_at: time("changedAt")?,
        display_name: row.has("displayName").then(|| row.parse("displayName")).transpose()?,
        paid_until: time("paidUntil")?,
        session_until: time("sessionUntil")?,
    }))
}

/// Reads those of these rows that hold something of ours.
pub(crate) fn read_all<'a>(items: impl IntoIterator<Item = &'a Item>) -> Result<Vec<ChatUser>, Error> {
    items.into_iter().filter_map(|item| read(item).transpose()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_as_it_was_written() {
        let at: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let arn = "arn:aws:ivschat:us-east-1:000000000000:room/abcdefghijkl".parse().unwrap();
        let unknown = ChatUser {
            version: Some("v1".parse().unwrap()),
            ..ChatUser::unknown("stage/demo".parse().unwrap(), arn, "bob".parse().unwrap())
        };
        let known = ChatUser {
            standing: Standing { moderator: false, muted: true, removed: false },
            changed_at: Some(at),
            display_name: Some("Bob".parse().unwrap()),
            paid_until: Some(at),
            session_until: Some(at),
            ..unknown.clone()
        };
        for user in [unknown, known] {
            let mut row = key(&user.room, &user.user_id);
            let values = attributes(&user).into_iter();
            row.extend(values.filter_map(|(name, value)| Some((name.to_owned(), value?))));
            assert_eq!(read(&row).unwrap(), Some(user));
        }
    }

    #[test]
    fn what_the_review_alone_has_written_says_nothing() {
        let row = item([("room", s("stage/demo")), ("userId", s("bob")), ("lastMessageAt", s("x"))]);
        assert_eq!(read(&row).unwrap(), None);
    }
}
