//! Playback tokens for private channels: what they say, and the key that signs them here.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::channel::Channel;
use crate::error::{Conflict, Error, FieldError};
use crate::participant::TokenDuration;
use crate::signing::{InvalidSigningKey, PrivateKey, Signer};
use crate::{ChannelArn, PlaybackKeyArn, Timestamp, ViewerId};
use crate::{secret, signing};

secret!(
    /// The text of a playback token: whoever holds it can begin to watch.
    PlaybackToken
);

/// The longest life of a token that names its viewer, in minutes (Low-Latency user guide, "Generate and sign playback
/// tokens", `aws:viewer-id`).
pub const LONGEST_WITH_VIEWER: u16 = 10;

/// Bytes of the longest token that IVS takes (Low-Latency user guide, "Service quotas").
const LONGEST_TOKEN: usize = 2048;

/// Signs playback tokens.
pub struct PlaybackSigner {
    header: String,
    key: PrivateKey,
}

impl Signer for PlaybackSigner {
    fn from_secret(key_id: &str, pem: &str) -> Result<Self, InvalidSigningKey> {
        // IVS tries every playback key of the account, so the id is not part of a token; it is checked nevertheless,
        // since a participant signing key would sign tokens that nobody accepts.
        let _: PlaybackKeyArn = key_id.parse().map_err(|_| InvalidSigningKey)?;
        let header = PrivateKey::header(&serde_json::json!({"alg": "ES384", "typ": "JWT"}));
        Ok(Self { header, key: PrivateKey::from_pem(pem)? })
    }
}

impl fmt::Debug for PlaybackSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlaybackSigner(redacted)")
    }
}

/// What `POST /channels/{channel}/playback-tokens` asks for.
#[derive(Debug, Clone)]
pub struct PlaybackRequest {
    /// Until when watching can begin; who watches by then goes on.
    pub duration: TokenDuration,
    /// Names the viewer to IVS, so that the session can be revoked.
    pub viewer_id: Option<ViewerId>,
}

/// How long a token lives, which is how long watching can begin. A token that names its viewer lives briefly, since IVS
/// says so; one of a channel whose viewers are invited, since whoever is not invited any more keeps it.
///
/// # Errors
/// [`Error::InvalidRequest`] if more is asked for.
pub fn duration(
    channel: &Channel,
    viewer_id: Option<&ViewerId>,
    asked: Option<TokenDuration>,
) -> Result<TokenDuration, Error> {
    let is_brief = viewer_id.is_some() || channel.options.is_by_invitation();
    match asked {
        Some(asked) if is_brief && asked.minutes() > LONGEST_WITH_VIEWER => {
            let reason = "must be at most 10 together with viewerId, or for a channel whose admission is invited";
            Err(Error::InvalidRequest(vec![FieldError::new("durationMinutes", reason)]))
        }
        None if is_brief => Ok(TokenDuration::of_minutes(LONGEST_WITH_VIEWER)),
        asked => Ok(asked.unwrap_or_default()),
    }
}

/// A playback token, with the URL that carries it.
#[derive(Debug)]
pub struct GivenPlayback {
    /// The token.
    pub token: PlaybackToken,
    /// Until when watching can begin.
    pub expires_at: Timestamp,
    /// The channel's playback URL with the token.
    pub playback_url: PlaybackToken,
}

/// Whether watching the channel takes a token.
///
/// # Errors
/// [`Conflict::NotPrivate`]: anybody may watch a public channel without a token.
pub fn check_private(channel: &Channel) -> Result<(), Error> {
    if channel.options.is_private() { Ok(()) } else { Err(Error::Conflict(Conflict::NotPrivate)) }
}

impl PlaybackToken {
    /// Whether the token says that it is for that channel, and has not expired. It proves nothing; but whoever cannot say
    /// so much knows nothing of the channel, and need not be told of it by what a proof costs.
    pub fn claims(&self, channel: &ChannelArn, now: Timestamp) -> bool {
        let token = self.expose();
        token.len() <= LONGEST_TOKEN
            && signing::payload(token).is_some_and(|payload| {
                payload["aws:channel-arn"] == channel.as_str()
                    && payload["exp"].as_i64().is_some_and(|exp| exp > now.epoch_seconds())
            })
    }
}

impl PlaybackSigner {
    /// Signs a token for a channel.
    ///
    /// # Errors
    /// Only when the operating system has no randomness to give.
    pub fn sign(&self, channel: &Channel, now: Timestamp, request: &PlaybackRequest) -> Result<GivenPlayback, Error> {
        #[derive(Serialize)]
        struct Payload<'a> {
            #[serde(rename = "aws:channel-arn")]
            channel: &'a str,
            #[serde(rename = "aws:viewer-id", skip_serializing_if = "Option::is_none")]
            viewer_id: Option<&'a str>,
            exp: i64,
        }
        let expires_at = now.whole_seconds() + Duration::from(request.duration);
        let payload = serde_json::to_vec(&Payload {
            channel: channel.arn.as_str(),
            viewer_id: request.viewer_id.as_ref().map(ViewerId::as_str),
            exp: expires_at.epoch_seconds(),
        });
        let text = self.key.sign(&self.header, &payload.map_err(Error::internal)?)?;
        let playback_url = PlaybackToken::new(format!("{}?token={text}", channel.playback_url));
        Ok(GivenPlayback { token: PlaybackToken::new(text), expires_at, playback_url })
    }

    /// Whether a token opens a channel at that time, as IVS would judge it that knew this key alone.
    pub fn opens(&self, token: &PlaybackToken, channel: &ChannelArn, now: Timestamp) -> bool {
        token.claims(channel, now)
            && self.key.verify(token.expose()).is_some_and(|[header, _]| header["alg"] == "ES384")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::channel::{Admission, ChannelOptions, IvsOptions};
    use crate::signing::tests::private_pem;

    fn channel(id: &str) -> Channel {
        Channel {
            name: "demo".parse().unwrap(),
            arn: format!("arn:aws:ivs:us-west-2:123456789012:channel/{id}").parse().unwrap(),
            owner: "alice".parse().unwrap(),
            options: ChannelOptions::Ivs(IvsOptions { private: true, ..IvsOptions::default() }),
            ingest_endpoint: "i.example".to_owned(),
            playback_url: "https://p.example/x.m3u8".to_owned(),
            created_at: now(),
            key: None,
        }
    }

    fn now() -> Timestamp {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    fn signer() -> PlaybackSigner {
        PlaybackSigner::from_secret("arn:aws:ivs:us-west-2:123456789012:playback-key/abc", &private_pem()).unwrap()
    }

    fn token(signer: &PlaybackSigner, channel: &Channel) -> PlaybackToken {
        let request = PlaybackRequest { duration: TokenDuration::of_minutes(1), viewer_id: None };
        signer.sign(channel, now(), &request).unwrap().token
    }

    #[test]
    fn a_token_lives_briefly_if_it_names_its_viewer_or_its_channel_is_by_invitation() {
        let open = channel("abc");
        let options = IvsOptions { private: true, admission: Admission::Invited, ..IvsOptions::default() };
        let invited = Channel { options: ChannelOptions::Ivs(options), ..open.clone() };
        let viewer: ViewerId = "bob".parse().unwrap();
        let minutes = |channel, viewer, asked: Option<u16>| {
            let duration = duration(channel, viewer, asked.map(TokenDuration::of_minutes));
            duration.ok().map(TokenDuration::minutes)
        };
        assert_eq!(minutes(&open, None, None), Some(60));
        assert_eq!(minutes(&open, None, Some(600)), Some(600));
        for (channel, viewer) in [(&open, Some(&viewer)), (&invited, None), (&invited, Some(&viewer))] {
            assert_eq!(minutes(channel, viewer, None), Some(10));
            assert_eq!(minutes(channel, viewer, Some(3)), Some(3));
            assert_eq!(minutes(channel, viewer, Some(11)), None);
        }
    }

    #[test]
    fn a_token_opens_its_own_channel_until_it_expires() {
        let (signer, channel) = (signer(), channel("abc"));
        let token = token(&signer, &channel);
        assert!(signer.opens(&token, &channel.arn, now() + Duration::from_secs(59)));
        assert!(!signer.opens(&token, &channel.arn, now() + Duration::from_secs(60)));
    }

    #[test]
    fn a_token_of_another_channel_or_another_key_opens_nothing() {
        let (signer, other, channel) = (signer(), self::signer(), channel("abc"));
        assert!(!signer.opens(&token(&signer, &self::channel("other")), &channel.arn, now()));
        assert!(!signer.opens(&token(&other, &channel), &channel.arn, now()));
    }

    #[test]
    fn a_token_that_was_changed_anywhere_opens_nothing() {
        let (signer, channel) = (signer(), channel("abc"));
        let token = token(&signer, &channel);
        let text = token.expose();
        for at in 0..text.len() {
            let with = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
            let changed = format!("{}{with}{}", &text[..at], &text[at + 1..]);
            assert!(!signer.opens(&PlaybackToken::new(changed), &channel.arn, now()), "at {at}");
        }
        for rubbish in ["", ".", "..", "a.b.c", &format!("{text}.{text}"), &text[..text.len() - 1], &"A".repeat(3000)] {
            assert!(!signer.opens(&PlaybackToken::new(rubbish.to_owned()), &channel.arn, now()), "{rubbish}");
        }
    }

    #[test]
    fn a_token_without_the_claims_that_ivs_asks_for_opens_nothing() {
        let (signer, channel) = (signer(), channel("abc"));
        let arn = channel.arn.as_str();
        let exp = now().epoch_seconds() + 60;
        let opens = |header: serde_json::Value, payload: serde_json::Value| {
            let text = signer.key.sign(&PrivateKey::header(&header), payload.to_string().as_bytes()).unwrap();
            signer.opens(&PlaybackToken::new(text), &channel.arn, now())
        };
        let es384 = serde_json::json!({"alg": "ES384"});
        assert!(opens(es384.clone(), serde_json::json!({"aws:channel-arn": arn, "exp": exp})));
        assert!(!opens(es384.clone(), serde_json::json!({"aws:channel-arn": arn})));
        assert!(!opens(es384.clone(), serde_json::json!({"exp": exp})));
        assert!(!opens(es384.clone(), serde_json::json!({"aws:channel-arn": arn, "exp": exp.to_string()})));
        assert!(!opens(es384, serde_json::json!([arn, exp])));
        assert!(!opens(serde_json::json!({"alg": "none"}), serde_json::json!({"aws:channel-arn": arn, "exp": exp})));
    }

    #[test]
    fn a_token_claims_a_channel_until_it_expires_whoever_has_signed_it() {
        let (mine, theirs) = (channel("mine"), channel("theirs"));
        let token = token(&signer(), &mine);
        let at = |seconds| now() + Duration::from_secs(seconds);
        assert!(token.claims(&mine.arn, at(59)) && !token.claims(&mine.arn, at(60)));
        assert!(!token.claims(&theirs.arn, now()));
        for text in ["", "rubbish", "a.b.c", "e30.e30.e30", "."] {
            assert!(!PlaybackToken::new(text.to_owned()).claims(&mine.arn, now()), "{text}");
        }
        let long = PlaybackToken::new(format!("{}{}", token.expose(), "A".repeat(LONGEST_TOKEN)));
        assert!(!long.claims(&mine.arn, now()));
    }
}
