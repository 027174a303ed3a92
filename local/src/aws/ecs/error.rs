//! The errors of the service: all of them 400, told apart by their codes. The texts are those of AWS where they are
//! known.

use crate::aws::service::ServiceError;

pub(super) fn invalid_parameter(message: impl Into<String>) -> ServiceError {
    ServiceError::new(400, "InvalidParameterException", message)
}

pub(super) fn client(message: impl Into<String>) -> ServiceError {
    ServiceError::new(400, "ClientException", message)
}

/// A client token that another request has used.
pub(super) fn conflict() -> ServiceError {
    let message = "The provided clientToken is already in use with a different RunTask request.";
    ServiceError::new(400, "ConflictException", message)
}

pub(super) fn no_such_cluster() -> ServiceError {
    ServiceError::new(400, "ClusterNotFoundException", "Cluster not found.")
}

pub(super) fn no_such_service() -> ServiceError {
    ServiceError::new(400, "ServiceNotFoundException", "Service not found.")
}

pub(super) fn service_is_not_active() -> ServiceError {
    ServiceError::new(400, "ServiceNotActiveException", "Service was not ACTIVE.")
}

pub(super) fn invalid_page_token() -> ServiceError {
    invalid_parameter("Invalid token")
}

pub(super) fn unknown_operation(operation: &str) -> ServiceError {
    let message = format!("the local cloud does not have the operation {operation} of ECS yet");
    ServiceError::new(400, "UnknownOperationException", message)
}
