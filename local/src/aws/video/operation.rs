//! An operation: the constraints on its input, what it acts on, how often it may be called, what it does.

use serde_json::Value;
use time::OffsetDateTime;

use super::{
    constraint::{RESOURCE_ARN, TAG_KEYS, TAGS},
    stand_in::Model,
    tags,
};
use crate::aws::service::ServiceError;
use crate::aws::service::shape::{Input, Member, required};

/// Calls per second of each tag operation.
const TAGGING: f64 = 10.0;

/// What an operation is given besides its input.
pub(crate) struct Context<'a, L> {
    pub(crate) region: &'a str,
    pub(crate) limits: L,
    pub(crate) now: OffsetDateTime,
}

/// One operation of a service.
pub(crate) struct Operation<M: Model> {
    pub(crate) name: &'static str,
    pub(crate) input: &'static [Member],
    pub(crate) target: Target,
    /// Calls per second and account.
    pub(crate) rate: f64,
    pub(crate) run: Run<M>,
}

/// The resources that a policy must allow the operation on.
pub(crate) enum Target {
    /// The resource whose ARN is this member of the input.
    Named(&'static str),
    /// As [`Target::Named`], and any resource of another kind that goes or is shown with it.
    NamedWith(&'static str, &'static str),
    /// Every resource whose ARN is in this list of the input.
    Each(&'static str),
    /// Any resource of each of these kinds, for a create or a list. A create tags the first kind.
    Any(&'static [&'static str]),
}

type Reads<M> = fn(&M, Input<'_>, &Context<'_, <M as Model>::Limits>) -> Result<Value, ServiceError>;
type Writes<M> = fn(&mut M, Input<'_>, &Context<'_, <M as Model>::Limits>) -> Result<Value, ServiceError>;

/// What an operation does; the answer is null where the model has none. A write checks everything first: one that
/// fails has changed nothing.
pub(crate) enum Run<M: Model> {
    Read(Reads<M>),
    Write(Writes<M>),
}

impl<M: Model> Operation<M> {
    /// The operation of that name, if the local cloud has it.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        M::operations().iter().find(|operation| operation.name == name)
    }
}

const TAG_RESOURCE: &[Member] = &[required("resourceArn", RESOURCE_ARN), required("tags", TAGS)];
const UNTAG_RESOURCE: &[Member] = &[required("resourceArn", RESOURCE_ARN), required("tagKeys", TAG_KEYS)];
const LIST_TAGS_FOR_RESOURCE: &[Member] = &[required("resourceArn", RESOURCE_ARN)];

pub(crate) const fn tag_resource<M: Model>() -> Operation<M> {
    Operation {
        name: "TagResource",
        input: TAG_RESOURCE,
        target: Target::Named("resourceArn"),
        rate: TAGGING,
        run: Run::Write(tags::tag),
    }
}

pub(crate) const fn untag_resource<M: Model>() -> Operation<M> {
    Operation {
        name: "UntagResource",
        input: UNTAG_RESOURCE,
        target: Target::Named("resourceArn"),
        rate: TAGGING,
        run: Run::Write(tags::untag),
    }
}

pub(crate) const fn list_tags_for_resource<M: Model>() -> Operation<M> {
    Operation {
        name: "ListTagsForResource",
        input: LIST_TAGS_FOR_RESOURCE,
        target: Target::Named("resourceArn"),
        rate: TAGGING,
        run: Run::Read(tags::list),
    }
}
