//! Writes of one row. Each is sent again while a transaction of others is at work on the row.

use aws_client::AwsFailure;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::delete_item::builders::DeleteItemFluentBuilder;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use futures_util::future::try_join_all;
use model::Error;

use crate::Item;
use crate::conflict::repeat;

/// How many deletes of a purge are under way at once.
const AT_ONCE: usize = 25;

/// What came of a conditional write.
pub enum Written {
    /// It was written: what the write was to return.
    Yes(Option<Item>),
    /// Its condition does not hold: the row as it is, if there is one and the write was to return it.
    No(Option<Item>),
}

/// Sends a conditional update.
///
/// # Errors
/// What DynamoDB fails with, but for the condition.
pub async fn update_if(update: UpdateItemFluentBuilder) -> Result<Written, Error> {
    match repeat(is_conflict, || update.clone().send()).await {
        Ok(written) => Ok(Written::Yes(written.attributes)),
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(refusal)) => Ok(Written::No(refusal.item.clone())),
            _ => Err(AwsFailure::new("dynamodb:UpdateItem", &error).into_error()),
        },
    }
}

/// Sends a conditional put.
///
/// # Errors
/// What DynamoDB fails with, but for the condition.
pub async fn put_if(put: PutItemFluentBuilder) -> Result<Written, Error> {
    match repeat(is_conflict, || put.clone().send()).await {
        Ok(written) => Ok(Written::Yes(written.attributes)),
        Err(error) => match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(refusal)) => Ok(Written::No(refusal.item.clone())),
            _ => Err(AwsFailure::new("dynamodb:PutItem", &error).into_error()),
        },
    }
}

/// Sends a delete, which may be conditional.
///
/// # Errors
/// What DynamoDB fails with, but for the condition.
pub async fn delete_if(delete: DeleteItemFluentBuilder) -> Result<Written, Error> {
    match repeat(is_conflict, || delete.clone().send()).await {
        Ok(written) => Ok(Written::Yes(written.attributes)),
        Err(error) => match error.as_service_error() {
            Some(DeleteItemError::ConditionalCheckFailedException(refusal)) => Ok(Written::No(refusal.item.clone())),
            _ => Err(AwsFailure::new("dynamodb:DeleteItem", &error).into_error()),
        },
    }
}

/// Deletes every row that a Query finds, unless its delete has a condition that does not hold. May be repeated, and goes
/// on where it was cut short. Deletes in batches take no conditions; single ones do, and many can be under way.
///
/// # Errors
/// What DynamoDB fails with; what `delete` makes of a row that it cannot read.
pub async fn purge(
    query: QueryFluentBuilder,
    delete: impl Fn(&Item) -> Result<DeleteItemFluentBuilder, Error>,
) -> Result<(), Error> {
    let mut next = None;
    loop {
        let found = query.clone().set_exclusive_start_key(next).send().await;
        let found = found.map_err(|error| AwsFailure::new("dynamodb:Query", &error).into_error())?;
        let deletes: Result<Vec<_>, Error> = found.items().iter().map(&delete).collect();
        for deletes in deletes?.chunks(AT_ONCE) {
            try_join_all(deletes.iter().cloned().map(delete_if)).await?;
        }
        next = found.last_evaluated_key;
        if next.is_none() {
            return Ok(());
        }
    }
}

fn is_conflict<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    error.code() == Some("TransactionConflictException")
}
