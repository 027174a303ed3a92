//! The errors of the service, with the status codes of its model.

use crate::aws::service::ServiceError;

pub(super) fn validation(message: impl Into<String>) -> ServiceError {
    ServiceError::new(400, "ValidationException", message)
}

/// A resource quota: 402 in this service, and not retryable.
pub(super) fn quota_exceeded(message: impl Into<String>) -> ServiceError {
    ServiceError::new(402, "ServiceQuotaExceededException", message)
}

pub(super) fn not_found(resource: &str) -> ServiceError {
    ServiceError::new(404, "ResourceNotFoundException", format!("Resource: {resource} not found"))
}

pub(super) fn conflict(message: impl Into<String>) -> ServiceError {
    ServiceError::new(409, "ConflictException", message)
}

/// A rate quota. The model does not list it for this service; SDKs retry it by its code.
pub(super) fn throttled() -> ServiceError {
    ServiceError::new(429, "ThrottlingException", "Rate exceeded")
}

pub(super) fn unknown_operation(operation: &str) -> ServiceError {
    let message = format!("the local cloud does not have the operation {operation} of IVS Real-Time yet");
    ServiceError::new(404, "UnknownOperationException", message)
}
