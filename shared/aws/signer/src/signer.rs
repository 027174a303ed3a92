//! Keys that sign tokens, from Secrets Manager, kept per instance. When another key becomes current, instances follow
//! within the time that they keep it, and tokens of both keys work for as long as IVS holds both public halves.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_client::Aws;
use model::signing::{STALE, Signer};
use model::{Error, Timestamp};

use crate::{KeySecret, KeyVersion};

/// How long a function that starts waits for a key, which a request can fetch as well: an attempt's time.
const AHEAD: Duration = Duration::from_secs(2);
/// How long "there is none", or a failed refresh, is believed.
const RETRY: Duration = Duration::from_secs(30);

/// Signs one kind of token, with the key of now.
pub struct Signers<S> {
    /// `None` when nothing is signed here.
    secret: Option<KeySecret>,
    /// How long a key is used before the secret is asked again.
    cache: Duration,
    known: Mutex<Option<Known<S>>>,
    previous: Mutex<Option<Known<S>>>,
}

struct Known<S> {
    signer: Option<Arc<S>>,
    /// When Secrets Manager is asked again.
    until: Timestamp,
    /// Until when it need not have answered.
    stale: Timestamp,
}

impl<S: Signer> Signers<S> {
    /// The secret of that name or ARN; `None` when no signing is configured. A key is used for `cache` before it is asked
    /// for again.
    pub fn new(aws: &Aws, secret: Option<String>, cache: Duration) -> Self {
        Self {
            secret: secret.map(|secret| KeySecret::new(aws, secret)),
            cache,
            known: Mutex::default(),
            previous: Mutex::default(),
        }
    }

    /// The signer of now; `None` while the secret has no key.
    ///
    /// # Errors
    /// What Secrets Manager fails with, unless a key is known that was the one less than [`STALE`] ago;
    /// [`Error::Internal`] for a secret that is not of the documented form.
    pub async fn current(&self, now: Timestamp) -> Result<Option<Arc<S>>, Error> {
        self.kept(&self.known, now, KeySecret::read).await
    }

    /// Fetches the signer of now while the function starts, so that no request waits for it. Best effort, and for
    /// two seconds at most: a request that finds no signer asks itself, and tells what is wrong.
    pub async fn fetch_ahead(&self, now: Timestamp) {
        let _ = tokio::time::timeout(AHEAD, self.current(now)).await;
    }

    /// The signer of before, whose tokens may still be valid: a key signs for longer than a token lives. `None` if there
    /// was none.
    ///
    /// # Errors
    /// As [`Self::current`].
    pub async fn previous(&self, now: Timestamp) -> Result<Option<Arc<S>>, Error> {
        self.kept(&self.previous, now, KeySecret::read_previous).await
    }

    async fn kept(
        &self,
        known: &Mutex<Option<Known<S>>>,
        now: Timestamp,
        read: impl AsyncFn(&KeySecret) -> Result<Option<KeyVersion>, Error>,
    ) -> Result<Option<Arc<S>>, Error> {
        let Some(secret) = &self.secret else { return Ok(None) };
        let earlier = match &*known.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(known) if known.until > now => return Ok(known.signer.clone()),
            Some(known) if known.stale > now => known.signer.clone().map(|signer| (signer, known.stale)),
            _ => None,
        };
        let fetched = read(secret).await.and_then(Self::signer);
        let fetched = match (fetched, earlier) {
            (Ok(Some(signer)), _) => {
                Known { signer: Some(Arc::new(signer)), until: now + self.cache, stale: now + STALE }
            }
            (Ok(None), _) => Known { signer: None, until: now + RETRY, stale: now + RETRY },
            // Secrets Manager is not needed to go on signing, for a while.
            (Err(error), Some((earlier, stale))) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(cause, "the signing key could not be refreshed; signing with the earlier one");
                Known { signer: Some(earlier), until: now + RETRY, stale }
            }
            (Err(error), None) => return Err(error),
        };
        let signer = fetched.signer.clone();
        *known.lock().unwrap_or_else(PoisonError::into_inner) = Some(fetched);
        Ok(signer)
    }

    fn signer(version: Option<KeyVersion>) -> Result<Option<S>, Error> {
        let Some(version) = version else { return Ok(None) };
        let signer = version.value.key()?.map(|key| S::from_secret(&key.id, key.private.expose()));
        signer.transpose().map_err(Error::internal)
    }
}
