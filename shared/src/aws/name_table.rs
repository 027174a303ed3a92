//! Tables of named resources: one row a name. The row's `status` says which of [`Row`]'s forms it has.
//!
//! | `status` | attributes |
//! |---|---|
//! | `creating` | `owner`, the options, `claimId`, `originId`, `leaseUntil`, `ttl` |
//! | `active` | `owner`, those of the resource, `listedAt` |
//! | `deleting` | as `active`, with `deleteId` in place of `listedAt` |
//!
//! The row of a create that died, and that nobody asks for again, ends by `ttl`, a day after its lease. If it has made
//! something in AWS, the reconciler has ended both long before.
//!
//! The index `by-owner` sorts by `listedAt`, so that it holds what its owner can use and nothing else.

use std::marker::PhantomData;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};

use super::Aws;
use super::failure::AwsFailure;
use super::item::{Fields, Item, item, n, page, s};
use crate::Error;
use crate::domain::claim::{Claim, Outline, Resource, Row};
use crate::domain::{ClaimId, Cursor, Limit, Page, Timestamp, UserId};

/// How long the row of a create that died stays after its lease.
const DEAD_CLAIM_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// A resource that a table holds.
pub trait Stored: Resource {
    /// The attributes of what its first caller decided.
    fn options_item(options: &Self::Options) -> Item;
    /// Reads them back.
    fn read_options(row: &Fields<'_>) -> Result<Self::Options, Error>;
    /// The attributes of the resource besides `name`, `owner`, `arn` and `createdAt`.
    fn item(&self) -> Item;
    /// Reads the resource back.
    fn read(row: &Fields<'_>) -> Result<Self, Error>;
    /// When its row became a resource.
    fn created_at(&self) -> Timestamp;
}

/// A table of named resources.
pub struct NameTable<R> {
    dynamodb: Client,
    table: String,
    of: PhantomData<fn() -> R>,
}

impl<R> NameTable<R> {
    /// The table of that name.
    pub fn new(aws: &Aws, table: String) -> Self {
        Self { dynamodb: aws.dynamodb(), table, of: PhantomData }
    }
}

impl<R: Stored> NameTable<R> {
    /// The row of that name, read consistently: a caller sees what it was last told. One read.
    pub(crate) async fn read(&self, name: &R::Name) -> Result<Option<Row<R>>, Error> {
        let got = self.dynamodb.get_item().table_name(&self.table).key("name", s(name)).consistent_read(true);
        let got = got.send().await.map_err(|error| AwsFailure::new("dynamodb:GetItem", &error).into_error())?;
        got.item().map(read_row).transpose()
    }

    /// What the row of that name is about, and nothing of its contents, which may be secret. Read consistently.
    pub(crate) async fn outline(&self, name: &R::Name) -> Result<Option<Outline<R>>, Error> {
        let got = self
            .dynamodb
            .get_item()
            .table_name(&self.table)
            .key("name", s(name))
            .consistent_read(true)
            .projection_expression("#status, arn, claimId, originId, leaseUntil")
            .expression_attribute_names("#status", "status");
        let got = got.send().await.map_err(|error| AwsFailure::new("dynamodb:GetItem", &error).into_error())?;
        let Some(item) = got.item() else { return Ok(None) };
        let row = Fields::of(R::KIND, item);
        Ok(Some(match row.text("status")? {
            "creating" => Outline::Creating {
                id: row.parse("claimId")?,
                origin: row.parse("originId")?,
                lease_until: row.parse("leaseUntil")?,
            },
            "active" => Outline::Active(row.parse("arn")?),
            "deleting" => Outline::Deleting(row.parse("arn")?),
            _ => return Err(Error::internal(format!("a {} row has no valid status", R::KIND))),
        }))
    }

    /// Takes over a claim that has lapsed, to end it. False: somebody else was first.
    pub(crate) async fn seize(
        &self,
        name: &R::Name,
        lapsed: &ClaimId,
        claim: &ClaimId,
        lease_until: Timestamp,
    ) -> Result<bool, Error> {
        let update = self
            .update_row(name)
            .update_expression("SET claimId = :claim, leaseUntil = :until")
            // Our own id: the SDK has repeated a write whose answer was lost.
            .condition_expression("claimId = :lapsed OR claimId = :claim")
            .expression_attribute_values(":lapsed", s(lapsed))
            .expression_attribute_values(":claim", s(claim))
            .expression_attribute_values(":until", s(lease_until));
        Self::was_accepted(update).await
    }

    /// Makes a delete that is under way this attempt's. False: none is.
    pub(crate) async fn continue_delete(&self, name: &R::Name, arn: &R::Arn, attempt: &ClaimId) -> Result<bool, Error> {
        let update = self
            .update_row(name)
            .update_expression("SET deleteId = :attempt")
            .condition_expression("arn = :arn AND #status = :deleting")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":deleting", s("deleting"))
            .expression_attribute_values(":attempt", s(attempt))
            .expression_attribute_values(":arn", s(arn));
        Self::was_accepted(update).await
    }

    /// Claims a name that is free, or one that `lapsed` held. False: somebody else was first.
    pub(crate) async fn claim(&self, claim: &Claim<R>, lapsed: Option<&ClaimId>) -> Result<bool, Error> {
        let put = self
            .dynamodb
            .put_item()
            .table_name(&self.table)
            .set_item(Some(claim_item(claim)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let put = match lapsed {
            None => put.condition_expression("attribute_not_exists(#name)").expression_attribute_names("#name", "name"),
            // A claim lapses by the clock and is taken over by its id, so that exactly one successor follows it.
            Some(lapsed) => {
                put.condition_expression("claimId = :lapsed").expression_attribute_values(":lapsed", s(lapsed))
            }
        };
        match put.send().await {
            Ok(_) => Ok(true),
            // The SDK may repeat a write whose answer was lost, and then meets its own row.
            Err(error) => match refused_put::<R>(&error)? {
                Some(Row::Creating(existing)) => Ok(existing.id == claim.id),
                _ => Ok(false),
            },
        }
    }

    /// Ends a claim's lease early, so that the next caller takes over and looks for what may have been created. A claim
    /// that is lost already is fine.
    pub(crate) async fn lapse(&self, claim: &Claim<R>, at: Timestamp) -> Result<(), Error> {
        self.lapse_held(&claim.name, &claim.id, at).await
    }

    /// As [`NameTable::lapse`], for whoever knows no more of a claim than its id.
    pub(crate) async fn lapse_held(&self, name: &R::Name, claim: &ClaimId, at: Timestamp) -> Result<(), Error> {
        let update = self
            .update_row(name)
            .update_expression("SET leaseUntil = :at")
            .condition_expression("claimId = :claim")
            .expression_attribute_values(":at", s(at))
            .expression_attribute_values(":claim", s(claim));
        Self::was_accepted(update).await.map(drop)
    }

    /// Frees the name of a claim under which nothing exists. A claim that is lost already is fine.
    pub(crate) async fn release(&self, claim: &Claim<R>) -> Result<(), Error> {
        self.release_held(&claim.name, &claim.id).await
    }

    /// As [`NameTable::release`], for whoever knows no more of a claim than its id.
    pub(crate) async fn release_held(&self, name: &R::Name, claim: &ClaimId) -> Result<(), Error> {
        self.delete_if(name, "claimId", s(claim)).await
    }

    /// Turns a claim into a resource. False: the claim was lost.
    pub(crate) async fn commit(&self, resource: &R, claim: &ClaimId) -> Result<bool, Error> {
        let put = self
            .dynamodb
            .put_item()
            .table_name(&self.table)
            .set_item(Some(resource_item(resource)))
            .condition_expression("claimId = :claim")
            .expression_attribute_values(":claim", s(claim))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match put.send().await {
            Ok(_) => Ok(true),
            // As with a claim: a repeated write may meet its own row.
            Err(error) => Ok(matches!(refused_put::<R>(&error)?, Some(Row::Active(existing)) if existing == *resource)),
        }
    }

    /// Marks a resource as being deleted by this attempt and takes it off its owner's list; an attempt that was under
    /// way is continued. False: it is not that resource any more.
    pub(crate) async fn begin_delete(&self, resource: &R, attempt: &ClaimId) -> Result<bool, Error> {
        let update = self
            .update_row(resource.name())
            .update_expression("SET #status = :deleting, deleteId = :attempt REMOVE listedAt")
            .condition_expression("arn = :arn")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":deleting", s("deleting"))
            .expression_attribute_values(":attempt", s(attempt))
            .expression_attribute_values(":arn", s(resource.arn()));
        Self::was_accepted(update).await
    }

    /// The resource stays after all. False: the delete is not this attempt's any more.
    pub(crate) async fn revoke_delete(&self, name: &R::Name, arn: &R::Arn, attempt: &ClaimId) -> Result<bool, Error> {
        let update = self
            .update_row(name)
            .update_expression("SET #status = :active, listedAt = createdAt REMOVE deleteId")
            .condition_expression("arn = :arn AND deleteId = :attempt")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":active", s("active"))
            .expression_attribute_values(":attempt", s(attempt))
            .expression_attribute_values(":arn", s(arn));
        Self::was_accepted(update).await
    }

    /// Frees the name of a resource that is deleted in AWS. A row that is gone already is fine.
    pub(crate) async fn finish_delete(&self, name: &R::Name, arn: &R::Arn) -> Result<(), Error> {
        self.delete_if(name, "arn", s(arn)).await
    }

    async fn delete_if(&self, name: &R::Name, field: &str, value: AttributeValue) -> Result<(), Error> {
        let delete = self
            .dynamodb
            .delete_item()
            .table_name(&self.table)
            .key("name", s(name))
            .condition_expression("#field = :value")
            .expression_attribute_names("#field", field)
            .expression_attribute_values(":value", value);
        match delete.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(DeleteItemError::ConditionalCheckFailedException(_)) => Ok(()),
                _ => Err(AwsFailure::new("dynamodb:DeleteItem", &error).into_error()),
            },
        }
    }

    /// The resources of an owner, newest first. One Query on the index, which never holds claims or deletions.
    pub(crate) async fn list(&self, owner: &UserId, limit: Limit, cursor: Option<Cursor>) -> Result<Page<R>, Error> {
        let start = cursor.map(|Cursor { at, id }| item([("owner", s(owner)), ("listedAt", s(at)), ("name", s(id))]));
        let query = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .index_name("by-owner")
            .key_condition_expression("#owner = :owner")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":owner", s(owner))
            .scan_index_forward(false)
            .limit(i32::from(limit.get()))
            .set_exclusive_start_key(start);
        let found = query.send().await.map_err(|error| AwsFailure::new("dynamodb:Query", &error).into_error())?;
        let resources: Result<Vec<R>, Error> =
            found.items().iter().map(|item| R::read(&Fields::of(R::KIND, item))).collect();
        page(resources?, found.last_evaluated_key(), R::KIND, "listedAt", "name")
    }

    /// An update of a row, to be completed by an adapter that knows more of it.
    pub(super) fn update_row(&self, name: &R::Name) -> UpdateItemFluentBuilder {
        self.dynamodb.update_item().table_name(&self.table).key("name", s(name))
    }

    /// Sends a conditional update. False: its condition did not hold.
    pub(super) async fn was_accepted(update: UpdateItemFluentBuilder) -> Result<bool, Error> {
        match update.send().await {
            Ok(_) => Ok(true),
            Err(error) => refused_update::<R>(&error).map(|_| false),
        }
    }
}

/// The row that refused a conditional write; any other failure is one.
fn refused_put<R: Stored>(error: &SdkError<PutItemError, HttpResponse>) -> Result<Option<Row<R>>, Error> {
    match error.as_service_error() {
        Some(PutItemError::ConditionalCheckFailedException(refusal)) => refusal.item().map(read_row).transpose(),
        _ => Err(AwsFailure::new("dynamodb:PutItem", error).into_error()),
    }
}

/// As [`refused_put`], for an update.
pub(super) fn refused_update<R: Stored>(
    error: &SdkError<UpdateItemError, HttpResponse>,
) -> Result<Option<Row<R>>, Error> {
    match error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(refusal)) => refusal.item().map(read_row).transpose(),
        _ => Err(AwsFailure::new("dynamodb:UpdateItem", error).into_error()),
    }
}

/// Reads a row in whichever form it has.
pub(super) fn read_row<R: Stored>(item: &Item) -> Result<Row<R>, Error> {
    let row = Fields::of(R::KIND, item);
    match row.text("status")? {
        "creating" => Ok(Row::Creating(Claim {
            name: row.parse("name")?,
            owner: row.parse("owner")?,
            options: R::read_options(&row)?,
            id: row.parse("claimId")?,
            origin: row.parse("originId")?,
            lease_until: row.parse("leaseUntil")?,
        })),
        "active" => R::read(&row).map(Row::Active),
        "deleting" => R::read(&row).map(Row::Deleting),
        _ => Err(Error::internal(format!("a {} row has no valid status", R::KIND))),
    }
}

fn claim_item<R: Stored>(claim: &Claim<R>) -> Item {
    let mut row = R::options_item(&claim.options);
    row.extend(item([
        ("name", s(&claim.name)),
        ("status", s("creating")),
        ("owner", s(&claim.owner)),
        ("claimId", s(&claim.id)),
        ("originId", s(&claim.origin)),
        ("leaseUntil", s(claim.lease_until)),
        ("ttl", n((claim.lease_until + DEAD_CLAIM_KEPT).epoch_seconds())),
    ]));
    row
}

fn resource_item<R: Stored>(resource: &R) -> Item {
    let mut row = resource.item();
    row.extend(item([
        ("name", s(resource.name())),
        ("status", s("active")),
        ("owner", s(resource.owner())),
        ("arn", s(resource.arn())),
        ("createdAt", s(resource.created_at())),
        ("listedAt", s(resource.created_at())),
    ]));
    row
}
