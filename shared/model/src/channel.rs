//! Channels: one-to-many broadcasts, whose stream key is their owner's alone. How one comes to exist exactly once is in
//! [`claim`](crate::claim).

use serde::{Deserialize, Serialize};

use crate::claim::{DesiredOptions, Resource};
use crate::error::{Conflict, FieldError};
use crate::qualities::Qualities;
use crate::secret;
use crate::{ChannelArn, ChannelName, ClaimId, Field, StreamKeyArn, Timestamp, UserId};

/// What a channel is made for: resolutions, bitrates and transcoding (Low-Latency API reference, `Channel`, `type`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChannelType {
    /// No transcoding: viewers get what is sent, up to 480p or 1080p by bitrate.
    #[serde(rename = "BASIC")]
    Basic,
    /// Transcoded to several qualities, up to 1080p.
    #[default]
    #[serde(rename = "STANDARD")]
    Standard,
    /// Transcoded, up to 480p for viewers.
    #[serde(rename = "ADVANCED_SD")]
    AdvancedSd,
    /// Transcoded, up to 720p for viewers.
    #[serde(rename = "ADVANCED_HD")]
    AdvancedHd,
}

impl ChannelType {
    const ALL: [Self; 4] = [Self::Basic, Self::Standard, Self::AdvancedSd, Self::AdvancedHd];

    /// IVS's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "BASIC",
            Self::Standard => "STANDARD",
            Self::AdvancedSd => "ADVANCED_SD",
            Self::AdvancedHd => "ADVANCED_HD",
        }
    }

    /// Reads IVS's word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r#type| r#type.as_str() == word)
    }
}

impl Field for ChannelType {
    const RULE: &'static str = "must be BASIC, STANDARD, ADVANCED_SD or ADVANCED_HD";
}

/// How far viewers are behind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LatencyMode {
    /// As in ordinary HLS.
    Normal,
    /// A few seconds.
    #[default]
    Low,
}

impl LatencyMode {
    /// IVS's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "NORMAL",
            Self::Low => "LOW",
        }
    }

    /// Reads IVS's word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Normal, Self::Low].into_iter().find(|mode| mode.as_str() == word)
    }
}

impl Field for LatencyMode {
    const RULE: &'static str = "must be NORMAL or LOW";
}

/// Who takes a channel's broadcast and serves its viewers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Origin {
    /// IVS.
    #[default]
    Ivs,
    /// The organisation's own RTMP server.
    SelfHosted,
}

impl Origin {
    /// The API's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ivs => "ivs",
            Self::SelfHosted => "selfHosted",
        }
    }

    /// Where a broadcaster sends the stream of a channel with this endpoint. IVS names a host, where port 443 is meant; an
    /// endpoint that brings its port keeps it. A self-hosted channel's endpoint is a URL already.
    pub fn ingest_url(self, endpoint: &str) -> String {
        if self == Self::SelfHosted {
            return endpoint.to_owned();
        }
        let brings_port = endpoint.rsplit_once(':').is_some_and(|(host, port)| {
            let is_address = !host.contains(':') || (host.starts_with('[') && host.ends_with(']'));
            is_address && port.parse::<u16>().is_ok()
        });
        let port = if brings_port { "" } else { ":443" };
        format!("rtmps://{endpoint}{port}/app/")
    }
}

impl Field for Origin {
    const RULE: &'static str = "must be ivs or selfHosted";
}

/// Who gets a playback token of a private channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Admission {
    /// Whoever is signed in.
    #[default]
    Open,
    /// The owner, and whom the owner has invited.
    Invited,
}

impl Admission {
    /// The word used in the API and in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Invited => "invited",
        }
    }
}

impl Field for Admission {
    const RULE: &'static str = "must be open or invited";
}

/// Somebody who may watch a private channel by invitation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    /// Who.
    pub user_id: UserId,
    /// Since when.
    pub invited_at: Timestamp,
}

/// What the first caller of an IVS channel decides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IvsOptions {
    /// Resolutions, bitrates and transcoding.
    pub r#type: ChannelType,
    /// How far viewers are behind.
    pub latency_mode: LatencyMode,
    /// Whether watching takes a playback token.
    pub private: bool,
    /// Who gets one. Of a channel that is not private, it says nothing.
    pub admission: Admission,
}

/// What the first caller of a channel decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelOptions {
    /// IVS is the origin.
    Ivs(IvsOptions),
    /// The organisation's own RTMP server is, and these are all qualities of a broadcast.
    SelfHosted(Qualities),
}

impl ChannelOptions {
    /// Who takes the broadcast.
    pub fn origin(&self) -> Origin {
        match self {
            Self::Ivs(_) => Origin::Ivs,
            Self::SelfHosted(_) => Origin::SelfHosted,
        }
    }

    /// Whether watching takes a playback token.
    pub fn is_private(&self) -> bool {
        matches!(self, Self::Ivs(options) if options.private)
    }

    /// Whether only those who are invited get a playback token.
    pub fn is_by_invitation(&self) -> bool {
        matches!(self, Self::Ivs(options) if options.private && options.admission == Admission::Invited)
    }
}

secret!(
    /// The text of a stream key: whoever holds it can broadcast to the channel.
    StreamKeyText
);

/// The one stream key of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamKey {
    /// What IVS calls it, or an id of ours.
    pub arn: StreamKeyArn,
    /// The key itself.
    pub text: StreamKeyText,
}

/// A key that is being replaced. IVS allows one key per channel, so the old one has to be deleted first: from this row
/// on, until the new one is committed, the channel has no key that could be given out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// The key that must go.
    pub old: StreamKeyArn,
    /// Which attempt is at work.
    pub id: ClaimId,
    /// Until when it is.
    pub lease_until: Timestamp,
}

/// What a row knows of its channel's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyState {
    /// The key that works.
    Current(StreamKey),
    /// There is none, or one that no row knows yet.
    Rotating(Rotation),
}

/// A channel that exists, in IVS unless it is self-hosted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// Unique in the deployment.
    pub name: ChannelName,
    /// What IVS calls it, or an id of ours.
    pub arn: ChannelArn,
    /// The first caller of the name.
    pub owner: UserId,
    /// What the first caller decided.
    pub options: ChannelOptions,
    /// The host that takes the broadcast, perhaps with a port; of a self-hosted channel, the URL.
    pub ingest_endpoint: String,
    /// What viewers play.
    pub playback_url: String,
    /// When the row became a channel.
    pub created_at: Timestamp,
    /// Absent in a list, which is read from an index that does not hold keys.
    pub key: Option<KeyState>,
}

impl Channel {
    /// Where a broadcaster sends its stream, with the stream key appended.
    pub fn ingest_url(&self) -> String {
        self.options.origin().ingest_url(&self.ingest_endpoint)
    }
}

impl Resource for Channel {
    const KIND: &'static str = "channel";
    type Name = ChannelName;
    type Arn = ChannelArn;
    type Options = ChannelOptions;

    fn name(&self) -> &ChannelName {
        &self.name
    }

    fn owner(&self) -> &UserId {
        &self.owner
    }

    fn arn(&self) -> &ChannelArn {
        &self.arn
    }

    fn created_at(&self) -> Timestamp {
        self.created_at
    }

    fn too_many(most: u32) -> Conflict {
        Conflict::TooManyChannels { most }
    }
}

/// What a PUT asks of a channel; what is absent may be anything.
#[derive(Debug, Clone, Default)]
pub struct DesiredChannelOptions {
    /// Absent: `ivs` when new.
    pub origin: Option<Origin>,
    /// Absent: one, when new and self-hosted.
    pub qualities: Option<Qualities>,
    /// Absent: `STANDARD` when new.
    pub r#type: Option<ChannelType>,
    /// Absent: `LOW` when new.
    pub latency_mode: Option<LatencyMode>,
    /// Absent: false when new.
    pub private: Option<bool>,
    /// Absent: `open` when new.
    pub admission: Option<Admission>,
}

impl DesiredChannelOptions {
    /// Options that no channel can have together: each with the reason.
    pub fn contradictions(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let (of_ivs, of_own) = (
            "is for a channel whose origin is ivs",
            "is for a channel whose origin is selfHosted, which has to be said",
        );
        let is_own = self.origin == Some(Origin::SelfHosted);
        let excluded = [
            ("type", is_own && self.r#type.is_some(), of_ivs),
            ("latencyMode", is_own && self.latency_mode.is_some(), of_ivs),
            ("private", is_own && self.private.is_some(), of_ivs),
            ("qualities", !is_own && self.qualities.is_some(), of_own),
            (
                "admission",
                self.admission.is_some() && self.private != Some(true),
                "is for a channel that is private, which has to be said",
            ),
        ];
        excluded.into_iter().filter(|(_, is_there, _)| *is_there).map(|(field, _, reason)| (field, reason))
    }
}

impl DesiredOptions<Channel> for DesiredChannelOptions {
    fn options(&self) -> ChannelOptions {
        match self.origin.unwrap_or_default() {
            Origin::Ivs => ChannelOptions::Ivs(IvsOptions {
                r#type: self.r#type.unwrap_or_default(),
                latency_mode: self.latency_mode.unwrap_or_default(),
                private: self.private.unwrap_or_default(),
                admission: self.admission.unwrap_or_default(),
            }),
            Origin::SelfHosted => ChannelOptions::SelfHosted(self.qualities.clone().unwrap_or_default()),
        }
    }

    fn unmet(&self, channel: &Channel) -> Vec<FieldError> {
        let differs = |field: &str, is: &str, asked: Option<&str>| {
            let asked = asked.filter(|asked| is != *asked)?;
            Some(FieldError::new(field, format!("is {is} already, not {asked}")))
        };
        let private = self.private.map(|private| private.to_string());
        let qualities = self.qualities.as_ref().map(ToString::to_string);
        let origin = differs("origin", channel.options.origin().as_str(), self.origin.map(Origin::as_str));
        // What the channel's origin does not know is none.
        let (r#type, latency_mode, is_private, admission, of_own) = match &channel.options {
            ChannelOptions::Ivs(is) => {
                let (r#type, latency_mode) = (is.r#type.as_str(), is.latency_mode.as_str());
                (r#type, latency_mode, is.private.to_string(), is.admission.as_str(), "none".to_owned())
            }
            ChannelOptions::SelfHosted(is) => ("none", "none", "none".to_owned(), "none", is.to_string()),
        };
        let unmet = [
            origin,
            differs("qualities", &of_own, qualities.as_deref()),
            differs("type", r#type, self.r#type.map(ChannelType::as_str)),
            differs("latencyMode", latency_mode, self.latency_mode.map(LatencyMode::as_str)),
            differs("private", &is_private, private.as_deref()),
            differs("admission", admission, self.admission.map(Admission::as_str)),
        ];
        unmet.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_that_brings_its_port_keeps_it() {
        for (endpoint, expected) in [
            ("a1.global-contribute.live-video.net", "rtmps://a1.global-contribute.live-video.net:443/app/"),
            ("127.0.0.1:1936", "rtmps://127.0.0.1:1936/app/"),
            ("[::1]:1936", "rtmps://[::1]:1936/app/"),
            ("[::1]", "rtmps://[::1]:443/app/"),
            ("host:none", "rtmps://host:none:443/app/"),
        ] {
            let channel = Channel {
                name: "demo".parse().unwrap(),
                arn: "arn:aws:ivs:us-east-1:123456789012:channel/AbCdEf1234".parse().unwrap(),
                owner: "alice".parse().unwrap(),
                options: ChannelOptions::Ivs(IvsOptions::default()),
                ingest_endpoint: endpoint.to_owned(),
                playback_url: String::new(),
                created_at: "2026-03-01T12:00:00Z".parse().unwrap(),
                key: None,
            };
            assert_eq!(channel.ingest_url(), expected);
        }
    }
}
