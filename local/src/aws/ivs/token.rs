//! Playback tokens: JSON Web Tokens that the account signs with a playback key, for its private channels.
//!
//! After "Generate and Sign IVS Playback Tokens" in the IVS Low-Latency user guide.

use serde::Deserialize;
use time::{Duration, OffsetDateTime};

use super::{constraint::MAX_VIEWER_ID, origin};
use crate::aws::video::jwt::Jwt;

/// Bytes of a token.
const MAX_TOKEN: usize = 2048;

/// How far ahead the `exp` of a token for one viewer or for a single use may be.
const SHORT_LIFETIME: Duration = Duration::minutes(10);

/// Origins of a token with strict enforcement.
const MAX_STRICT_ORIGINS: usize = 5;

#[derive(Deserialize)]
pub(super) struct Claims {
    #[serde(rename = "aws:channel-arn")]
    pub(super) channel_arn: String,
    /// Seconds since 1970.
    pub(super) exp: i64,
    /// Separated by commas.
    #[serde(rename = "aws:access-control-allow-origin")]
    allow_origin: Option<String>,
    #[serde(rename = "aws:strict-origin-enforcement", default)]
    strict_origin: bool,
    #[serde(rename = "aws:single-use-uuid")]
    pub(super) single_use_uuid: Option<String>,
    #[serde(rename = "aws:viewer-id")]
    pub(super) viewer_id: Option<String>,
    #[serde(rename = "aws:viewer-session-version", default)]
    pub(super) viewer_session_version: i64,
    #[serde(rename = "aws:maximum-resolution")]
    maximum_resolution: Option<String>,
}

/// Takes a playback token apart.
///
/// # Errors
/// What is malformed. The text of the token is not quoted.
pub(super) fn parse(text: &str) -> Result<Jwt<'_, Claims>, String> {
    if text.len() > MAX_TOKEN {
        return Err("the token is over 2 KB".to_owned());
    }
    let token = Jwt::<Claims>::parse(text)?;
    if token.header.alg == "ES384" { Ok(token) } else { Err("the header's alg is not ES384".to_owned()) }
}

impl Claims {
    /// Checks what can be checked without knowing the channel.
    pub(super) fn check(&self, now: OffsetDateTime) -> Result<(), String> {
        let short = now.saturating_add(SHORT_LIFETIME).unix_timestamp();
        let rules = [
            (self.exp > now.unix_timestamp(), "the token has expired"),
            (
                self.viewer_id.as_ref().is_none_or(|id| id.chars().count() <= MAX_VIEWER_ID),
                "the claim aws:viewer-id is over 40 characters",
            ),
            (self.viewer_id.is_none() || self.exp <= short, "with aws:viewer-id, exp is at most 10 minutes from now"),
            (self.single_use_uuid.as_deref().is_none_or(is_uuid), "the claim aws:single-use-uuid is not a UUID"),
            (
                self.single_use_uuid.is_none() || self.exp <= short,
                "with aws:single-use-uuid, exp is at most 10 minutes from now",
            ),
            (
                self.maximum_resolution.as_deref().is_none_or(|limit| ["SD", "HD", "FULL_HD"].contains(&limit)),
                "the claim aws:maximum-resolution is not SD, HD or FULL_HD",
            ),
            (
                !self.strict_origin || self.origins().count() <= MAX_STRICT_ORIGINS,
                "with aws:strict-origin-enforcement, at most 5 origins can be allowed",
            ),
        ];
        rules.into_iter().find(|(met, _)| !met).map_or(Ok(()), |(_, broken)| Err(broken.to_owned()))
    }

    /// Checks where the player is. Only browsers say their origin; only strict enforcement asks it of everyone.
    pub(super) fn check_origin(&self, origin: Option<&str>) -> Result<(), String> {
        if self.origins().next().is_none() {
            return Ok(());
        }
        match origin {
            None if self.strict_origin => Err("the token asks for an origin".to_owned()),
            Some(origin) if !self.origins().any(|entry| origin::allows(entry, origin)) => {
                Err("the token does not allow the origin".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn origins(&self) -> impl Iterator<Item = &str> {
        let entries = self.allow_origin.as_deref().unwrap_or_default().split(',');
        entries.map(str::trim).filter(|entry| !entry.is_empty())
    }
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<_> = text.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12] && text.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
}
