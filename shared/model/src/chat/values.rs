//! What requests say of a room and its tokens.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Field;

/// One thing that a token lets its user do besides reading, by IVS Chat's name for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ChatCapability {
    /// Write.
    SendMessage,
    /// Have everybody hide a message.
    DeleteMessage,
    /// Close somebody's connections.
    DisconnectUser,
}

impl ChatCapability {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::SendMessage, Self::DeleteMessage, Self::DisconnectUser];

    /// IVS Chat's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SendMessage => "SEND_MESSAGE",
            Self::DeleteMessage => "DELETE_MESSAGE",
            Self::DisconnectUser => "DISCONNECT_USER",
        }
    }
}

/// How long a connection may last: 1 to 180 minutes, an hour unless told (Chat API reference, `CreateChatToken`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "f64")]
pub struct SessionDuration(u8);

impl Default for SessionDuration {
    fn default() -> Self {
        Self(60)
    }
}

/// A value outside of its rule, which [`Field::RULE`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not valid")]
pub struct Invalid;

/// JSON has one kind of number: 60.0 is as whole as 60.
impl TryFrom<f64> for SessionDuration {
    type Error = Invalid;

    fn try_from(minutes: f64) -> Result<Self, Invalid> {
        let valid = minutes.fract() == 0.0 && (1.0..=180.0).contains(&minutes);
        if valid { Ok(Self(minutes as u8)) } else { Err(Invalid) }
    }
}

impl Field for SessionDuration {
    const RULE: &'static str = "must be a whole number of minutes, 1 to 180";
}

impl From<SessionDuration> for Duration {
    fn from(duration: SessionDuration) -> Self {
        Self::from_secs(u64::from(duration.0) * 60)
    }
}

/// What whoever writes agrees to: at most 500 characters; empty, none.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Rules(String);

impl Rules {
    /// The text.
    pub fn into_text(self) -> String {
        self.0
    }
}

impl TryFrom<String> for Rules {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        let valid = text.chars().count() <= 500 && !text.chars().any(|char| char.is_control() && char != '\n');
        if valid { Ok(Self(text)) } else { Err(Invalid) }
    }
}

impl Field for Rules {
    const RULE: &'static str = "must be at most 500 characters, without control characters other than line feeds";
}

/// Seconds between two messages of one user: 0 to 3600.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "f64")]
pub struct SlowMode(u16);

impl SlowMode {
    /// Seconds; 0: none.
    pub fn seconds(self) -> u16 {
        self.0
    }
}

impl TryFrom<f64> for SlowMode {
    type Error = Invalid;

    fn try_from(seconds: f64) -> Result<Self, Invalid> {
        let valid = seconds.fract() == 0.0 && (0.0..=3600.0).contains(&seconds);
        if valid { Ok(Self(seconds as u16)) } else { Err(Invalid) }
    }
}

impl Field for SlowMode {
    const RULE: &'static str = "must be a whole number of seconds, 0 to 3600";
}

/// Words that no message may have: at most 100, of 1 to 50 characters.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct Words(Vec<String>);

impl Words {
    /// The words, each without blanks around it.
    pub fn into_list(self) -> Vec<String> {
        self.0
    }
}

impl TryFrom<Vec<String>> for Words {
    type Error = Invalid;

    fn try_from(words: Vec<String>) -> Result<Self, Invalid> {
        let words: Vec<String> = words.iter().map(|word| word.trim().to_owned()).collect();
        let is_word = |word: &String| (1..=50).contains(&word.chars().count()) && !word.chars().any(char::is_control);
        if words.len() <= 100 && words.iter().all(is_word) { Ok(Self(words)) } else { Err(Invalid) }
    }
}

impl Field for Words {
    const RULE: &'static str = "must be a list of at most 100 words, each of 1 to 50 characters";
}
