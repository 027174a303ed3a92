//! Chat rooms: whose they are, and what holds in them. A stage or a channel has one at most, made with its first chat
//! token and ended with it. How one comes to exist exactly once is in [`claim`](crate::claim).

use crate::claim::{Claim, DesiredOptions, Resource};
use crate::error::{Conflict, FieldError};
use crate::{ChannelArn, ChannelName, RoomArn, RoomName, StageArn, StageName, Timestamp, UserId};

/// What a room belongs to, by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A stage.
    Stage(StageName),
    /// A channel.
    Channel(ChannelName),
}

impl Subject {
    /// What the API calls its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Stage(_) => "stage",
            Self::Channel(_) => "channel",
        }
    }

    /// The name of its room.
    pub fn room(&self) -> RoomName {
        match self {
            Self::Stage(name) => RoomName::of_stage(name),
            Self::Channel(name) => RoomName::of_channel(name),
        }
    }
}

impl From<&RoomName> for Subject {
    fn from(room: &RoomName) -> Self {
        let (stage, channel) = (room.as_str().strip_prefix("stage/"), room.as_str().strip_prefix("channel/"));
        let stage = stage.and_then(|name| name.parse().ok().map(Self::Stage));
        let channel = || channel.and_then(|name| name.parse().ok().map(Self::Channel));
        // A room's name is of one of the two.
        stage.or_else(channel).expect("a room's name is that of a stage or a channel")
    }
}

/// What tells a stage or a channel from an earlier one of its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubjectArn {
    /// Of a stage.
    Stage(StageArn),
    /// Of a channel.
    Channel(ChannelArn),
}

impl SubjectArn {
    /// As text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Stage(arn) => arn.as_str(),
            Self::Channel(arn) => arn.as_str(),
        }
    }
}

impl std::fmt::Display for SubjectArn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for SubjectArn {
    type Err = crate::InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(stage) => Ok(Self::Stage(stage)),
            Err(_) => text.parse().map(Self::Channel),
        }
    }
}

/// What the owner has said of a room. Of a new one, nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoomSettings {
    /// What whoever writes agrees to, for a page to show.
    pub rules: Option<String>,
    /// Seconds between two messages of one user, unless they moderate. 0: as fast as IVS Chat takes them.
    pub slow_mode_seconds: u16,
    /// Words that no message may have, besides those of the deployment.
    pub words: Vec<String>,
}

/// A room that exists in IVS Chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// Unique in the deployment, by that of what it belongs to.
    pub name: RoomName,
    /// What IVS Chat calls it.
    pub arn: RoomArn,
    /// The owner of what it belongs to.
    pub owner: UserId,
    /// What it belongs to. A later stage or channel of the name has a room of its own.
    pub subject: SubjectArn,
    /// What the owner has said of it.
    pub settings: RoomSettings,
    /// When the row became a room.
    pub created_at: Timestamp,
}

impl Room {
    /// The room that a claim has become.
    pub fn of(claim: &Claim<Self>, arn: RoomArn, now: Timestamp) -> Self {
        Self {
            name: claim.name.clone(),
            arn,
            owner: claim.owner.clone(),
            subject: claim.options.clone(),
            settings: RoomSettings::default(),
            created_at: now,
        }
    }
}

impl Resource for Room {
    const KIND: &'static str = "room";
    type Name = RoomName;
    type Arn = RoomArn;
    type Options = SubjectArn;

    fn name(&self) -> &RoomName {
        &self.name
    }

    fn owner(&self) -> &UserId {
        &self.owner
    }

    fn arn(&self) -> &RoomArn {
        &self.arn
    }

    fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// Rooms are as many as stages and channels, which are limited.
    fn too_many(most: u32) -> Conflict {
        Conflict::TooManyStages { most }
    }
}

/// The room of a stage or channel as it is today: one of an earlier subject of that name is another.
#[derive(Debug, Clone)]
pub struct RoomOf(pub SubjectArn);

impl DesiredOptions<Room> for RoomOf {
    fn options(&self) -> SubjectArn {
        self.0.clone()
    }

    fn unmet(&self, room: &Room) -> Vec<FieldError> {
        let stale = (room.subject != self.0).then(|| FieldError::new("subject", "is an earlier one of that name"));
        stale.into_iter().collect()
    }
}

/// What the row of a room's subject says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The subject is there.
    Stays,
    /// The subject is being deleted, and may stay.
    Undecided,
    /// The subject is gone; another of its name is none of the room's business.
    Ends,
}

/// What is to become of a room, by the row of the stage or channel of its name: its ARN, and whether it is being deleted.
pub fn fate(room: &Room, subject: Option<(&str, bool)>) -> Fate {
    match subject.filter(|(arn, _)| *arn == room.subject.as_str()) {
        Some((_, false)) => Fate::Stays,
        Some((_, true)) => Fate::Undecided,
        None => Fate::Ends,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAGE: &str = "arn:aws:ivs:us-east-1:000000000000:stage/abc";

    fn room() -> Room {
        Room {
            name: "stage/demo".parse().unwrap(),
            arn: "arn:aws:ivschat:us-east-1:000000000000:room/abcdefghijkl".parse().unwrap(),
            owner: "alice".parse().unwrap(),
            subject: STAGE.parse().unwrap(),
            settings: RoomSettings::default(),
            created_at: "2026-03-01T12:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn a_rooms_name_is_that_of_a_stage_or_a_channel_and_of_nothing_else() {
        for text in ["stage/demo", "channel/demo"] {
            let name: RoomName = text.parse().unwrap();
            assert_eq!(Subject::from(&name).room(), name);
        }
        for text in ["demo", "stage/", "stages/demo", "stage/a/b", "call/demo", "/demo", ""] {
            assert!(text.parse::<RoomName>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_a_room_belongs_to_is_told_by_its_arn() {
        assert!(matches!(STAGE.parse(), Ok(SubjectArn::Stage(_))));
        assert!(matches!("arn:aws:ivs:us-east-1:0:channel/abc".parse(), Ok(SubjectArn::Channel(_))));
        assert!(matches!("self-hosted:abc".parse(), Ok(SubjectArn::Channel(_))));
        assert!("abc".parse::<SubjectArn>().is_err());
    }

    #[test]
    fn a_room_ends_with_what_it_belongs_to_and_not_before_that_is_known_to_be_gone() {
        assert_eq!(fate(&room(), Some((STAGE, false))), Fate::Stays);
        assert_eq!(fate(&room(), Some((STAGE, true))), Fate::Undecided);
        assert_eq!(fate(&room(), None), Fate::Ends);
        // Of a later stage of that name.
        assert_eq!(fate(&room(), Some(("arn:aws:ivs:us-east-1:000000000000:stage/def", false))), Fate::Ends);
        assert_eq!(fate(&room(), Some(("arn:aws:ivs:us-east-1:000000000000:stage/def", true))), Fate::Ends);
    }

    #[test]
    fn a_room_of_an_earlier_stage_is_not_the_one_that_is_asked_for() {
        assert!(RoomOf(STAGE.parse().unwrap()).unmet(&room()).is_empty());
        let later = "arn:aws:ivs:us-east-1:000000000000:stage/def".parse().unwrap();
        assert_eq!(RoomOf(later).unmet(&room()).len(), 1);
    }
}
