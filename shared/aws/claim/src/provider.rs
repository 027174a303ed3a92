//! What a resource brings of AWS.

use model::claim::{Claim, CreateError, Found, Resource};
use model::{Error, Timestamp};

/// What AWS has of a kind.
pub trait Inventory<R: Resource>: Sync {
    /// One page of all that is tagged as this deployment's, the first or the one that an earlier page names; with
    /// `only`, of what is tagged as that name's, where AWS can tell. It is sent once, at the provider's pace;
    /// whoever lists repeats it.
    fn list(
        &self,
        only: Option<&R::Name>,
        page: Option<&str>,
    ) -> impl Future<Output = Result<ListedPage<R>, Error>> + Send;
    /// Deletes it in AWS, unless it is in use. One that is gone is fine. False: it is in use, and stays.
    fn delete_idle(&self, arn: &R::Arn) -> impl Future<Output = Result<bool, Error>> + Send;
}

/// Where resources come to be: AWS, and what hangs on them.
pub trait Provider<R: Resource>: Sync {
    /// See [`Provider::inventory`].
    type Inventory: Inventory<R>;
    /// What AWS has of the kind.
    fn inventory(&self) -> &Self::Inventory;
    /// Creates the resource of a claim, tagged with it. It is sent once.
    fn create(&self, claim: &Claim<R>, now: Timestamp) -> impl Future<Output = Result<R, CreateError>> + Send;
    /// A found resource, as if the claim had created it, at the provider's pace; `None` if it is gone.
    fn adopt(
        &self,
        claim: &Claim<R>,
        arn: R::Arn,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<R>, Error>> + Send;
    /// Whether it can be deleted now; if not, [`Error::Conflict`].
    fn check_deletable(&self, resource: &R, now: Timestamp) -> impl Future<Output = Result<(), Error>> + Send;
    /// Deletes it in AWS. One that is gone is fine. [`Error::Conflict`]: it cannot be deleted now, and stays.
    fn delete(&self, arn: &R::Arn) -> impl Future<Output = Result<(), Error>> + Send;
    /// Deletes what hangs on a resource, once it is gone.
    fn forget(&self, name: &R::Name, arn: &R::Arn) -> impl Future<Output = Result<(), Error>> + Send;
}

/// What hangs on a resource and is ended by somebody else, in a service that the resource's own function does not call.
pub trait Dependents<R: Resource>: Sync {
    /// Has it ended, soon: the resource is gone in AWS, and its row is about to go. May be asked for again.
    fn end_with(&self, name: &R::Name) -> impl Future<Output = Result<(), Error>> + Send;
}

/// One page of a listing.
#[derive(Debug)]
pub struct ListedPage<R: Resource> {
    /// What is tagged as this deployment's.
    pub found: Vec<Found<R>>,
    /// What names the next page, if there is one.
    pub next: Option<String>,
}
