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
    let code = match error.code {
        "QueueDoesNotExist" => "AWS.SimpleQueueService.NonExistentQueue",
        "MessageNotInflight" => "AWS.SimpleQueueService.MessageNotInflight",
        "EmptyBatchRequest" => "AWS.SimpleQueueService.EmptyBatchRequest",
        "TooManyEntriesInBatchRequest" => "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
        "BatchEntryIdsNotDistinct" => "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
        "InvalidParameterValueException" => "InvalidParameterValue",
        other => other,
    };
    format!("{code};{}", if error.status < 500 { "Sender" } else { "Receiver" })
}
