//! A service as a table of operations over a state. An operation: the constraints on its input, what it acts on, how
//! often it may be called, what it does.

use std::collections::BTreeMap;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use time::OffsetDateTime;

use crate::aws::assumptions::Assumptions;
use crate::aws::service::ServiceError;
use crate::aws::service::shape::{Input, Member};

/// Tags of a resource.
pub(crate) type Tags = BTreeMap<String, String>;

/// How many of its resources an account may have in the region.
pub(crate) trait Limits: Copy + Default + Send {
    /// Every limit with its name.
    fn named(&mut self) -> Vec<(&'static str, &mut usize)>;
}

/// What a service remembers, and with it what the service is.
pub(crate) trait Model: Clone + Default + Serialize + DeserializeOwned + Send + 'static {
    /// In ARNs and in the actions of policies.
    const SERVICE: &'static str = "ivs";

    /// How many of its resources there may be.
    type Limits: Limits;

    /// Every operation that the local cloud has of it.
    fn operations() -> &'static [Operation<Self>];

    /// Forgets everything.
    fn clear(&mut self) {
        *self = Self::default();
    }

    /// A refusal of a call with this input, with the members that the service's model has for it. `rate` is how often the
    /// operation may be called, per second.
    fn refused(error: ServiceError, _input: &Value, _rate: f64) -> ServiceError {
        error
    }

    /// The tags of the resource, if it exists.
    fn tags(&self, arn: &str) -> Option<&Tags>;

    fn tags_mut(&mut self, arn: &str) -> Option<&mut Tags>;
}

/// What an operation is given besides its input.
pub(crate) struct Context<'a, L> {
    pub(crate) region: &'a str,
    pub(crate) limits: L,
    pub(crate) now: OffsetDateTime,
    pub(crate) assumed: Assumptions,
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
