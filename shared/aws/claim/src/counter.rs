//! How many names an owner has: a row of the same table, `#owner/<userId>`, which moves with the rows that it counts in
//! one transaction. No name has a `#`.
//!
//! A row that is counted says so, as `counted`. One of the time before there were counters does not: it was never added,
//! and is not taken off. So nobody has fewer names than the limit because of what was there before.

use aws_item::{Item, Transacted, n, s, transact};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use model::{Error, UserId};

/// What becomes of an owner's count.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change {
    /// One more, unless there are as many as this already.
    Add(Option<u32>),
    /// One less.
    TakeOff,
}

/// What came of a transaction.
pub(crate) enum Counted {
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
/// What DynamoDB fails with; [`Error::Unavailable`] if others are at work on the same rows for longer than is waited.
pub(crate) async fn write(
    dynamodb: &Client,
    row: TransactWriteItem,
    count: TransactWriteItem,
) -> Result<Counted, Error> {
    // The row comes first: where a name is taken, nothing is to be counted.
    Ok(match transact(dynamodb, vec![row, count]).await? {
        Transacted::Yes => Counted::Yes,
        Transacted::Refused(0, row) => Counted::RowRefused(row),
        Transacted::Refused(..) => Counted::CountRefused,
    })
}
