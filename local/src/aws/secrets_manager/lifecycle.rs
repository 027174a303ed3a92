//! `CreateSecret`, `DescribeSecret`, `UpdateSecret`, `DeleteSecret`, `RestoreSecret`.

use serde_json::{Value, json};

use super::{
    context::Context,
    error::{exists, invalid_parameter, invalid_request, marked_deleted, no_such_secret},
    secret::{Secret, arn, epoch_seconds, milliseconds},
    state::Secrets,
    tags, value,
    version::CURRENT,
};
use crate::aws::service::ServiceError;
use crate::aws::service::shape::Input;
use crate::plumbing::ids;

/// Days in which a deleted secret can be restored, when the request does not say.
const RECOVERY_WINDOW: i64 = 30;

/// Makes a secret. The same request again, told by its `ClientRequestToken` and value, answers the same secret.
pub(super) fn create(secrets: &mut Secrets, input: Input<'_>, context: &Context<'_>) -> Result<Value, ServiceError> {
    let name = input.required_text("Name");
    let given = value::given(input)?;
    if let Some(present) = secrets.by_name.get(name) {
        if present.deletion.is_some() {
            return Err(invalid_request(
                "You can't create this secret because a secret with this name is already scheduled for deletion.",
            ));
        }
        let id = input.text("ClientRequestToken");
        let version = id.and_then(|id| present.versions.get(id));
        return match version {
            Some(version) if given.as_ref() == Some(&version.value) => {
                Ok(json!({"ARN": present.arn, "Name": name, "VersionId": id}))
            }
            _ => Err(exists(format!("The operation failed because the secret {name} already exists."))),
        };
    }
    let mut secret = Secret::new(arn(context.region, name, &ids::alphanumeric(6)));
    secret.description = input.text("Description").map(str::to_owned);
    secret.kms_key = input.text("KmsKeyId").map(str::to_owned);
    secret.tags = tags::given(input)?;
    secret.created = Some(milliseconds(context.now));
    secret.changed = secret.created;
    let mut answer = json!({"ARN": secret.arn, "Name": name});
    if let Some(given) = given {
        answer["VersionId"] = json!(value::add(&mut secret, given, input, &[CURRENT], context.now)?);
    }
    secrets.by_name.insert(name.to_owned(), secret);
    Ok(answer)
}

/// Also of a secret that is marked for deletion.
pub(super) fn describe(secrets: &Secrets, input: Input<'_>) -> Result<Value, ServiceError> {
    let (name, secret) = secrets.find(input.required_text("SecretId")).ok_or_else(no_such_secret)?;
    Ok(secret.describe(name, "VersionIdsToStages"))
}

/// Changes what is given; a value becomes the current version.
pub(super) fn update(secrets: &mut Secrets, input: Input<'_>, context: &Context<'_>) -> Result<Value, ServiceError> {
    let (name, secret) = secrets.live_mut(input.required_text("SecretId"))?;
    let mut answer = json!({"ARN": secret.arn, "Name": name});
    if let Some(given) = value::given(input)? {
        answer["VersionId"] = json!(value::add(secret, given, input, &[CURRENT], context.now)?);
    }
    if let Some(description) = input.text("Description") {
        secret.description = Some(description.to_owned());
    }
    if let Some(key) = input.text("KmsKeyId") {
        secret.kms_key = Some(key.to_owned());
    }
    secret.changed = Some(milliseconds(context.now));
    Ok(answer)
}

/// Marks the secret for deletion at the end of the recovery window, or deletes it at once. To force the deletion of a
/// secret that is not there is no error, as the API reference says.
pub(super) fn delete(secrets: &mut Secrets, input: Input<'_>, context: &Context<'_>) -> Result<Value, ServiceError> {
    let window = input.integer("RecoveryWindowInDays");
    let force = input.boolean("ForceDeleteWithoutRecovery").unwrap_or(false);
    if force && window.is_some() {
        return Err(invalid_parameter(
            "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
        ));
    }
    let id = input.required_text("SecretId");
    if force && secrets.find(id).is_none() {
        let now = epoch_seconds(milliseconds(context.now));
        return Ok(json!({"ARN": arn(context.region, id, &ids::alphanumeric(6)), "Name": id, "DeletionDate": now}));
    }
    let (name, secret) = secrets.any_mut(id)?;
    if !force && secret.deletion.is_some() {
        return Err(marked_deleted());
    }
    let due = secret.delete(if force { 0 } else { window.unwrap_or(RECOVERY_WINDOW) }, context.now);
    let answer = json!({"ARN": secret.arn, "Name": name, "DeletionDate": epoch_seconds(due)});
    secrets.delete_expired(context.now);
    Ok(answer)
}

/// Takes a deletion back. A secret that is not marked stays as it is.
pub(super) fn restore(secrets: &mut Secrets, input: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    let (name, secret) = secrets.any_mut(input.required_text("SecretId"))?;
    secret.deletion = None;
    Ok(json!({"ARN": secret.arn, "Name": name}))
}
