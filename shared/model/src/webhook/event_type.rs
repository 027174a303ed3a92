//! What webhooks may be for.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Field;

/// What may happen that a receiver is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EventType {
    /// A channel is on air.
    #[serde(rename = "stream.started")]
    StreamStarted,
    /// A channel is off air.
    #[serde(rename = "stream.ended")]
    StreamEnded,
    /// A stage's doors were opened or closed.
    #[serde(rename = "stage.doors")]
    StageDoors,
    /// A participant of a stage publishes.
    #[serde(rename = "participant.published")]
    ParticipantPublished,
    /// A participant of a stage publishes no more.
    #[serde(rename = "participant.unpublished")]
    ParticipantUnpublished,
}

impl EventType {
    /// Each of them.
    pub const ALL: [Self; 5] = [
        Self::StreamStarted,
        Self::StreamEnded,
        Self::StageDoors,
        Self::ParticipantPublished,
        Self::ParticipantUnpublished,
    ];

    /// The word used in the API, in the table and in what is sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StreamStarted => "stream.started",
            Self::StreamEnded => "stream.ended",
            Self::StageDoors => "stage.doors",
            Self::ParticipantPublished => "participant.published",
            Self::ParticipantUnpublished => "participant.unpublished",
        }
    }

    /// Reads that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r#type| r#type.as_str() == word)
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The events that a webhook is for: one at least, each once, in the order of [`EventType::ALL`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<EventType>")]
pub struct EventTypes(Vec<EventType>);

impl EventTypes {
    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = EventType> {
        self.0.iter().copied()
    }

    /// Whether that is one of them.
    pub fn has(&self, r#type: EventType) -> bool {
        self.0.contains(&r#type)
    }
}

/// None, or one of them twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", EventTypes::RULE)]
pub struct InvalidEventTypes;

impl TryFrom<Vec<EventType>> for EventTypes {
    type Error = InvalidEventTypes;

    fn try_from(mut types: Vec<EventType>) -> Result<Self, InvalidEventTypes> {
        let given = types.len();
        types.sort_unstable();
        types.dedup();
        if given == 0 || types.len() != given { Err(InvalidEventTypes) } else { Ok(Self(types)) }
    }
}

impl Field for EventTypes {
    const RULE: &'static str = "must be a list of one or more, each once, of stream.started, stream.ended, stage.doors, \
                                participant.published and participant.unpublished";
}
