//! The errors of both services, with the status codes of their models.

use crate::aws::service::ServiceError;

pub(crate) fn validation(message: impl Into<String>) -> ServiceError {
    ServiceError::new(400, "ValidationException", message)
}

/// A resource quota: 402 in these services, and not retryable.
pub(crate) fn quota_exceeded(message: impl Into<String>) -> ServiceError {
    ServiceError::new(402, "ServiceQuotaExceededException", message)
}

pub(crate) fn not_found(resource: &str) -> ServiceError {
    ServiceError::new(404, "ResourceNotFoundException", format!("Resource: {resource} not found"))
}

pub(crate) fn conflict(message: impl Into<String>) -> ServiceError {
    ServiceError::new(409, "ConflictException", message)
}

/// A rate quota. The model of IVS lists it, that of IVS Real-Time does not; SDKs retry it by its code.
pub(crate) fn throttled() -> ServiceError {
    ServiceError::new(429, "ThrottlingException", "Rate exceeded")
}

pub(crate) fn unknown_operation(operation: &str) -> ServiceError {
    let message =
        format!("the local cloud does not have the operation {operation} of IVS, IVS Real-Time or IVS Chat yet");
    ServiceError::new(404, "UnknownOperationException", message)
}
