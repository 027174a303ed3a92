//! Keys that sign tokens, from Secrets Manager, kept per instance.
//!
//! The secret is `{"keyId": "<ARN that IVS knows it by>", "privateKey": "<PEM>"}`. To rotate, import another public
//! key to IVS and put a new version: instances follow within [`REFRESH`], and tokens of both keys work for as long as
//! IVS holds both public keys.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use serde::Deserialize;

use super::Aws;
use super::failure::AwsFailure;
use crate::Error;
use crate::domain::Timestamp;
use crate::domain::signing::Signer;

/// How long a key is used before the secret is asked again.
const REFRESH: Duration = Duration::from_secs(5 * 60);
/// How long "there is none", or a failed refresh, is believed.
const RETRY: Duration = Duration::from_secs(30);

/// Signs one kind of token, with the key of now.
pub struct Signers<S> {
    secrets: Client,
    /// Name or ARN of the secret; `None` when nothing is signed here.
    secret: Option<String>,
    known: Mutex<Option<Known<S>>>,
}

struct Known<S> {
    signer: Option<Arc<S>>,
    until: Timestamp,
}

/// The form of the secret.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Secret {
    key_id: String,
    private_key: String,
}

impl<S: Signer> Signers<S> {
    /// The secret of that name or ARN; `None` when no signing is configured.
    pub fn new(aws: &Aws, secret: Option<String>) -> Self {
        Self { secrets: aws.secrets_manager(), secret, known: Mutex::new(None) }
    }

    /// The signer of now; `None` while the secret has no value.
    ///
    /// # Errors
    /// What Secrets Manager fails with, unless an earlier key is known; [`Error::Internal`] for a secret that is not
    /// of the documented form.
    pub async fn current(&self, now: Timestamp) -> Result<Option<Arc<S>>, Error> {
        let Some(secret) = &self.secret else { return Ok(None) };
        let earlier = match &*self.known.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(known) if known.until > now => return Ok(known.signer.clone()),
            Some(known) => known.signer.clone(),
            None => None,
        };
        let (signer, lasts) = match (self.fetch(secret).await, earlier) {
            (Ok(Some(signer)), _) => (Some(Arc::new(signer)), REFRESH),
            (Ok(None), _) => (None, RETRY),
            // Secrets Manager is not needed to go on signing.
            (Err(error), Some(earlier)) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(cause, "the signing key could not be refreshed; signing with the earlier one");
                (Some(earlier), RETRY)
            }
            (Err(error), None) => return Err(error),
        };
        let known = Known { signer: signer.clone(), until: now + lasts };
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
        Ok(signer)
    }

    async fn fetch(&self, secret: &str) -> Result<Option<S>, Error> {
        let got = match self.secrets.get_secret_value().secret_id(secret).send().await {
            Ok(got) => got,
            Err(error) => {
                return match error.as_service_error() {
                    // No such secret, or one without a value yet.
                    Some(GetSecretValueError::ResourceNotFoundException(_)) => Ok(None),
                    _ => Err(AwsFailure::new("secretsmanager:GetSecretValue", &error).into_error()),
                };
            }
        };
        // The parser's own words would quote the secret.
        let secret: Secret = serde_json::from_str(got.secret_string().unwrap_or_default()).map_err(|_| {
            Error::internal("the signing key's secret is not {\"keyId\": <ARN>, \"privateKey\": <PEM>}")
        })?;
        S::from_secret(&secret.key_id, &secret.private_key).map(Some).map_err(Error::internal)
    }
}
