//! What owners and moderators do. Whatever they say of a user is written before IVS Chat hears of it, so that a request
//! whose call failed is completed by the same request: it closes the connections again, and writes nothing twice.

use aws_room::SettingsChanges;
use model::chat::{ChatUser, LogAction, LogEntry, Role, StandingChanges, may_moderate, seat};
use model::claim::busy;
use model::error::Denial;
use model::room::{Room, RoomSettings, Subject};
use model::{Cursor, Error, Limit, MessageId, Page, Timestamp, UserId};

use crate::operations::{ATTEMPTS, Chat, contended};
use crate::table::Known;

/// Why clients are told to hide a message, as they may show.
const DELETED: &str = "deleted by a moderator";

impl Chat {
    /// The settings of a chat, and the caller's role there. Those of a chat that nobody has entered yet are those of a new
    /// one.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the subject; [`Error::Forbidden`] for whom may not chat there; what AWS fails with.
    pub async fn settings(
        &self,
        now: Timestamp,
        subject: &Subject,
        caller: &UserId,
    ) -> Result<(RoomSettings, Role), Error> {
        let (known, role) = self.enter(now, subject, caller, None).await?;
        Ok((known.room().map(|room| room.settings.clone()).unwrap_or_default(), role))
    }

    /// Changes the settings of a chat of the caller's, as they are then.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the subject; [`Denial::NotOwner`]; [`Error::Unfinished`] if the recovery of the subject or
    /// the room is to be asked for; what AWS fails with.
    pub async fn change_settings(
        &self,
        now: Timestamp,
        subject: &Subject,
        caller: &UserId,
        changes: &SettingsChanges,
    ) -> Result<RoomSettings, Error> {
        let known = self.own(now, subject, caller).await?;
        let (room, _) = self.room(now, subject, &known).await?;
        let room = self.rooms.change_settings(&room, changes).await?.ok_or_else(busy::<Room>)?;
        Ok(room.settings)
    }

    /// Says something of a user, who need not have been there. Their connections are closed where their token allows what
    /// they may no more, or not yet what they may.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the subject; [`Denial::NotModerator`], [`Denial::Protected`], [`Denial::NotOwner`] for
    /// `moderator`, and what refuses a chat token; [`Error::Unfinished`] as there; what AWS fails with, after which the same
    /// request completes it.
    pub async fn moderate(
        &self,
        now: Timestamp,
        subject: &Subject,
        caller: &UserId,
        user_id: &UserId,
        changes: &StandingChanges,
    ) -> Result<ChatUser, Error> {
        for _ in 0..ATTEMPTS {
            let (known, role) = self.enter(now, subject, caller, Some(user_id)).await?;
            let is_owner = known.subject.owner == *user_id;
            may_moderate(role, is_owner, known.standing(user_id), changes).map_err(Error::Forbidden)?;
            let (room, _) = self.room(now, subject, &known).await?;
            let mut user = known.user(&room, user_id);
            let next = user.standing.changed(changes);
            let actions = user.standing.actions_to(next);
            if !actions.is_empty() {
                user.standing = next;
                user.changed_at = Some(now);
                let entry = |action| entry(now, caller, action, Some(user_id), None);
                let entries: Vec<LogEntry> = actions.into_iter().map(entry).collect();
                if !self.tables.write_standing(&room, &user, &entries).await? {
                    continue;
                }
            }
            if let Some(reason) = changes.disconnects_for() {
                // A room that is gone has nobody in it.
                self.ivs.disconnect_user(&room.arn, user_id, reason).await?;
            }
            return Ok(user);
        }
        Err(contended())
    }

    /// Has everybody hide a message. Nobody knows whether there is one.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the subject; [`Denial::NotModerator`], and what refuses a chat token; what AWS fails with.
    pub async fn delete_message(
        &self,
        now: Timestamp,
        subject: &Subject,
        caller: &UserId,
        message_id: &MessageId,
    ) -> Result<(), Error> {
        let known = self.moderated_by(now, subject, caller).await?;
        // Without a room nothing was said.
        let Some(room) = known.room() else { return Ok(()) };
        let entry = entry(now, caller, LogAction::MessageDeleted, None, Some(message_id));
        self.tables.write_entry(room, &entry).await?;
        self.ivs.delete_message(&room.arn, message_id, DELETED).await.map(drop)
    }

    /// The users that something has been said of, the latest first.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the subject; [`Denial::NotModerator`], and what refuses a chat token; what DynamoDB fails
    /// with.
    pub async fn moderated_users(
        &self,
        now: Timestamp,
        subject: &Subject,
        caller: &UserId,
        limit: Limit,
        cursor: Option<Cursor>,
    ) -> Result<Page<ChatUser>, Error> {
        let known = self.moderated_by(now, subject, caller).await?;
        match known.room() {
            Some(room) => self.tables.moderated(room, limit, cursor).await,
            None => Ok(Page { items: Vec::new(), cursor: None }),
        }
    }

    /// What was done in a chat of the caller's in the last 90 days, the latest first.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the subject; [`Denial::NotOwner`]; what DynamoDB fails with.
    pub async fn log(
        &self,
        now: Timestamp,
        subject: &Subject,
        caller: &UserId,
        limit: Limit,
        cursor: Option<Cursor>,
    ) -> Result<Page<LogEntry>, Error> {
        let known = self.own(now, subject, caller).await?;
        match known.room() {
            Some(room) => self.tables.log(room, now, limit, cursor).await,
            None => Ok(Page { items: Vec::new(), cursor: None }),
        }
    }

    /// What is known of a chat and of who may be there: the caller, in that role, and another user.
    async fn enter(
        &self,
        now: Timestamp,
        subject: &Subject,
        caller: &UserId,
        other: Option<&UserId>,
    ) -> Result<(Known, Role), Error> {
        let known = self.tables.read(subject, caller, other, now).await?;
        let by_subject = self.role(&known, caller).await?;
        let seat = seat(by_subject, known.standing(caller), false).map_err(Error::Forbidden)?;
        Ok((known, seat.role))
    }

    async fn moderated_by(&self, now: Timestamp, subject: &Subject, caller: &UserId) -> Result<Known, Error> {
        let (known, role) = self.enter(now, subject, caller, None).await?;
        if role.moderates() { Ok(known) } else { Err(Error::Forbidden(Denial::NotModerator)) }
    }

    async fn own(&self, now: Timestamp, subject: &Subject, caller: &UserId) -> Result<Known, Error> {
        let known = self.tables.read(subject, caller, None, now).await?;
        if known.subject.owner == *caller { Ok(known) } else { Err(Error::Forbidden(Denial::NotOwner)) }
    }
}

fn entry(
    at: Timestamp,
    actor: &UserId,
    action: LogAction,
    user_id: Option<&UserId>,
    message_id: Option<&MessageId>,
) -> LogEntry {
    LogEntry { at, actor: actor.clone(), action, user_id: user_id.cloned(), message_id: message_id.cloned() }
}
