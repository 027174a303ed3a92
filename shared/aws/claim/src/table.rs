//! Tables of named resources: one row a name. The row's `status` says which of [`NameRow`]'s forms it has.
//!
//! | `status` | attributes |
//! |---|---|
//! | `creating` | `owner`, the options, `claimId`, `originId`, `leaseUntil`, `counted`, `unfinished` |
//! | `active` | `owner`, those of the resource, `listedAt`, `counted` |
//! | `deleting` | as `active`, with `deleteId` and `unfinished` in place of `listedAt` |
//!
//! Rows begin by [`NameTable::claim`] and end by [`NameTable::release`] and [`NameTable::finish_delete`] alone, each of
//! which moves the owner's [counter] with them. So no row ends by TTL: an earlier version gave claims one.
//!
//! The index `by-owner` sorts by `listedAt`, so that it holds what its owner can use and nothing else. The index
//! `unfinished` holds what is being created or deleted and nothing else: what has been left halfway is found by it.

use std::collections::{BTreeSet, HashMap};
use std::marker::PhantomData;

use aws_client::{Aws, AwsFailure, SdkClient, sdk_client};
use aws_item::{Fields, Item, Written, batch_get, delete_if, item, page, put_if, query_by_owner, s, update_if};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::builders::PutBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, Delete, KeysAndAttributes, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use model::claim::{Claim, NameRow, Resource, RowSummary};
use model::sweep::is_left;
use model::{ClaimId, Cursor, Error, Limit, Page, Timestamp, UserId};

use crate::counter::{self, Change, Counted, built};

/// The attribute that has a row in the index of its name, and its one value.
const UNFINISHED: &str = "unfinished";
const YES: &str = "yes";
/// The most keys that one BatchGetItem takes.
const BATCH: usize = 100;

/// How the rows of a resource are written and read.
pub trait Schema: Send + Sync + 'static {
    /// What the rows stand for.
    type Resource: Resource;

    /// The attributes of what its first caller decided.
    fn options_item(options: &<Self::Resource as Resource>::Options) -> Item;
    /// Reads them back.
    ///
    /// # Errors
    /// [`Error::Internal`] for a row that does not have them.
    fn read_options(row: &Fields<'_>) -> Result<<Self::Resource as Resource>::Options, Error>;
    /// The attributes of the resource besides `name`, `owner`, `arn` and `createdAt`.
    fn item(resource: &Self::Resource) -> Item;
    /// Reads the resource back.
    ///
    /// # Errors
    /// [`Error::Internal`] for a row that is none.
    fn read(row: &Fields<'_>) -> Result<Self::Resource, Error>;
}

type Name<S> = <<S as Schema>::Resource as Resource>::Name;
type Arn<S> = <<S as Schema>::Resource as Resource>::Arn;

/// What rows are about, by their names.
pub(crate) type Summaries<S> = HashMap<String, Result<RowSummary<<S as Schema>::Resource>, Error>>;

/// A table of named resources.
pub struct NameTable<S> {
    dynamodb: SdkClient<Client>,
    table: String,
    most_per_owner: Option<u32>,
    of: PhantomData<fn() -> S>,
}

impl<S> NameTable<S> {
    /// The table of that name.
    pub fn new(aws: &Aws, table: String) -> Self {
        let dynamodb = sdk_client!(aws, aws_sdk_dynamodb, "DYNAMODB");
        Self { dynamodb, table, most_per_owner: None, of: PhantomData }
    }

    /// The same, in which an owner has no more names than this. Unless told, they are counted only.
    #[must_use]
    pub fn with_most_per_owner(self, most: u32) -> Self {
        Self { most_per_owner: Some(most), ..self }
    }
}

impl<S: Schema> NameTable<S> {
    /// The row of that name, read consistently: a caller sees what it was last told. One read.
    pub async fn read(&self, name: &Name<S>) -> Result<Option<NameRow<S::Resource>>, Error> {
        let got = self.dynamodb.get_item().table_name(&self.table).key("name", s(name)).consistent_read(true);
        let got = got.send().await.map_err(|error| AwsFailure::new("dynamodb:GetItem", &error).into_error())?;
        got.item().map(read_row::<S>).transpose()
    }

    /// Claims a name that is free, or one that `lapsed` held, for the same owner. False: somebody else was first.
    ///
    /// # Errors
    /// [`Resource::too_many`] if the name is free and its owner has as many as one may; what DynamoDB fails with.
    pub async fn claim(&self, claim: &Claim<S::Resource>, lapsed: Option<&ClaimId>) -> Result<bool, Error> {
        let Some(lapsed) = lapsed else { return self.claim_free(claim).await };
        let put = self
            .dynamodb
            .put_item()
            .table_name(&self.table)
            .set_item(Some(claim_item::<S>(claim)))
            // A claim lapses by the clock and is taken over by its id, so that exactly one successor follows it.
            .condition_expression("claimId = :lapsed AND #owner = :owner AND attribute_exists(counted)")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":lapsed", s(lapsed))
            .expression_attribute_values(":owner", s(&claim.owner))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let row = match put_if(put).await? {
            Written::Yes(_) => return Ok(true),
            Written::No(row) => row.as_ref().map(read_row::<S>).transpose()?,
        };
        match row {
            // Then it is not counted.
            Some(NameRow::Creating(row)) if row.id == *lapsed && row.owner == claim.owner => {
                self.claim_uncounted(claim, lapsed).await
            }
            row => Ok(is_claim(row.as_ref(), &claim.id)),
        }
    }

    /// Takes over a claim of a version that did not count: from here on it is counted, as what comes of it will be.
    async fn claim_uncounted(&self, claim: &Claim<S::Resource>, lapsed: &ClaimId) -> Result<bool, Error> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(claim_item::<S>(claim)))
            .condition_expression("claimId = :lapsed AND #owner = :owner AND attribute_not_exists(counted)")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":lapsed", s(lapsed))
            .expression_attribute_values(":owner", s(&claim.owner))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        self.claim_counting(claim, put, None).await
    }

    /// The one way in which a row begins.
    async fn claim_free(&self, claim: &Claim<S::Resource>) -> Result<bool, Error> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(claim_item::<S>(claim)))
            .condition_expression("attribute_not_exists(#name)")
            .expression_attribute_names("#name", "name")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        self.claim_counting(claim, put, self.most_per_owner).await
    }

    /// Writes a claim that is not counted yet, with the count.
    async fn claim_counting(
        &self,
        claim: &Claim<S::Resource>,
        put: PutBuilder,
        most: Option<u32>,
    ) -> Result<bool, Error> {
        let put = TransactWriteItem::builder().put(put.build().map_err(built)?).build();
        let count = counter::update(&self.table, &claim.owner, Change::Add(most))?;
        match counter::write(&self.dynamodb, put, count).await? {
            Counted::Yes => Ok(true),
            Counted::RowRefused(row) => Ok(is_claim(row.as_ref().map(read_row::<S>).transpose()?.as_ref(), &claim.id)),
            Counted::CountRefused => Err(Error::Conflict(S::Resource::too_many(most.unwrap_or_default()))),
        }
    }

    /// Has a claim's lease end at that time: later, or early, so that a recovery takes over and looks for what may have
    /// been created. A claim that is lost already is fine.
    pub async fn lease(&self, claim: &Claim<S::Resource>, until: Timestamp) -> Result<(), Error> {
        let update = self
            .update_row(&claim.name)
            .update_expression("SET leaseUntil = :until")
            .condition_expression("claimId = :claim")
            .expression_attribute_values(":until", s(until))
            .expression_attribute_values(":claim", s(&claim.id));
        Self::was_accepted(update).await.map(drop)
    }

    /// Frees the name of a claim under which nothing exists. A claim that is lost already is fine.
    pub async fn release(&self, claim: &Claim<S::Resource>) -> Result<(), Error> {
        self.delete_if(&claim.name, "claimId", s(&claim.id)).await
    }

    /// Turns a claim into a resource. False: the claim was lost.
    pub async fn commit(&self, resource: &S::Resource, claim: &ClaimId) -> Result<bool, Error> {
        let put = self
            .dynamodb
            .put_item()
            .table_name(&self.table)
            .set_item(Some(resource_item::<S>(resource)))
            .condition_expression("claimId = :claim")
            .expression_attribute_values(":claim", s(claim))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match put_if(put).await? {
            Written::Yes(_) => Ok(true),
            // As with a claim: a repeated write may meet its own row.
            Written::No(row) => {
                let row = row.as_ref().map(read_row::<S>).transpose()?;
                Ok(matches!(row, Some(NameRow::Active(existing)) if existing == *resource))
            }
        }
    }

    /// Marks a resource as being deleted by this attempt and takes it off its owner's list; an attempt that was under
    /// way is continued. False: it is not that resource any more.
    pub async fn begin_delete(&self, resource: &S::Resource, attempt: &ClaimId) -> Result<bool, Error> {
        let update = self
            .update_row(resource.name())
            .update_expression("SET #status = :deleting, deleteId = :attempt, unfinished = :yes REMOVE listedAt")
            .condition_expression("arn = :arn")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":deleting", s("deleting"))
            .expression_attribute_values(":yes", s(YES))
            .expression_attribute_values(":attempt", s(attempt))
            .expression_attribute_values(":arn", s(resource.arn()));
        Self::was_accepted(update).await
    }

    /// The resource stays after all. False: the delete is not this attempt's any more.
    pub async fn revoke_delete(&self, name: &Name<S>, arn: &Arn<S>, attempt: &ClaimId) -> Result<bool, Error> {
        let update = self
            .update_row(name)
            .update_expression("SET #status = :active, listedAt = createdAt REMOVE deleteId, unfinished")
            .condition_expression("arn = :arn AND deleteId = :attempt")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":active", s("active"))
            .expression_attribute_values(":attempt", s(attempt))
            .expression_attribute_values(":arn", s(arn));
        Self::was_accepted(update).await
    }

    /// Frees the name of a resource that is deleted in AWS. A row that is gone already is fine.
    pub async fn finish_delete(&self, name: &Name<S>, arn: &Arn<S>) -> Result<(), Error> {
        self.delete_if(name, "arn", s(arn)).await
    }

    /// The one way in which a row ends.
    async fn delete_if(&self, name: &Name<S>, field: &str, value: AttributeValue) -> Result<(), Error> {
        while let Some(owner) = self.counted_owner(name).await? {
            let delete = Delete::builder()
                .table_name(&self.table)
                .key("name", s(name))
                // Whose count goes down.
                .condition_expression("#field = :value AND #owner = :owner")
                .expression_attribute_names("#field", field)
                .expression_attribute_names("#owner", "owner")
                .expression_attribute_values(":value", value.clone())
                .expression_attribute_values(":owner", s(&owner))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            let delete = TransactWriteItem::builder().delete(delete.build().map_err(built)?).build();
            let count = counter::update(&self.table, &owner, Change::TakeOff)?;
            match counter::write(&self.dynamodb, delete, count).await? {
                // It is handed over to another owner.
                Counted::RowRefused(Some(row)) if row.get(field) == Some(&value) => {}
                Counted::Yes | Counted::RowRefused(_) => return Ok(()),
                // An operator has deleted the counter, to begin anew: the row ends without it.
                Counted::CountRefused => {
                    tracing::warn!(%name, "a row is counted, and its owner's counter has none");
                    break;
                }
            }
        }
        let delete = self
            .dynamodb
            .delete_item()
            .table_name(&self.table)
            .key("name", s(name))
            .condition_expression("#field = :value")
            .expression_attribute_names("#field", field)
            .expression_attribute_values(":value", value);
        delete_if(delete).await.map(drop)
    }

    /// Whose counter has the row of that name in it.
    async fn counted_owner(&self, name: &Name<S>) -> Result<Option<UserId>, Error> {
        let got = self
            .dynamodb
            .get_item()
            .table_name(&self.table)
            .key("name", s(name))
            .consistent_read(true)
            .projection_expression("#owner, counted")
            .expression_attribute_names("#owner", "owner");
        let got = got.send().await.map_err(|error| AwsFailure::new("dynamodb:GetItem", &error).into_error())?;
        let Some(item) = got.item() else { return Ok(None) };
        let row = Fields::of(S::Resource::KIND, item);
        if row.has("counted") { row.parse("owner").map(Some) } else { Ok(None) }
    }

    /// The resources of an owner, newest first. One Query on the index, which never holds claims or deletions.
    pub async fn list(&self, owner: &UserId, limit: Limit, cursor: Option<Cursor>) -> Result<Page<S::Resource>, Error> {
        let query = self.dynamodb.query().table_name(&self.table);
        let found = query_by_owner(query, owner, ("listedAt", "name"), limit, cursor).await?;
        let resources: Result<Vec<S::Resource>, Error> =
            found.items().iter().map(|item| S::read(&Fields::of(S::Resource::KIND, item))).collect();
        page(resources?, found.last_evaluated_key(), S::Resource::KIND, "listedAt", "name")
    }

    /// What the rows of these names are about, and nothing of their contents, which may be secret. Read consistently, up
    /// to a hundred in one call. A row that cannot be read keeps no other from it.
    ///
    /// # Errors
    /// What DynamoDB fails with; [`Error::Unavailable`] if it has not read every row.
    pub(crate) async fn summaries(&self, names: &[Name<S>]) -> Result<Summaries<S>, Error> {
        let distinct: BTreeSet<String> = names.iter().map(ToString::to_string).collect();
        let distinct: Vec<String> = distinct.into_iter().collect();
        let mut rows = Summaries::<S>::new();
        for names in distinct.chunks(BATCH) {
            let keys = KeysAndAttributes::builder()
                .set_keys(Some(names.iter().map(|name| item([("name", s(name))])).collect()))
                .consistent_read(true)
                .projection_expression("#name, #status, arn, originId, leaseUntil")
                .expression_attribute_names("#name", "name")
                .expression_attribute_names("#status", "status");
            let keys = keys.build().map_err(Error::internal)?;
            let found = batch_get(self.dynamodb.batch_get_item().request_items(&self.table, keys)).await?;
            for item in found.into_values().flatten() {
                let row = Fields::of(S::Resource::KIND, &item);
                rows.insert(row.text("name")?.to_owned(), read_summary::<S>(&row));
            }
        }
        Ok(rows)
    }

    /// The names whose create or delete was left halfway. A Query of the index, which follows a write within moments.
    ///
    /// # Errors
    /// What DynamoDB fails with, on any page.
    pub async fn unfinished(&self, now: Timestamp) -> Result<Vec<Name<S>>, Error> {
        let (mut names, mut start) = (Vec::new(), None);
        loop {
            let query = self
                .dynamodb
                .query()
                .table_name(&self.table)
                .index_name(UNFINISHED)
                .key_condition_expression("unfinished = :yes")
                .projection_expression("#name, #status, leaseUntil")
                .expression_attribute_names("#name", "name")
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":yes", s(YES))
                .set_exclusive_start_key(start);
            let found = query.send().await.map_err(|error| AwsFailure::new("dynamodb:Query", &error).into_error())?;
            for item in found.items() {
                let row = Fields::of(S::Resource::KIND, item);
                let left = match row.text("status")? {
                    "creating" => is_left(Some(row.parse("leaseUntil")?), now),
                    "deleting" => is_left(None, now),
                    // Taken back by an earlier version, which does not know of this index.
                    _ => false,
                };
                if left {
                    names.push(row.parse("name")?);
                }
            }
            start = found.last_evaluated_key().cloned();
            if start.is_none() {
                return Ok(names);
            }
        }
    }

    /// An update of a row, to be completed by an adapter that knows more of it.
    pub fn update_row(&self, name: &Name<S>) -> UpdateItemFluentBuilder {
        self.dynamodb.update_item().table_name(&self.table).key("name", s(name))
    }

    /// Sends a conditional update. False: its condition did not hold.
    pub async fn was_accepted(update: UpdateItemFluentBuilder) -> Result<bool, Error> {
        Ok(matches!(update_if(update).await?, Written::Yes(_)))
    }
}

/// Whether the row that refused a claim is that claim: the SDK may repeat a write whose answer was lost, and then meets
/// its own row.
fn is_claim<R: Resource>(row: Option<&NameRow<R>>, id: &ClaimId) -> bool {
    matches!(row, Some(NameRow::Creating(existing)) if existing.id == *id)
}

fn read_summary<S: Schema>(row: &Fields<'_>) -> Result<RowSummary<S::Resource>, Error> {
    Ok(match row.text("status")? {
        "creating" => RowSummary::Creating { origin: row.parse("originId")?, lease_until: row.parse("leaseUntil")? },
        "active" => RowSummary::Active(row.parse("arn")?),
        "deleting" => RowSummary::Deleting(row.parse("arn")?),
        _ => return Err(Error::internal(format!("a {} row has no valid status", S::Resource::KIND))),
    })
}

/// Reads a row in whichever form it has.
pub fn read_row<S: Schema>(item: &Item) -> Result<NameRow<S::Resource>, Error> {
    let row = Fields::of(S::Resource::KIND, item);
    match row.text("status")? {
        "creating" => Ok(NameRow::Creating(Claim {
            name: row.parse("name")?,
            owner: row.parse("owner")?,
            options: S::read_options(&row)?,
            id: row.parse("claimId")?,
            origin: row.parse("originId")?,
            lease_until: row.parse("leaseUntil")?,
        })),
        "active" => S::read(&row).map(NameRow::Active),
        "deleting" => S::read(&row).map(NameRow::Deleting),
        _ => Err(Error::internal(format!("a {} row has no valid status", S::Resource::KIND))),
    }
}

fn claim_item<S: Schema>(claim: &Claim<S::Resource>) -> Item {
    let mut row = S::options_item(&claim.options);
    row.extend(item([
        ("name", s(&claim.name)),
        ("status", s("creating")),
        ("owner", s(&claim.owner)),
        ("claimId", s(&claim.id)),
        ("originId", s(&claim.origin)),
        ("leaseUntil", s(claim.lease_until)),
        ("counted", AttributeValue::Bool(true)),
        (UNFINISHED, s(YES)),
    ]));
    row
}

fn resource_item<S: Schema>(resource: &S::Resource) -> Item {
    let mut row = S::item(resource);
    row.extend(item([
        ("name", s(resource.name())),
        ("status", s("active")),
        ("owner", s(resource.owner())),
        ("arn", s(resource.arn())),
        ("createdAt", s(resource.created_at())),
        ("listedAt", s(resource.created_at())),
        ("counted", AttributeValue::Bool(true)),
    ]));
    row
}
