//! What the API does with chat.

use std::collections::HashMap;
use std::time::Duration;

use aws_recovery_queue::RecoveryQueue;
use aws_room::{ChatToken, RoomIvs, RoomRows, RoomTable, SubjectTables, create_or_fetch};
use model::chat::{ChatCapability, DisplayName, Role, Seat, role_on_channel, role_on_stage, seat};
use model::claim::{NameRequest, Outcome};
use model::error::Conflict;
use model::room::{Room, RoomOf, Subject};
use model::{ClaimId, Error, Timestamp, UserId};

use crate::subject::Admits;
use crate::table::{ChatTables, Known, UserWritten};

/// How often a request starts over because another wrote the same row in between.
pub(crate) const ATTEMPTS: usize = 8;

/// What the operations need.
pub struct Chat {
    /// IVS Chat.
    pub ivs: RoomIvs,
    /// The table `rooms`.
    pub rooms: RoomTable,
    /// What hangs on a room.
    pub rows: RoomRows,
    /// What rooms belong to.
    pub subjects: SubjectTables,
    /// What decides over a user's chat.
    pub tables: ChatTables,
    /// Who completes what died.
    pub recovery: RecoveryQueue,
    /// How long the claim of a new room holds.
    pub lease: Duration,
}

/// Who asks for a chat token, and what for.
#[derive(Debug, Clone)]
pub struct TokenRequest {
    /// The stage or channel whose room it is.
    pub subject: Subject,
    /// Who asks.
    pub caller: UserId,
    /// How long the connection may last that the token opens.
    pub duration: Duration,
    /// What others shall see; absent: what they saw last.
    pub display_name: Option<DisplayName>,
    /// Whether the caller only wants to read.
    pub read_only: bool,
}

/// A chat token, and what its holder may do.
#[derive(Debug)]
pub struct GivenChatToken {
    /// The token.
    pub token: ChatToken,
    /// The room.
    pub room: Room,
    /// The caller's role.
    pub role: Role,
    /// What the token allows.
    pub capabilities: Vec<ChatCapability>,
    /// What others see.
    pub display_name: Option<DisplayName>,
    /// Whether the room was made for it.
    pub is_first: bool,
}

impl Chat {
    /// Gives the caller a chat token for the room of a stage or a channel, which is made with the first. One read, one
    /// write, and one call of IVS Chat, which mints each token.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the subject; [`Error::Forbidden`] for whom may not chat there; [`Error::TooManyRequests`] for
    /// whom takes tokens too fast; [`Conflict::NameTaken`]; [`Error::Unfinished`] if the recovery of the subject or the
    /// room is to be asked for; what AWS fails with.
    pub async fn request_token(&self, now: Timestamp, command: &TokenRequest) -> Result<GivenChatToken, Error> {
        let mut is_first = false;
        for _ in 0..ATTEMPTS {
            let known = self.tables.read(&command.subject, &command.caller, None, now).await?;
            // Before there is a room: whoever may not chat makes none.
            let by_subject = self.role(&known, &command.caller).await?;
            let (room, is_new) = self.room(now, &command.subject, &known).await?;
            is_first |= is_new;
            let mut user = known.user(&room, &command.caller);
            let Seat { role, capabilities } =
                seat(by_subject, user.standing, command.read_only).map_err(Error::Forbidden)?;
            if command.display_name.is_some() {
                user.display_name = command.display_name.clone();
            }
            let display_name = user.display_name.clone();
            if role != Role::Owner && display_name.as_ref().is_some_and(|name| name.looks_like(&room.owner)) {
                return Err(Error::Conflict(Conflict::NameTaken));
            }
            user.take_token(command.duration, now)?;
            // Written before the token is given out, so that it counts whatever becomes of it.
            match self.tables.write(&known, &room, user, now).await? {
                UserWritten::Yes => {}
                UserWritten::Contended => continue,
                UserWritten::NameTaken => return Err(Error::Conflict(Conflict::NameTaken)),
            }
            let words: Vec<&str> = capabilities.iter().map(|capability| capability.as_str()).collect();
            let attributes = attributes(role, display_name.as_ref());
            let token =
                self.ivs.create_chat_token(&room.arn, &command.caller, &words, command.duration, attributes).await?;
            return Ok(GivenChatToken { token, room, role, capabilities, display_name, is_first });
        }
        Err(contended())
    }

    /// The room of a subject, made if there is none, and whether this request has made it.
    pub(crate) async fn room(&self, now: Timestamp, subject: &Subject, known: &Known) -> Result<(Room, bool), Error> {
        if let Some(room) = known.room() {
            return Ok((room.clone(), false));
        }
        let request = NameRequest {
            name: subject.room(),
            caller: known.subject.owner.clone(),
            claim_id: ClaimId::random()?,
            lease: self.lease,
        };
        let desired = RoomOf(known.subject.arn.clone());
        let (ivs, rooms, rows, subjects) = (&self.ivs, &self.rooms, &self.rows, &self.subjects);
        let made = create_or_fetch(ivs, rooms, rows, subjects, &self.recovery, now, &request, &desired).await?;
        Ok(match made {
            Outcome::Created(room) => (room, true),
            Outcome::Existing(room) => (room, false),
        })
    }

    /// What the caller is by the stage or channel alone.
    pub(crate) async fn role(&self, known: &Known, caller: &UserId) -> Result<Role, Error> {
        let subject = &known.subject;
        let role = match &subject.admits {
            Admits::Stage { doors, admission, access } => {
                role_on_stage(&subject.owner, *doors, *admission, access, caller)
            }
            Admits::Channel { by_invitation } => {
                let asks = *by_invitation && subject.owner != *caller;
                let is_invited = asks && self.tables.is_invited(&subject.arn, caller).await?;
                role_on_channel(&subject.owner, *by_invitation, is_invited, caller)
            }
        };
        role.map_err(Error::Forbidden)
    }
}

pub(crate) fn contended() -> Error {
    Error::Busy { resource: "chat user", retry_after: Duration::from_secs(1) }
}

/// What everybody sees with each message of a token's user.
fn attributes(role: Role, name: Option<&DisplayName>) -> HashMap<String, String> {
    let name = name.map(|name| ("displayName".to_owned(), name.to_string()));
    [("role".to_owned(), role.as_str().to_owned())].into_iter().chain(name).collect()
}
