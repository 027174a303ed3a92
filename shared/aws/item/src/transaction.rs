//! Writes of several rows, all or none.

use aws_client::AwsFailure;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{CancellationReason, TransactWriteItem};
use model::Error;

use crate::Item;
use crate::conflict::repeat;

/// What came of a transaction.
pub enum Transacted {
    /// All of it is written.
    Yes,
    /// Nothing is written. The condition of the part at this place does not hold, and those of the parts before it do; the
    /// row as it is, if it was to be returned.
    Refused(usize, Option<Item>),
}

/// Sends a transaction, again while others are at work on the same rows.
///
/// # Errors
/// What DynamoDB fails with; [`Error::Unavailable`] if others are at work for longer than this waits.
pub async fn transact(dynamodb: &Client, parts: Vec<TransactWriteItem>) -> Result<Transacted, Error> {
    // The SDK draws a token for each, so that repeating one whose answer was lost has no second effect.
    let send = || dynamodb.transact_write_items().set_transact_items(Some(parts.clone())).send();
    let Err(error) = repeat(is_passing, send).await else { return Ok(Transacted::Yes) };
    if let Some((part, row)) = reasons(&error).and_then(refused) {
        return Ok(Transacted::Refused(part, row));
    }
    let failure = AwsFailure::new("dynamodb:TransactWriteItems", &error);
    Err(if is_passing(&error) { Error::unavailable(failure) } else { failure.into_error() })
}

fn reasons(error: &SdkError<TransactWriteItemsError, HttpResponse>) -> Option<&[CancellationReason]> {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
            Some(cancelled.cancellation_reasons())
        }
        _ => None,
    }
}

/// Which part's condition did not hold, and that part's row. Behind a part that somebody is at work on, nobody knows.
fn refused(reasons: &[CancellationReason]) -> Option<(usize, Option<Item>)> {
    let is_none = |reason: &CancellationReason| reason.code().is_none_or(|code| code == "None");
    let part = reasons.iter().position(|reason| !is_none(reason))?;
    let reason = &reasons[part];
    (reason.code() == Some("ConditionalCheckFailed")).then(|| (part, reason.item().cloned()))
}

/// Whether another transaction, or too many of them, were in the way.
fn is_passing(error: &SdkError<TransactWriteItemsError, HttpResponse>) -> bool {
    reasons(error).is_some_and(passes)
}

fn passes(reasons: &[CancellationReason]) -> bool {
    let is_ours = |code: &str| matches!(code, "ValidationError" | "ItemCollectionSizeLimitExceeded");
    refused(reasons).is_none() && !reasons.iter().any(|reason| reason.code().is_some_and(is_ours))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILED: &str = "ConditionalCheckFailed";

    fn reasons(codes: [&str; 2]) -> [CancellationReason; 2] {
        codes.map(|code| CancellationReason::builder().code(code).build())
    }

    #[test]
    fn the_first_part_whose_condition_does_not_hold_counts_unless_somebody_is_at_work_before_it() {
        for (codes, expected) in [
            ([FAILED, "None"], Some(0)),
            ([FAILED, FAILED], Some(0)),
            ([FAILED, "TransactionConflict"], Some(0)),
            (["None", FAILED], Some(1)),
            // The row before may be another one at once, and then its condition comes first.
            (["TransactionConflict", FAILED], None),
            (["None", "TransactionConflict"], None),
        ] {
            assert_eq!(refused(&reasons(codes)).map(|(part, _)| part), expected, "{codes:?}");
        }
        assert_eq!(refused(&[]), None);
    }

    #[test]
    fn conflicts_and_throttling_pass_and_what_is_wrong_with_a_request_does_not() {
        for (code, expected) in [
            ("TransactionConflict", true),
            ("ThrottlingError", true),
            ("ProvisionedThroughputExceeded", true),
            ("ValidationError", false),
            ("ItemCollectionSizeLimitExceeded", false),
            (FAILED, false),
        ] {
            assert_eq!(passes(&reasons(["None", code])), expected, "{code}");
        }
    }
}
