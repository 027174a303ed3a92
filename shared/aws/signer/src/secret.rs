//! The secret of a signing key: `{"keyId": "<ARN that IVS knows it by>", "privateKey": "<PEM>"}`, or `{}` while there
//! is no key.

use aws_client::{Aws, AwsFailure, SdkClient, sdk_client};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use aws_sdk_secretsmanager::operation::put_secret_value::PutSecretValueError;
use aws_sdk_secretsmanager::operation::update_secret_version_stage::UpdateSecretVersionStageError;
use model::signing::PrivatePem;
use model::signing_keys::{SecretValue, SecretVersion};
use model::{ClaimId, Error, Timestamp};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// The label of the version that functions read.
const CURRENT: &str = "AWSCURRENT";
/// The label of the version that was current before.
const PREVIOUS: &str = "AWSPREVIOUS";
/// The label of a version that is not current yet. Nobody reads by it.
const PENDING: &str = "AWSPENDING";

/// One secret.
pub struct KeySecret {
    secrets: SdkClient<Client>,
    /// Name or ARN.
    id: String,
}

/// A version of it.
pub struct KeyVersion {
    /// Its id.
    pub version: SecretVersion,
    /// When it was made.
    pub since: Timestamp,
    /// What it holds.
    pub value: SecretValue<StoredKey>,
}

/// A key as the secret holds it.
pub struct StoredKey {
    /// What names it in IVS.
    pub id: String,
    /// Its private half.
    pub private: PrivatePem,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Form<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<std::borrow::Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    private_key: Option<std::borrow::Cow<'a, str>>,
}

impl KeySecret {
    /// The secret of that name or ARN.
    pub fn new(aws: &Aws, id: String) -> Self {
        Self { secrets: sdk_client!(aws, aws_sdk_secretsmanager, "SECRETS_MANAGER"), id }
    }

    /// The current version; `None` if there is no such secret, one that is being deleted, or one without a value.
    ///
    /// # Errors
    /// What Secrets Manager fails with.
    pub async fn read(&self) -> Result<Option<KeyVersion>, Error> {
        self.read_labelled(None).await
    }

    /// As [`Self::read`], of the version that was current before.
    ///
    /// # Errors
    /// What Secrets Manager fails with.
    pub async fn read_previous(&self) -> Result<Option<KeyVersion>, Error> {
        self.read_labelled(Some(PREVIOUS)).await
    }

    async fn read_labelled(&self, label: Option<&str>) -> Result<Option<KeyVersion>, Error> {
        let operation = "secretsmanager:GetSecretValue";
        let get = self.secrets.get_secret_value().secret_id(&self.id);
        let got = match get.set_version_stage(label.map(str::to_owned)).send().await {
            Ok(got) => got,
            Err(error) => {
                return match error.as_service_error() {
                    Some(
                        GetSecretValueError::ResourceNotFoundException(_)
                        | GetSecretValueError::InvalidRequestException(_),
                    ) => Ok(None),
                    _ => Err(AwsFailure::new(operation, &error).into_error()),
                };
            }
        };
        let version = got.version_id().map(|id| SecretVersion(id.to_owned()));
        let since =
            got.created_date().and_then(|at| OffsetDateTime::from_unix_timestamp(at.secs()).ok()?.try_into().ok());
        let (Some(version), Some(since)) = (version, since) else {
            return Err(Error::unavailable(AwsFailure::malformed(operation, "no version")));
        };
        let value = read_form(got.secret_string().unwrap_or_default());
        Ok(Some(KeyVersion { version, since, value }))
    }

    /// Adds a version without a key that is not current, unless it is the first one.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such secret, or one that is being deleted; what Secrets Manager fails with.
    pub async fn store_empty(&self) -> Result<SecretVersion, Error> {
        self.put("{}").await
    }

    /// Adds a version that is not current, unless it is the first one.
    ///
    /// # Errors
    /// What Secrets Manager fails with.
    pub async fn store(&self, key_id: &str, private: &PrivatePem) -> Result<SecretVersion, Error> {
        let form = Form { key_id: Some(key_id.into()), private_key: Some(private.expose().into()) };
        let text = serde_json::to_string(&form).map_err(Error::internal)?;
        self.put(&text).await
    }

    async fn put(&self, value: &str) -> Result<SecretVersion, Error> {
        let operation = "secretsmanager:PutSecretValue";
        // One id for all attempts, so a repeated one adds no second version.
        let version = SecretVersion::of_stack(&ClaimId::random()?);
        let put = self.secrets.put_secret_value().secret_id(&self.id).client_request_token(version.0);
        let put = put.secret_string(value).version_stages(PENDING).send().await.map_err(|error| {
            match error.as_service_error() {
                Some(
                    PutSecretValueError::ResourceNotFoundException(_) | PutSecretValueError::InvalidRequestException(_),
                ) => Error::NotFound("secret"),
                _ => AwsFailure::new(operation, &error).into_error(),
            }
        })?;
        let version = put.version_id().map(|id| SecretVersion(id.to_owned()));
        version.ok_or_else(|| Error::unavailable(AwsFailure::malformed(operation, "no version")))
    }

    /// Makes a version the current one if `from` still is. The label moves at most once, whatever is repeated: it is
    /// taken from the version that has it by name.
    ///
    /// # Errors
    /// What Secrets Manager fails with, if nobody can tell whether the label has moved.
    pub async fn promote(&self, from: &SecretVersion, to: &SecretVersion) -> Result<bool, Error> {
        let moved = self
            .secrets
            .update_secret_version_stage()
            .secret_id(&self.id)
            .version_stage(CURRENT)
            .remove_from_version_id(&from.0)
            .move_to_version_id(&to.0)
            .send()
            .await;
        let Err(error) = moved else { return Ok(true) };
        // The answer of an earlier attempt may be lost.
        if self.read().await?.is_some_and(|current| current.version == *to) {
            return Ok(true);
        }
        match error.as_service_error() {
            Some(UpdateSecretVersionStageError::InvalidParameterException(_)) => Ok(false),
            _ => Err(AwsFailure::new("secretsmanager:UpdateSecretVersionStage", &error).into_error()),
        }
    }
}

/// What a value holds. The parser's own words would quote it.
fn read_form(text: &str) -> SecretValue<StoredKey> {
    match serde_json::from_str(text) {
        Ok(Form { key_id: Some(id), private_key: Some(private) }) => {
            SecretValue::Key(StoredKey { id: id.into_owned(), private: PrivatePem::new(private.into_owned()) })
        }
        Ok(Form { key_id: None, private_key: None }) => SecretValue::Empty,
        _ => SecretValue::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_holds_a_key_or_none_and_anything_else_is_refused_without_being_quoted() {
        let value = read_form(r#"{"keyId": "arn", "privateKey": "pem"}"#);
        let key = value.key().unwrap().unwrap();
        assert_eq!((key.id.as_str(), key.private.expose()), ("arn", "pem"));
        assert!(matches!(read_form("{}"), SecretValue::Empty));
        for text in ["", "hunter2", r#"{"keyId": "hunter2"}"#, r#"{"keyId": "a", "privateKey": "b", "hunter2": 1}"#] {
            let error = read_form(text).key().err().unwrap();
            assert!(!error.causes().unwrap().contains("hunter2"), "{text}");
        }
    }
}
