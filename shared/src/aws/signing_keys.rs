//! The key that signs participant tokens, from Secrets Manager, kept per instance.
//!
//! The secret is `{"keyId": "<ARN of the public key in IVS>", "privateKey": "<PEM>"}`. To rotate, import another public
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
use crate::domain::token::SigningKey;
use crate::domain::{PublicKeyArn, Timestamp};

/// How long a key is used before the secret is asked again.
const REFRESH: Duration = Duration::from_secs(5 * 60);
/// How long "there is none", or a failed refresh, is believed.
const RETRY: Duration = Duration::from_secs(30);

/// Where the signing key comes from.
pub struct SigningKeys {
    secrets: Client,
    /// Name or ARN of the secret; `None` leaves signing to IVS.
    secret: Option<String>,
    known: Mutex<Option<Known>>,
}

#[derive(Clone)]
struct Known {
    key: Option<Arc<SigningKey>>,
    until: Timestamp,
}

/// The form of the secret.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Secret {
    key_id: PublicKeyArn,
    private_key: String,
}

impl SigningKeys {
    /// The secret of that name or ARN; `None` when no signing is configured.
    pub fn new(aws: &Aws, secret: Option<String>) -> Self {
        Self { secrets: aws.secrets_manager(), secret, known: Mutex::new(None) }
    }

    /// The key to sign with; `None` while the secret has no value.
    ///
    /// # Errors
    /// What Secrets Manager fails with, unless an earlier key is known; [`Error::Internal`] for a secret that is not
    /// of the documented form.
    pub async fn current(&self, now: Timestamp) -> Result<Option<Arc<SigningKey>>, Error> {
        let Some(secret) = &self.secret else { return Ok(None) };
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(known) = known.as_ref().filter(|known| known.until > now) {
            return Ok(known.key.clone());
        }
        let fetched = match (self.fetch(secret).await, known) {
            (Ok(key), _) => {
                let until = now + if key.is_some() { REFRESH } else { RETRY };
                Known { key: key.map(Arc::new), until }
            }
            // Secrets Manager is not needed to go on signing.
            (Err(error), Some(Known { key: Some(key), .. })) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(cause, "the signing key could not be refreshed; signing with the earlier one");
                Known { key: Some(key), until: now + RETRY }
            }
            (Err(error), _) => return Err(error),
        };
        let key = fetched.key.clone();
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(fetched);
        Ok(key)
    }

    async fn fetch(&self, secret: &str) -> Result<Option<SigningKey>, Error> {
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
        SigningKey::from_pem(secret.key_id, &secret.private_key).map(Some).map_err(Error::internal)
    }
}
