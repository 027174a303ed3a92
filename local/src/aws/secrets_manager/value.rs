//! `GetSecretValue`, `PutSecretValue`, `UpdateSecretVersionStage`.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{
    context::Context,
    error::{exists, invalid_parameter, invalid_request, not_found},
    secret::{Secret, epoch_seconds, milliseconds},
    state::Secrets,
    version::{CURRENT, SecretValue, Version},
};
use crate::aws::service::ServiceError;
use crate::aws::service::shape::Input;
use crate::plumbing::ids;

/// Bytes of a value.
const MAX_VALUE: usize = 65_536;

/// Reads the version with the given id, or the given label, or the label `AWSCURRENT`.
pub(super) fn get(secrets: &Secrets, input: Input<'_>) -> Result<Value, ServiceError> {
    let (name, secret) = secrets.live(input.required_text("SecretId"))?;
    let label = input.text("VersionStage");
    let id = match input.text("VersionId") {
        Some(id) => id,
        None => {
            let label = label.unwrap_or(CURRENT);
            secret.versions.labelled(label).ok_or_else(|| no_value(&format!("staging label: {label}")))?
        }
    };
    let version = secret.versions.get(id).ok_or_else(|| no_value(&format!("VersionId: {id}")))?;
    if label.is_some_and(|label| secret.versions.labelled(label) != Some(id)) {
        return Err(invalid_request("You provided a VersionStage that is not associated to the provided VersionId."));
    }
    let mut answer = json!({
        "ARN": secret.arn,
        "Name": name,
        "VersionId": id,
        "CreatedDate": epoch_seconds(version.created),
    });
    let labels = secret.versions.labels_of(id);
    if !labels.is_empty() {
        answer["VersionStages"] = json!(labels);
    }
    match &version.value {
        SecretValue::Text(text) => answer["SecretString"] = json!(text),
        SecretValue::Binary(base64) => answer["SecretBinary"] = json!(base64),
    }
    Ok(answer)
}

pub(super) fn put(secrets: &mut Secrets, input: Input<'_>, context: &Context<'_>) -> Result<Value, ServiceError> {
    let (name, secret) = secrets.live_mut(input.required_text("SecretId"))?;
    let value =
        given(input)?.ok_or_else(|| invalid_parameter("You must provide either SecretString or SecretBinary."))?;
    let labels = input.texts("VersionStages").unwrap_or_else(|| vec![CURRENT]);
    let id = add(secret, value, input, &labels, context.now)?;
    let labels = secret.versions.labels_of(&id);
    Ok(json!({"ARN": secret.arn, "Name": name, "VersionId": id, "VersionStages": labels}))
}

/// Moves a staging label from one version to another, or takes it off.
pub(super) fn move_label(
    secrets: &mut Secrets,
    input: Input<'_>,
    context: &Context<'_>,
) -> Result<Value, ServiceError> {
    let (name, secret) = secrets.live_mut(input.required_text("SecretId"))?;
    let label = input.required_text("VersionStage");
    let (from, to) = (input.text("RemoveFromVersionId"), input.text("MoveToVersionId"));
    if let Some(id) = [from, to].into_iter().flatten().find(|id| secret.versions.get(id).is_none()) {
        return Err(no_value(&format!("VersionId: {id}")));
    }
    let holder = secret.versions.labelled(label);
    match (from, holder) {
        (Some(from), holder) if holder != Some(from) => {
            return Err(invalid_parameter(format!("Staging label {label} is not attached to version {from}.")));
        }
        (None, Some(holder)) if to != Some(holder) => {
            return Err(invalid_parameter(format!(
                "The parameter RemoveFromVersionId can't be empty. Staging label {label} is currently attached to \
                 version {holder}, so you must explicitly reference that version in RemoveFromVersionId."
            )));
        }
        _ => {}
    }
    match to {
        Some(to) => secret.versions.attach(label, to),
        None if label == CURRENT => {
            return Err(invalid_parameter(format!(
                "You can only move staging label {CURRENT} to a different version."
            )));
        }
        None => secret.versions.detach(label),
    }
    secret.changed = Some(milliseconds(context.now));
    Ok(json!({"ARN": secret.arn, "Name": name}))
}

/// The value of a request, if it has one.
pub(super) fn given(input: Input<'_>) -> Result<Option<SecretValue>, ServiceError> {
    let value = match (input.text("SecretString"), input.text("SecretBinary")) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            return Err(invalid_parameter("You can't specify both a binary secret value and a string secret value."));
        }
        (Some(text), None) => (text.len(), SecretValue::Text(text.to_owned())),
        (None, Some(base64)) => {
            let bytes = STANDARD.decode(base64).map_err(|_| invalid_parameter("SecretBinary is not base64"))?;
            (bytes.len(), SecretValue::Binary(base64.to_owned()))
        }
    };
    match value {
        (bytes, value) if bytes <= MAX_VALUE => Ok(Some(value)),
        _ => Err(invalid_parameter(format!("A secret value can have at most {MAX_VALUE} bytes"))),
    }
}

/// Adds a version under the request's `ClientRequestToken`, and answers its id. SDKs always send that token; without
/// one, a new id is made.
pub(super) fn add(
    secret: &mut Secret,
    value: SecretValue,
    input: Input<'_>,
    labels: &[&str],
    now: OffsetDateTime,
) -> Result<String, ServiceError> {
    let id = input.text("ClientRequestToken").map_or_else(ids::uuid, str::to_owned);
    let now = milliseconds(now);
    let added = secret.versions.add(&id, Version { value, created: now }, labels);
    added.map_err(|_| {
        exists(format!("You can't modify the existing version {id}; a version of that id has another value."))
    })?;
    secret.changed = Some(now);
    Ok(id)
}

fn no_value(of: &str) -> ServiceError {
    not_found(format!("Secrets Manager can't find the specified secret value for {of}"))
}
