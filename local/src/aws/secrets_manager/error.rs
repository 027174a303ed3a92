//! The errors of the service: all of them 400, told apart by their codes.

use crate::aws::service::ServiceError;

pub(super) fn invalid_parameter(message: impl Into<String>) -> ServiceError {
    ServiceError::new(400, "InvalidParameterException", message)
}

/// The request is well-formed, and the secret is not in a state for it.
pub(super) fn invalid_request(message: impl Into<String>) -> ServiceError {
    ServiceError::new(400, "InvalidRequestException", message)
}

pub(super) fn exists(message: impl Into<String>) -> ServiceError {
    ServiceError::new(400, "ResourceExistsException", message)
}

pub(super) fn not_found(message: impl Into<String>) -> ServiceError {
    ServiceError::new(400, "ResourceNotFoundException", message)
}

pub(super) fn no_such_secret() -> ServiceError {
    not_found("Secrets Manager can't find the specified secret.")
}

pub(super) fn marked_deleted() -> ServiceError {
    invalid_request("You can't perform this operation on the secret because it was marked for deletion.")
}

pub(super) fn unknown_operation(operation: &str) -> ServiceError {
    let message = format!("the local cloud does not have the operation {operation} of Secrets Manager yet");
    ServiceError::new(404, "UnknownOperationException", message)
}
