//! What a participant may do, what others see of it, and for how long its token can be used to join.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Field;

/// What a participant may do. Never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Capability>", into = "Vec<Capability>")]
pub struct Capabilities {
    publish: bool,
    subscribe: bool,
}

/// One thing that a participant may do, by IVS's name for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Capability {
    /// Send audio and video.
    Publish,
    /// Receive it.
    Subscribe,
}

/// A list of capabilities without any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must name PUBLISH, SUBSCRIBE or both")]
pub struct NoCapabilities;

impl Capabilities {
    /// Publish and subscribe.
    pub const ALL: Self = Self { publish: true, subscribe: true };
    /// Send audio and video, and see nothing.
    pub const PUBLISH: Self = Self { publish: true, subscribe: false };
    /// Watch and listen.
    pub const SUBSCRIBE: Self = Self { publish: false, subscribe: true };

    /// Whether the participant may send audio and video.
    pub fn publish(self) -> bool {
        self.publish
    }

    /// Whether the participant may receive it.
    pub fn subscribe(self) -> bool {
        self.subscribe
    }

    /// Whether every one of these is among `allowed`.
    pub fn within(self, allowed: Self) -> bool {
        (allowed.publish || !self.publish) && (allowed.subscribe || !self.subscribe)
    }
}

impl TryFrom<Vec<Capability>> for Capabilities {
    type Error = NoCapabilities;

    fn try_from(list: Vec<Capability>) -> Result<Self, NoCapabilities> {
        if list.is_empty() {
            return Err(NoCapabilities);
        }
        Ok(Self { publish: list.contains(&Capability::Publish), subscribe: list.contains(&Capability::Subscribe) })
    }
}

impl Field for Capabilities {
    const RULE: &'static str = "must be a list of PUBLISH, SUBSCRIBE or both";
}

impl From<Capabilities> for Vec<Capability> {
    fn from(capabilities: Capabilities) -> Self {
        let publish = capabilities.publish.then_some(Capability::Publish);
        publish.into_iter().chain(capabilities.subscribe.then_some(Capability::Subscribe)).collect()
    }
}

/// What every participant of the stage can read of a participant. Not for personal data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>")]
pub struct Attributes(BTreeMap<String, String>);

/// Attributes that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAttributes {
    /// More than IVS takes.
    #[error("must be at most 1024 bytes in all, keys and values together")]
    TooLong,
    /// DynamoDB has no attribute without a name.
    #[error("must not have an empty key")]
    EmptyKey,
}

impl Attributes {
    /// Keys and values together, in bytes (Real-Time API reference, `CreateParticipantToken`).
    const LONGEST: usize = 1024;

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Key and value of each, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// These, and those of `granted` in place of any of the same key.
    pub(super) fn overlaid_with(&self, granted: &Self) -> Result<Self, InvalidAttributes> {
        let mut all = self.0.clone();
        all.extend(granted.0.clone());
        Self::try_from(all)
    }
}

impl TryFrom<BTreeMap<String, String>> for Attributes {
    type Error = InvalidAttributes;

    fn try_from(map: BTreeMap<String, String>) -> Result<Self, InvalidAttributes> {
        let length: usize = map.iter().map(|(key, value)| key.len() + value.len()).sum();
        if length > Self::LONGEST {
            return Err(InvalidAttributes::TooLong);
        }
        if map.contains_key("") { Err(InvalidAttributes::EmptyKey) } else { Ok(Self(map)) }
    }
}

impl Field for Attributes {
    const RULE: &'static str = "must be an object of strings, at most 1024 bytes in all, without an empty key";
}

impl<const N: usize> TryFrom<[(String, String); N]> for Attributes {
    type Error = InvalidAttributes;

    fn try_from(pairs: [(String, String); N]) -> Result<Self, InvalidAttributes> {
        Self::try_from(BTreeMap::from(pairs))
    }
}

/// How long a token can be used to join: 1 minute to 14 days, an hour unless told. Who has joined by then stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "f64")]
pub struct TokenDuration(u16);

/// Outside of what IVS takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 20160 minutes")]
pub struct InvalidDuration;

impl TokenDuration {
    /// 14 days.
    pub const LONGEST: Self = Self(20160);

    /// So many minutes, or the nearest that IVS takes.
    pub fn of_minutes(minutes: u16) -> Self {
        Self(minutes.clamp(1, Self::LONGEST.0))
    }

    /// Whole minutes, as IVS counts.
    pub fn minutes(self) -> u16 {
        self.0
    }
}

impl Default for TokenDuration {
    fn default() -> Self {
        Self(60)
    }
}

/// JSON has one kind of number: 60.0 is as whole as 60.
impl TryFrom<f64> for TokenDuration {
    type Error = InvalidDuration;

    fn try_from(minutes: f64) -> Result<Self, InvalidDuration> {
        let valid = minutes.fract() == 0.0 && (1.0..=20160.0).contains(&minutes);
        if valid { Ok(Self(minutes as u16)) } else { Err(InvalidDuration) }
    }
}

impl Field for TokenDuration {
    const RULE: &'static str = "must be a whole number of minutes, 1 to 20160";
}

impl From<TokenDuration> for Duration {
    fn from(duration: TokenDuration) -> Self {
        Self::from_secs(u64::from(duration.0) * 60)
    }
}
