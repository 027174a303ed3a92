//! What an AWS call failed with, for the log, and which of our errors that is.

use std::fmt;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;
use model::Error;
use model::claim::CreateError;
use model::error::chain;

/// A failed AWS call, in the words of the service. It quotes the error's message and nothing else of the answer,
/// because answers carry tokens and keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsFailure {
    operation: &'static str,
    status: Option<u16>,
    code: Option<String>,
    message: Option<String>,
    request_id: Option<String>,
}

impl fmt::Display for AwsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed", self.operation)?;
        if let Some(status) = self.status {
            write!(f, " with status {status}")?;
        }
        for (name, value) in [("code", &self.code), ("message", &self.message), ("aws request id", &self.request_id)] {
            if let Some(value) = value {
                write!(f, ", {name} {value:?}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for AwsFailure {}

impl AwsFailure {
    /// Of what the SDK gave; `operation` is the IAM action, such as `ivs:CreateStage`.
    pub fn new<E: ProvideErrorMetadata>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> Self {
        let message = match error {
            SdkError::ServiceError(context) => {
                let modeled = context.err().message().map(str::to_owned);
                modeled.or_else(|| exception_message(context.raw().body().bytes()?))
            }
            // The connector's own words: `dispatch failure` alone says nothing at three in the morning.
            SdkError::DispatchFailure(failure) => failure.as_connector_error().map(|error| chain(error)),
            SdkError::TimeoutError(_) => Some("timed out".to_owned()),
            SdkError::ResponseError(_) => Some("unreadable answer".to_owned()),
            _ => Some("the request could not be built".to_owned()),
        };
        Self {
            operation,
            status: error.raw_response().map(|response| response.status().as_u16()),
            code: error.as_service_error().and_then(ProvideErrorMetadata::code).map(str::to_owned),
            message,
            request_id: error.request_id().map(str::to_owned),
        }
    }

    /// An answer that the service's model does not allow for.
    pub fn malformed(operation: &'static str, message: impl Into<String>) -> Self {
        Self { operation, status: None, code: None, message: Some(message.into()), request_id: None }
    }

    /// Whether the service answered that it did not carry the call out. A throttled or invalid call had no effect;
    /// after a 5xx, a timeout or a broken connection nobody knows.
    fn had_no_effect(&self) -> bool {
        self.status.is_some_and(|status| (400..500).contains(&status))
    }

    /// Whether a policy does not allow the call. A policy that asks for a tag does not allow it on what is not there.
    fn is_denied(&self) -> bool {
        self.code.as_deref() == Some("AccessDeniedException")
    }

    /// What it means for a delete, and that is nothing if what was to be deleted is gone. A delete that a tag allows is
    /// denied on what is gone, which has none: then it takes a read to know, which answers `None` for that.
    ///
    /// # Errors
    /// What the delete failed with, or the read.
    pub async fn unless_gone<T>(self, read: impl Future<Output = Result<Option<T>, Self>>) -> Result<(), Error> {
        if !self.is_denied() {
            return Err(self.into_error());
        }
        match read.await {
            Ok(None) => Ok(()),
            Err(failure) if !failure.is_denied() => Err(failure.into_error()),
            // It is there, and may be another's.
            Ok(Some(_)) | Err(_) => Err(self.into_error()),
        }
    }

    /// What it means for a create.
    pub fn into_create_error(self) -> CreateError {
        let refused = self.had_no_effect();
        let error = self.into_error();
        if refused { CreateError::Refused(error) } else { CreateError::Unknown(error) }
    }

    /// Which of our errors this is: a quota (402 at IVS), something that passes (throttling, 5xx, timeouts, a change
    /// that is under way), or a bug of ours (refused as invalid or not allowed).
    pub fn into_error(self) -> Error {
        match (self.code.as_deref(), self.status) {
            (Some("ServiceQuotaExceededException" | "LimitExceededException"), _) | (_, Some(402)) => {
                Error::QuotaExceeded(self.into())
            }
            (Some(code), _) if is_throttling(code) => Error::unavailable(self),
            // Reads have it, too (`ListStages`): something is being changed. Whoever means more by it has looked before.
            (Some("ConflictException"), _) => Error::unavailable(self),
            (_, Some(400..=428 | 430..=499)) => Error::internal(self),
            _ => Error::unavailable(self),
        }
    }
}

/// IVS models its text as `exceptionMessage`, which the SDK does not take for the error's message.
fn exception_message(body: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Body {
        exception_message: String,
    }
    serde_json::from_slice::<Body>(body).ok().map(|body| body.exception_message)
}

/// The codes that AWS services throttle with; DynamoDB's conflicts of a transaction or a table's limit pass as well.
fn is_throttling(code: &str) -> bool {
    matches!(
        code,
        "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "RequestThrottledException"
            | "TooManyRequestsException"
            | "ProvisionedThroughputExceededException"
            | "RequestLimitExceeded"
            | "TransactionConflictException"
            | "TransactionInProgressException"
            | "SlowDown"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(status: u16, code: &str) -> AwsFailure {
        AwsFailure {
            operation: "ivs:CreateStage",
            status: Some(status),
            code: Some(code.to_owned()),
            message: None,
            request_id: None,
        }
    }

    #[test]
    fn each_kind_of_failure_becomes_its_error() {
        let error = |status, code| failure(status, code).into_error();
        assert!(matches!(error(402, "ServiceQuotaExceededException"), Error::QuotaExceeded(_)));
        assert!(matches!(error(429, "ThrottlingException"), Error::Unavailable { .. }));
        assert!(matches!(error(400, "ProvisionedThroughputExceededException"), Error::Unavailable { .. }));
        assert!(matches!(error(429, "SomethingNew"), Error::Unavailable { .. }));
        assert!(matches!(error(500, "InternalServerException"), Error::Unavailable { .. }));
        assert!(matches!(error(409, "ConflictException"), Error::Unavailable { .. }));
        assert!(matches!(error(400, "ValidationException"), Error::Internal(_)));
        assert!(matches!(error(403, "AccessDeniedException"), Error::Internal(_)));
        assert!(matches!(error(403, "PendingVerification"), Error::Internal(_)));
        let lost = AwsFailure { status: None, code: None, ..failure(0, "") };
        assert!(matches!(lost.into_error(), Error::Unavailable { .. }));
    }

    #[test]
    fn only_a_refusal_had_no_effect() {
        assert!(failure(429, "ThrottlingException").had_no_effect());
        assert!(failure(402, "ServiceQuotaExceededException").had_no_effect());
        assert!(!failure(500, "InternalServerException").had_no_effect());
        assert!(!AwsFailure { status: None, ..failure(0, "") }.had_no_effect());
    }
}
