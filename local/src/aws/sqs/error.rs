//! The errors of the service. The model is `awsQueryCompatible`: each has a second code, of the time of XML, which SDKs
//! prefer (`x-amzn-query-error`).

use crate::aws::service::ServiceError;

pub(super) fn no_such_queue() -> ServiceError {
    ServiceError::new(400, "QueueDoesNotExist", "The specified queue does not exist.")
}

pub(super) fn invalid_handle() -> ServiceError {
    ServiceError::new(400, "ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
}

pub(super) fn not_in_flight() -> ServiceError {
    ServiceError::new(400, "MessageNotInflight", "The specified message isn't in flight.")
}

pub(super) fn invalid_value(message: impl Into<String>) -> ServiceError {
    ServiceError::new(400, "InvalidParameterValueException", message)
}

pub(super) fn missing(parameter: &str) -> ServiceError {
    let message = format!("The request must contain the parameter {parameter}.");
    ServiceError::new(400, "MissingRequiredParameterException", message)
}

pub(super) fn unsupported(message: &'static str) -> ServiceError {
    ServiceError::new(400, "UnsupportedOperation", message)
}

pub(super) fn expired_handle(handle: &str) -> ServiceError {
    invalid_value(format!(
        "Value {handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."
    ))
}

pub(super) fn invalid_entry_id() -> ServiceError {
    let message = "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most \
                   80 letters long.";
    ServiceError::new(400, "InvalidBatchEntryId", message)
}

pub(super) fn batch_too_large(bytes: usize) -> ServiceError {
    let message = format!("Batch requests cannot be longer than 1048576 bytes. You have sent {bytes} bytes.");
    ServiceError::new(400, "BatchRequestTooLong", message)
}

pub(super) fn invalid_contents() -> ServiceError {
    let message = "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to \
                   #xFFFD | #x10000 to #x10FFFF";
    ServiceError::new(400, "InvalidMessageContents", message)
}

pub(super) fn unknown_attribute(name: &str) -> ServiceError {
    ServiceError::new(400, "InvalidAttributeName", format!("Unknown Attribute {name}."))
}

pub(super) fn empty_batch() -> ServiceError {
    ServiceError::new(400, "EmptyBatchRequest", "There should be at least one entry in the request.")
}

pub(super) fn batch_too_long(entries: usize) -> ServiceError {
    let message = format!("Maximum number of entries per request are 10. You have sent {entries}.");
    ServiceError::new(400, "TooManyEntriesInBatchRequest", message)
}

pub(super) fn ids_not_distinct() -> ServiceError {
    ServiceError::new(400, "BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id.")
}

pub(super) fn unknown_operation(operation: &str) -> ServiceError {
    let message = format!("the local cloud does not have the operation {operation} of SQS yet");
    ServiceError::new(404, "UnknownOperationException", message)
}

/// The value of `x-amzn-query-error`.
pub(super) fn query_error(error: &ServiceError) -> String {
    format!("{};{}", query_code(error), if error.status < 500 { "Sender" } else { "Receiver" })
}

/// The code of the time of XML, which the failed entries of a batch have as well.
pub(super) fn query_code(error: &ServiceError) -> &'static str {
    match error.code {
        "QueueDoesNotExist" => "AWS.SimpleQueueService.NonExistentQueue",
        "MessageNotInflight" => "AWS.SimpleQueueService.MessageNotInflight",
        "EmptyBatchRequest" => "AWS.SimpleQueueService.EmptyBatchRequest",
        "TooManyEntriesInBatchRequest" => "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
        "BatchEntryIdsNotDistinct" => "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
        "InvalidBatchEntryId" => "AWS.SimpleQueueService.InvalidBatchEntryId",
        "BatchRequestTooLong" => "AWS.SimpleQueueService.BatchRequestTooLong",
        "UnsupportedOperation" => "AWS.SimpleQueueService.UnsupportedOperation",
        "InvalidParameterValueException" => "InvalidParameterValue",
        "MissingRequiredParameterException" => "MissingParameter",
        other => other,
    }
}
