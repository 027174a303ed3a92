//! A webhook's secrets, and what is signed with them.

use std::str::FromStr;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::id::random_bytes;
use crate::{Error, EventId, Timestamp, secret};

/// How long a secret signs on after its rotation.
pub const OVERLAP: Duration = Duration::from_secs(24 * 60 * 60);
/// Earlier secrets that sign at most; of more, the oldest ends at once.
pub const EARLIER: usize = 4;

const PREFIX: &str = "whsec_";
/// In bytes. 24 and 33 are the lengths whose base64 needs no padding, which receivers read differently.
const LENGTH: usize = 24;

secret!(
    /// `whsec_` and the base64 of 24 bytes, with which deliveries are signed.
    WebhookSecret
);

/// The text is no secret that was made here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no secret of a webhook")]
pub struct InvalidSecret;

impl FromStr for WebhookSecret {
    type Err = InvalidSecret;

    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        let secret = Self::new(text.to_owned());
        key(&secret).map(|_| secret)
    }
}

fn key(secret: &WebhookSecret) -> Result<[u8; LENGTH], InvalidSecret> {
    let encoded = secret.expose().strip_prefix(PREFIX).ok_or(InvalidSecret)?;
    BASE64_STANDARD.decode(encoded).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(InvalidSecret)
}

impl WebhookSecret {
    /// A new one.
    ///
    /// # Errors
    /// Only when the operating system has no randomness to give.
    pub fn random() -> Result<Self, Error> {
        Ok(Self::new(format!("{PREFIX}{}", BASE64_STANDARD.encode(random_bytes::<LENGTH>()?))))
    }

    /// `v1,` and the base64 of the HMAC-SHA256 of id, time and body, with periods between.
    ///
    /// # Errors
    /// [`InvalidSecret`] of a text that is none.
    fn sign(&self, id: &EventId, at: i64, body: &str) -> Result<String, InvalidSecret> {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &key(self)?));
        context.update(format!("{id}.{at}.").as_bytes());
        context.update(body.as_bytes());
        Ok(format!("v1,{}", BASE64_STANDARD.encode(context.sign())))
    }
}

/// All that sign for a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secrets {
    /// The one that receivers are to know.
    pub current: WebhookSecret,
    /// Since when.
    pub since: Timestamp,
    /// Those before it, the latest first, and until when each signs on.
    pub earlier: Vec<(WebhookSecret, Timestamp)>,
}

impl Secrets {
    /// What follows a rotation.
    #[must_use]
    pub fn rotated(&self, fresh: WebhookSecret, now: Timestamp) -> Self {
        let before = std::iter::once((self.current.clone(), now + OVERLAP)).chain(self.earlier.iter().cloned());
        let earlier = before.filter(|(_, until)| *until > now).take(EARLIER).collect();
        Self { current: fresh, since: now, earlier }
    }

    /// The header `webhook-signature`: a signature of each secret that is valid, the current one's first, with blanks
    /// between. `now` is the header `webhook-timestamp`, in whole seconds.
    ///
    /// # Errors
    /// [`InvalidSecret`] if the current one is none.
    pub fn sign(&self, id: &EventId, now: Timestamp, body: &str) -> Result<String, InvalidSecret> {
        let at = now.epoch_seconds();
        let mut signatures = self.current.sign(id, at, body)?;
        for (secret, _) in self.earlier.iter().filter(|(_, until)| *until > now) {
            signatures.push(' ');
            signatures.push_str(&secret.sign(id, at, body)?);
        }
        Ok(signatures)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use proptest::prelude::*;
    use standardwebhooks::Webhook;

    use super::*;

    fn secrets(now: Timestamp) -> Secrets {
        Secrets { current: WebhookSecret::random().unwrap(), since: now, earlier: Vec::new() }
    }

    fn headers(secrets: &Secrets, now: Timestamp, body: &str) -> HeaderMap {
        let id: EventId = "evt_1-a".parse().unwrap();
        let mut headers = HeaderMap::new();
        let mut put = |name: &'static str, value: String| headers.insert(name, value.parse().unwrap());
        put("webhook-id", id.to_string());
        put("webhook-timestamp", now.epoch_seconds().to_string());
        put("webhook-signature", secrets.sign(&id, now, body).unwrap());
        headers
    }

    fn verifies(secret: &WebhookSecret, headers: &HeaderMap, body: &str) -> bool {
        Webhook::new(secret.expose()).unwrap().verify(body.as_bytes(), headers).is_ok()
    }

    #[test]
    fn a_secret_is_whsec_and_base64_without_padding_and_never_shows_itself() {
        let secret = WebhookSecret::random().unwrap();
        let text = secret.expose();
        assert!(text.starts_with("whsec_") && text.len() == 38 && !text.contains('='), "{} characters", text.len());
        assert_eq!(text.parse(), Ok(secret.clone()));
        assert_eq!(format!("{secret:?}"), "WebhookSecret(redacted)");
        assert_ne!(secret, WebhookSecret::random().unwrap());
    }

    #[test]
    fn what_libraries_would_take_for_another_key_is_no_secret() {
        let made = WebhookSecret::random().unwrap();
        let bare = made.expose().strip_prefix("whsec_").unwrap();
        for text in [
            String::new(),
            "whsec_".to_owned(),
            bare.to_owned(),
            format!("WHSEC_{bare}"),
            format!("whsec_{bare}\n"),
            format!("whsec_{bare}="),
            format!("whsec_{}", &bare[..28]),
            format!("whsec_{}-_", &bare[..30]),
        ] {
            assert!(text.parse::<WebhookSecret>().is_err(), "{} characters", text.len());
        }
    }

    #[test]
    fn a_rotated_secret_signs_for_a_day_beside_the_new_one() {
        let now = Timestamp::now().whole_seconds();
        let first = secrets(now);
        let second = first.rotated(WebhookSecret::random().unwrap(), now - OVERLAP + Duration::from_secs(1));
        let both = headers(&second, now, "{}");
        assert!(verifies(&first.current, &both, "{}") && verifies(&second.current, &both, "{}"));
        let later = now + Duration::from_secs(1);
        let new_alone = headers(&second, later, "{}");
        assert!(!verifies(&first.current, &new_alone, "{}") && verifies(&second.current, &new_alone, "{}"));
        // What has ended is forgotten with the next rotation.
        let third = second.rotated(WebhookSecret::random().unwrap(), later);
        assert_eq!(third.earlier.iter().map(|(secret, _)| secret).collect::<Vec<_>>(), [&second.current]);
    }

    #[test]
    fn of_many_rotations_within_a_day_the_latest_secrets_sign() {
        let now = Timestamp::now();
        let mut secrets = secrets(now);
        let mut known = Vec::new();
        for _ in 0..9 {
            known.insert(0, secrets.current.clone());
            secrets = secrets.rotated(WebhookSecret::random().unwrap(), now);
        }
        known.truncate(EARLIER);
        assert_eq!(secrets.earlier.into_iter().map(|(secret, _)| secret).collect::<Vec<_>>(), known);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

        #[test]
        fn any_body_verifies_by_the_official_crate_and_no_other_does(body in "\\PC{0,80}", other in "\\PC{0,80}") {
            let now = Timestamp::now();
            let secrets = secrets(now);
            let headers = headers(&secrets, now, &body);
            prop_assert!(verifies(&secrets.current, &headers, &body));
            prop_assert_eq!(verifies(&secrets.current, &headers, &other), body == other);
            prop_assert!(!verifies(&WebhookSecret::random().unwrap(), &headers, &body));
        }
    }
}
