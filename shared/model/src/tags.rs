//! Tags of what is created in AWS: whose it is, which row it belongs to, and which create made it. With them, whoever
//! takes over a claim finds what its predecessor created, and an orphan shows by itself that it is one.

use std::collections::HashMap;

use crate::claim::{Claim, Found, Resource};

/// The stack.
pub const TAG_STACK: &str = "greenroom:stack";
/// The create, by its first attempt.
pub const TAG_CLAIM: &str = "greenroom:claim";
/// When nobody is at work on that attempt any more.
pub const TAG_LEASE_UNTIL: &str = "greenroom:lease-until";

/// The tag with a resource's name: `greenroom:stage` on a stage.
fn name_tag<R: Resource>() -> String {
    format!("greenroom:{}", R::KIND)
}

/// The tags of what a claim creates.
pub fn of<R: Resource>(claim: &Claim<R>, stack: &str) -> HashMap<String, String> {
    HashMap::from([
        (TAG_STACK.to_owned(), stack.to_owned()),
        (name_tag::<R>(), claim.name.to_string()),
        (TAG_CLAIM.to_owned(), claim.origin.to_string()),
        (TAG_LEASE_UNTIL.to_owned(), claim.lease_until.to_string()),
    ])
}

/// What the tags of a resource say of it, if they are of one of the stack's rows. Whether it is in use, they do not.
pub fn found<R: Resource>(arn: R::Arn, tags: Option<&HashMap<String, String>>, stack: &str) -> Option<Found<R>> {
    let tags = tags.filter(|tags| tags.get(TAG_STACK).is_some_and(|found| found == stack))?;
    let name = tags.get(&name_tag::<R>())?.parse().ok()?;
    let origin = tags.get(TAG_CLAIM).and_then(|id| id.parse().ok());
    let lease_until = tags.get(TAG_LEASE_UNTIL).and_then(|at| at.parse().ok());
    Some(Found { arn, name, origin, lease_until, in_use: false })
}
