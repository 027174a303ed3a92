//! A case, and what can come of it.

use std::pin::Pin;

use super::answer::Failure;
use super::target::Target;

/// What cases are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// `GET /health`, and who is let in.
    Health,
    /// `/stages`
    Stage,
    /// `/stages/{stage}/participants`
    Participant,
    /// `/channels`
    Channel,
    /// `/stages/{stage}/chat-tokens`, `/channels/{channel}/chat-tokens`
    Chat,
    /// `/broadcast-settings`
    BroadcastSettings,
    /// `/broadcasts`
    Broadcast,
    /// `/servers`
    Server,
    /// `/streams`
    Stream,
}

impl Group {
    /// Every group, in the order of running.
    pub const ALL: [Self; 9] = [
        Self::Health,
        Self::Stage,
        Self::Participant,
        Self::Channel,
        Self::Chat,
        Self::BroadcastSettings,
        Self::Broadcast,
        Self::Server,
        Self::Stream,
    ];

    /// As it is named on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::Stage => "stage",
            Self::Participant => "participant",
            Self::Channel => "channel",
            Self::Chat => "chat",
            Self::BroadcastSettings => "broadcast-settings",
            Self::Broadcast => "broadcast",
            Self::Server => "server",
            Self::Stream => "stream",
        }
    }

    /// The group of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.name() == name)
    }
}

/// Something that holds in every deployment.
#[derive(Clone)]
pub struct Case {
    /// What it is about.
    pub group: Group,
    /// What holds, as a sentence.
    pub name: &'static str,
    /// Finds out whether it does.
    pub run: Run,
}

/// Finds out whether something holds.
pub type Run = for<'a> fn(&'a Target) -> Pin<Box<dyn Future<Output = Result<Outcome, Failure>> + Send + 'a>>;

/// What a case comes to that has not failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Holds,
    /// The deployment is set up without it, for this reason.
    Skipped(&'static str),
}
