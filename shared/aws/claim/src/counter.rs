//! How many names an owner has: a row of the same table, `#owner/<userId>`, which moves with the rows that it counts in
//! one transaction. No name has a `#`.
//!
//! A row that is counted says so, as `counted`. One of the time before there were counters does not: it was never added,
//! and is not taken off. So nobody has fewer names than the limit because of what was there before.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

use aws_client::AwsFailure;
use aws_item::{Item, n, s};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{CancellationReason, TransactWriteItem, Update};
use model::{Error, UserId};
use tokio::time::sleep;

/// How often a transaction is tried that met another on the same rows: about a second in all.
const ATTEMPTS: u32 = 9;
const FIRST_BACKOFF: Duration = Duration::from_millis(20);
const LONGEST_BACKOFF: Duration = Duration::from_millis(200);

/// What becomes of an owner's count.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change {
    /// One more, unless there are as many as this already.
    Add(Option<u32>),
    /// One less.
    TakeOff,
}

/// What came of a transaction.
#[derive(Debug, PartialEq)]
pub(crate) enum Written {
    /// Row and count are written.
    Yes,
    /// The row's condition does not hold: the row as it is, if it was to be returned.
    RowRefused(Option<Item>),
    /// The owner has as many as allowed; or, when one was to be taken off, none that are counted.
    CountRefused,
}

/// The update of an owner's count.
pub(crate) fn update(table: &str, owner: &UserId, change: Change) -> Result<TransactWriteItem, Error> {
    let update = Update::builder()
        .table_name(table)
        .key("name", s(format!("#owner/{owner}")))
        .expression_attribute_names("#count", "count")
        .expression_attribute_values(":one", n(1));
    let update = match change {
        Change::Add(most) => {
            let update = update
                .update_expression("SET #count = if_not_exists(#count, :zero) + :one")
                .expression_attribute_values(":zero", n(0));
            match most {
                None => update,
                Some(most) => update
                    .condition_expression("attribute_not_exists(#count) OR #count < :most")
                    .expression_attribute_values(":most", n(most)),
            }
        }
        Change::TakeOff => {
            update.update_expression("SET #count = #count - :one").condition_expression("#count >= :one")
        }
    };
    Ok(TransactWriteItem::builder().update(update.build().map_err(built)?).build())
}

/// A part of a request that cannot be built is a bug of ours.
pub(crate) fn built(error: BuildError) -> Error {
    Error::internal(error)
}

/// Writes a row and its owner's count together, or neither.
///
/// # Errors
/// What DynamoDB fails with; [`Error::Unavailable`] if others are at work on the same rows for longer than this waits.
pub(crate) async fn write(
    dynamodb: &Client,
    row: TransactWriteItem,
    count: TransactWriteItem,
) -> Result<Written, Error> {
    let (mut attempt, mut backoff) = (1, FIRST_BACKOFF);
    loop {
        // The SDK draws a token for each, so that repeating one whose answer was lost has no second effect.
        let sent = dynamodb.transact_write_items().transact_items(row.clone()).transact_items(count.clone()).send();
        let Err(error) = sent.await else { return Ok(Written::Yes) };
        match refusal(&error) {
            Some(written) => return Ok(written),
            None if is_passing(&error) && attempt < ATTEMPTS => {
                sleep(backoff.mul_f64(jitter())).await;
                (attempt, backoff) = (attempt + 1, (backoff * 2).min(LONGEST_BACKOFF));
            }
            None if is_passing(&error) => return Err(Error::unavailable(failure(&error))),
            None => return Err(failure(&error).into_error()),
        }
    }
}

type WriteError = SdkError<TransactWriteItemsError, HttpResponse>;

fn failure(error: &WriteError) -> AwsFailure {
    AwsFailure::new("dynamodb:TransactWriteItems", error)
}

/// Between a half and one, so that those who met do not meet again.
fn jitter() -> f64 {
    let drawn = u8::try_from(RandomState::new().hash_one(()) % 128).unwrap_or_default();
    0.5 + f64::from(drawn) / 256.0
}

fn reasons(error: &WriteError) -> Option<&[CancellationReason]> {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
            Some(cancelled.cancellation_reasons())
        }
        _ => None,
    }
}

/// Whose condition did not hold, if that is why. The row comes first: where a name is taken, nothing is to be counted.
fn refusal(error: &WriteError) -> Option<Written> {
    refused(reasons(error)?)
}

fn refused(reasons: &[CancellationReason]) -> Option<Written> {
    let failed = |reason: &CancellationReason| reason.code() == Some("ConditionalCheckFailed");
    match reasons {
        [row, _] if failed(row) => Some(Written::RowRefused(row.item().cloned())),
        [row, count] if failed(count) && is_none(row) => Some(Written::CountRefused),
        _ => None,
    }
}

fn is_none(reason: &CancellationReason) -> bool {
    reason.code().is_none_or(|code| code == "None")
}

/// Whether another transaction, or too many of them, were in the way. The SDK repeats none of these.
fn is_passing(error: &WriteError) -> bool {
    reasons(error).is_some_and(passes)
}

fn passes(reasons: &[CancellationReason]) -> bool {
    let is_ours = |code: &str| matches!(code, "ValidationError" | "ItemCollectionSizeLimitExceeded");
    !reasons.iter().any(|reason| reason.code().is_some_and(is_ours))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reasons(codes: [&str; 2]) -> [CancellationReason; 2] {
        codes.map(|code| CancellationReason::builder().code(code).build())
    }

    #[test]
    fn a_name_that_is_taken_counts_before_a_count_that_is_full() {
        const FAILED: &str = "ConditionalCheckFailed";
        for (codes, expected) in [
            ([FAILED, "None"], Some(Written::RowRefused(None))),
            ([FAILED, FAILED], Some(Written::RowRefused(None))),
            ([FAILED, "TransactionConflict"], Some(Written::RowRefused(None))),
            (["None", FAILED], Some(Written::CountRefused)),
            // Somebody is at work on the row: it may be there at once, and then nothing is to be counted.
            (["TransactionConflict", FAILED], None),
            (["None", "TransactionConflict"], None),
        ] {
            assert_eq!(refused(&reasons(codes)), expected, "{codes:?}");
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
        ] {
            assert_eq!(passes(&reasons(["None", code])), expected, "{code}");
        }
    }
}
