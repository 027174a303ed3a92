//! What a resource brings of AWS.

use model::claim::{Claim, CreateError, Found, Resource};
use model::{Error, Timestamp};

/// Where resources come to be: AWS, and what hangs on them.
pub trait Provider<R: Resource>: Sync {
    /// Creates the resource of a claim, tagged with it. It is sent once.
    fn create(&self, claim: &Claim<R>, now: Timestamp) -> impl Future<Output = Result<R, CreateError>> + Send;
    /// Every resource in AWS that is tagged as this name's, or as any of this deployment's names, from a complete
    /// listing, in an order that all callers share.
    fn find(&self, name: Option<&R::Name>) -> impl Future<Output = Result<Vec<Found<R>>, Error>> + Send;
    /// A found resource, as if the claim had created it; `None` if it is gone.
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
