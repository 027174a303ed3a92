//! How a row of `chat-log` is written and read: `room` is the room's name, `at` the time and an id that tells entries of one
//! time apart (`2026-03-01T12:00:00.000Z#abc`); `roomArn`, `actor`, `action`, perhaps `userId` and `messageId`, and `ttl`.

use aws_item::{Fields, Item, item, n, s};
use model::chat::{LogAction, LogEntry};
use model::room::Room;
use model::{Cursor, Error, RoomName, RowVersion};

/// The key of the entry at that place.
pub(crate) fn key(room: &RoomName, Cursor { at, id }: &Cursor) -> Item {
    item([("room", s(room)), ("at", s(format!("{at}#{id}")))])
}

/// A new row of an entry.
pub(crate) fn item_of(room: &Room, entry: &LogEntry) -> Result<Item, Error> {
    let id = RowVersion::random()?.to_string();
    let mut row = key(&room.name, &Cursor { at: entry.at, id });
    row.extend(item([
        ("roomArn", s(&room.arn)),
        ("actor", s(&entry.actor)),
        ("action", s(entry.action.as_str())),
        ("ttl", n(entry.ends_at().epoch_seconds())),
    ]));
    let user = entry.user_id.as_ref().map(|user_id| ("userId".to_owned(), s(user_id)));
    let message = entry.message_id.as_ref().map(|message_id| ("messageId".to_owned(), s(message_id)));
    row.extend(user.into_iter().chain(message));
    Ok(row)
}

/// Where a row is in the list.
pub(crate) fn position(row: &Fields<'_>) -> Result<Cursor, Error> {
    let parts = row.text("at")?.split_once('#');
    let position = parts.and_then(|(at, id)| Some(Cursor { at: at.parse().ok()?, id: id.to_owned() }));
    position.ok_or_else(|| Error::internal("a row of a chat's log has no valid at"))
}

/// Reads a row.
pub(crate) fn read(item: &Item) -> Result<LogEntry, Error> {
    let row = Fields::of("chat log", item);
    let action = LogAction::parse(row.text("action")?);
    Ok(LogEntry {
        at: position(&row)?.at,
        actor: row.parse("actor")?,
        action: action.ok_or_else(|| Error::internal("a row of a chat's log has no valid action"))?,
        user_id: row.has("userId").then(|| row.parse("userId")).transpose()?,
        message_id: row.has("messageId").then(|| row.parse("messageId")).transpose()?,
    })
}

#[cfg(test)]
mod tests {
    use model::room::RoomSettings;

    use super::*;

    #[test]
    fn an_entry_is_read_as_it_was_written_and_two_of_one_time_are_two() {
        let room = Room {
            name: "stage/demo".parse().unwrap(),
            arn: "arn:aws:ivschat:us-east-1:000000000000:room/abcdefghijkl".parse().unwrap(),
            owner: "alice".parse().unwrap(),
            subject: "arn:aws:ivs:us-east-1:000000000000:stage/abc".parse().unwrap(),
            settings: RoomSettings::default(),
            created_at: "2026-03-01T12:00:00Z".parse().unwrap(),
        };
        let muted = LogEntry {
            at: "2026-03-01T12:00:00Z".parse().unwrap(),
            actor: "alice".parse().unwrap(),
            action: LogAction::Muted,
            user_id: Some("bob".parse().unwrap()),
            message_id: None,
        };
        let message_id = Some("abcdefghijkl".parse().unwrap());
        let deleted = LogEntry { action: LogAction::MessageDeleted, user_id: None, message_id, ..muted.clone() };
        for entry in [muted, deleted] {
            let row = item_of(&room, &entry).unwrap();
            assert_eq!(read(&row).unwrap(), entry);
            assert_ne!(item_of(&room, &entry).unwrap()["at"], row["at"]);
            let place = position(&Fields::of("chat log", &row)).unwrap();
            assert_eq!(key(&room.name, &place)["at"], row["at"]);
        }
    }
}
