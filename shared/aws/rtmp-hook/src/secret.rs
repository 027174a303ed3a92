//! The secret of the hook, from Secrets Manager, kept per instance.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_client::{Aws, AwsFailure, SdkClient, sdk_client};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use model::secret::are_equal;
use model::{Error, Timestamp, secret};

/// How long a value is used before the secret is asked again.
const REFRESH: Duration = Duration::from_secs(5 * 60);
/// How long a value is believed that somebody does not know: the secret may have changed.
const RETRY: Duration = Duration::from_secs(30);
/// A shorter value is none: it could be guessed.
const SHORTEST: usize = 20;

secret!(
    /// What nginx's forwarder sends along.
    Value
);

/// The secret of the hook.
pub struct HookSecret {
    secrets: SdkClient<Client>,
    /// Name or ARN.
    id: String,
    known: Mutex<Option<Known>>,
}

#[derive(Clone)]
struct Known {
    /// `None` while there is none; then nobody gets in.
    value: Option<Value>,
    since: Timestamp,
}

impl HookSecret {
    /// The secret of that name or ARN.
    pub fn new(aws: &Aws, id: String) -> Self {
        let secrets = sdk_client!(aws, aws_sdk_secretsmanager, "SECRETS_MANAGER");
        Self { secrets, id, known: Mutex::new(None) }
    }

    /// Whether that is it.
    ///
    /// # Errors
    /// What Secrets Manager fails with, unless the value is known.
    pub async fn is(&self, given: &str, now: Timestamp) -> Result<bool, Error> {
        let opens = |known: &Known| known.value.as_ref().is_some_and(|value| are_equal(value.expose(), given));
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let age = known.as_ref().map(|known| known.since.until(now));
        match (&known, age) {
            (Some(known), Some(age)) if age < RETRY || age < REFRESH && opens(known) => return Ok(opens(known)),
            _ => {}
        }
        let value = match (self.fetch().await, known) {
            (Ok(value), _) => value,
            // Broadcasts go on while Secrets Manager is out of reach.
            (Err(error), Some(known)) if opens(&known) => {
                tracing::warn!(
                    cause = error.causes(),
                    "the hook's secret could not be refreshed; using the earlier one"
                );
                known.value
            }
            (Err(error), _) => return Err(error),
        };
        let fresh = Known { value, since: now };
        let opened = opens(&fresh);
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(fresh);
        Ok(opened)
    }

    async fn fetch(&self) -> Result<Option<Value>, Error> {
        match self.secrets.get_secret_value().secret_id(&self.id).send().await {
            Ok(got) => {
                let value = got.secret_string().map(str::trim).filter(|value| value.len() >= SHORTEST);
                Ok(value.map(|value| Value::new(value.to_owned())))
            }
            Err(error) => match error.as_service_error() {
                Some(
                    GetSecretValueError::ResourceNotFoundException(_) | GetSecretValueError::InvalidRequestException(_),
                ) => Ok(None),
                _ => Err(AwsFailure::new("secretsmanager:GetSecretValue", &error).into_error()),
            },
        }
    }
}
