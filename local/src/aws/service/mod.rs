//! What an AWS service is to the local cloud: operations that need permissions, take JSON and answer JSON or an error.

pub(crate) mod call;
mod lambda_path;
pub(crate) mod operation;
pub(crate) mod reply;
pub(crate) mod resource;
pub(crate) mod shape;
pub(crate) mod variables;

use std::collections::BTreeMap;

use serde_json::Value;
use time::OffsetDateTime;

use crate::plumbing::state_file::SaveError;

/// The account that everything in the local cloud belongs to.
pub(crate) const ACCOUNT: &str = "000000000000";

/// An error as the service's model describes it: HTTP status, error code, text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServiceError {
    /// HTTP status, such as 402 for `ServiceQuotaExceededException` of IVS.
    pub(crate) status: u16,
    /// Goes into `x-amzn-errortype`, and `__type` for JSON protocols.
    pub(crate) code: &'static str,
    /// Human-readable text.
    pub(crate) message: String,
    /// Members that the model gives the error besides, as an object; null for none.
    pub(crate) members: Value,
}

impl ServiceError {
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), members: Value::Null }
    }

    /// The error with these members, an object.
    pub(crate) fn with(self, members: Value) -> Self {
        Self { members, ..self }
    }
}

impl From<SaveError> for ServiceError {
    fn from(error: SaveError) -> Self {
        Self::new(500, "InternalFailure", error.to_string())
    }
}

/// One permission that a call needs. All of a call's requirements must be allowed by the caller's policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Requirement {
    /// Such as `ivs:CreateStage`.
    pub(crate) action: String,
    /// The ARN acted on; for a create, the ARN with `*` as its id.
    pub(crate) resource: String,
    /// `aws:RequestTag/<key>`.
    pub(crate) request_tags: BTreeMap<String, String>,
    /// `aws:ResourceTag/<key>`.
    pub(crate) resource_tags: BTreeMap<String, String>,
    /// Condition keys of the service, such as `ecs:cluster`, with their values.
    pub(crate) service_keys: BTreeMap<String, Vec<String>>,
}

/// An AWS service that the local cloud answers for itself.
pub(crate) trait Service: Send + Sync {
    /// The permissions that this call needs, from the input and the present state (tags of the resource).
    fn requirements(&self, operation: &str, input: &Value) -> Vec<Requirement>;

    /// Carries out one call. `input` is the request as JSON, path parameters merged in under their model names.
    ///
    /// # Errors
    /// As the service's model lists them for the operation; an unknown operation is `UnknownOperationException` (404).
    fn call(&self, operation: &str, input: &Value, now: OffsetDateTime) -> Result<Value, ServiceError>;

    /// Forgets everything.
    fn reset(&self);
}
