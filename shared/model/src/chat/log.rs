//! What moderators did, for the owner to read.

use std::time::Duration;

use crate::{MessageId, Timestamp, UserId};

/// How long an entry is kept: 90 days.
const KEPT: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// What somebody did in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: UserId,
    /// What.
    pub action: LogAction,
    /// Whom it is about.
    pub user_id: Option<UserId>,
    /// Which message it is about.
    pub message_id: Option<MessageId>,
}

impl LogEntry {
    /// When nobody reads it any more.
    pub fn ends_at(&self) -> Timestamp {
        self.at + KEPT
    }

    /// The oldest moment that a log still tells of.
    pub fn oldest(now: Timestamp) -> Timestamp {
        now - KEPT
    }
}

/// What is noted for the owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogAction {
    /// A user reads only.
    Muted,
    /// A user may write again.
    Unmuted,
    /// A user was disconnected, and gets no token.
    Removed,
    /// A user gets tokens again.
    Readmitted,
    /// A user moderates.
    ModeratorMade,
    /// A user moderates no more.
    ModeratorEnded,
    /// A message was taken away.
    MessageDeleted,
}

impl LogAction {
    pub(super) const ALL: [Self; 7] = [
        Self::Muted,
        Self::Unmuted,
        Self::Removed,
        Self::Readmitted,
        Self::ModeratorMade,
        Self::ModeratorEnded,
        Self::MessageDeleted,
    ];

    /// The API's word, and the table's.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Muted => "muted",
            Self::Unmuted => "unmuted",
            Self::Removed => "removed",
            Self::Readmitted => "readmitted",
            Self::ModeratorMade => "moderatorMade",
            Self::ModeratorEnded => "moderatorEnded",
            Self::MessageDeleted => "messageDeleted",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == word)
    }
}
