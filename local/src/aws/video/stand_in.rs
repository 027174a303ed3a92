//! One service of the three, put together from its model.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};

use serde_json::Value;
use time::OffsetDateTime;

use super::{
    error,
    operation::{Context, Model, Operation, Run},
    past::Past,
    permission,
    quotas::Quotas,
};
use crate::aws::assumptions::Assumed;
use crate::aws::service::shape::Input;
use crate::aws::service::{Requirement, Service, ServiceError};
use crate::plumbing::clock;
use crate::plumbing::state_file::{SaveError, Stored};
use crate::plumbing::sync::lock;

/// A service in one region.
pub(crate) struct StandIn<M: Model> {
    region: String,
    state: Stored<M>,
    quotas: Mutex<Quotas<M>>,
    assumed: Assumed,
    /// For lists that are late.
    past: Mutex<Past<M>>,
}

impl<M: Model> StandIn<M> {
    /// The service with what `state_file` remembers; without a file, everything is in memory and new.
    /// Quotas are not remembered.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub(crate) fn open(region: &str, state_file: Option<PathBuf>) -> anyhow::Result<Self> {
        let state = Stored::open(state_file)?;
        Ok(Self {
            region: region.to_owned(),
            state,
            quotas: Mutex::default(),
            assumed: Assumed::default(),
            past: Mutex::default(),
        })
    }

    /// What is assumed of the service.
    pub(crate) fn assume(&mut self, assumed: Assumed) {
        self.assumed = assumed;
    }

    pub(crate) fn region(&self) -> &str {
        &self.region
    }

    /// Whether the service has the operation, as far as the local cloud goes.
    pub(crate) fn has(&self, operation: &str) -> bool {
        Operation::<M>::named(operation).is_some()
    }

    pub(crate) fn lock_quotas(&self) -> MutexGuard<'_, Quotas<M>> {
        lock(&self.quotas)
    }

    /// Looks at the state, for what the service has no API for.
    pub(crate) fn read<R>(&self, look: impl FnOnce(&M) -> R) -> R {
        self.state.read(look)
    }

    /// Whether there is a resource of this ARN.
    pub(crate) fn exists(&self, arn: &str) -> bool {
        self.state.read(|state| state.tags(arn).is_some())
    }

    /// Changes the state, for what the service has no API for. A change that fails must leave it as it was.
    ///
    /// # Errors
    /// Those of `change`, and a state file that cannot be written; nothing has changed then.
    pub(crate) fn change<R, E: From<SaveError>>(&self, change: impl FnOnce(&mut M) -> Result<R, E>) -> Result<R, E> {
        self.changed(clock::now(), change)
    }

    /// Changes the state, and remembers what it was for as long as a list may show that.
    fn changed<R, E: From<SaveError>>(
        &self,
        now: OffsetDateTime,
        change: impl FnOnce(&mut M) -> Result<R, E>,
    ) -> Result<R, E> {
        if !self.assumed.now().late_listings {
            return self.state.change(change);
        }
        self.state.change(|state| {
            let before = state.clone();
            let answer = change(state)?;
            lock(&self.past).note(before, now);
            Ok(answer)
        })
    }

    /// Reads what an operation reads: a list may be of a moment ago.
    fn read_for<R>(&self, operation: &str, now: OffsetDateTime, look: impl FnOnce(&M) -> R) -> R {
        if operation.starts_with("List") && self.assumed.now().late_listings {
            return match lock(&self.past).a_moment_before(now) {
                Some(past) => look(past),
                None => self.state.read(look),
            };
        }
        self.state.read(look)
    }
}

impl<M: Model> Service for StandIn<M> {
    fn requirements(&self, operation: &str, input: &Value) -> Vec<Requirement> {
        self.state.read(|state| permission::requirements(state, &self.region, operation, input))
    }

    fn call(&self, operation: &str, input: &Value, now: OffsetDateTime) -> Result<Value, ServiceError> {
        let operation = Operation::<M>::named(operation).ok_or_else(|| error::unknown_operation(operation))?;
        self.carry_out(operation, input, now).map_err(|error| {
            let rate = self.lock_quotas().rate(operation.name);
            M::refused(error, input, rate)
        })
    }

    fn reset(&self) {
        self.state.change_anyway(M::clear);
        *lock(&self.past) = Past::default();
        *self.lock_quotas() = Quotas::default();
    }
}

impl<M: Model> StandIn<M> {
    fn carry_out(&self, operation: &Operation<M>, input: &Value, now: OffsetDateTime) -> Result<Value, ServiceError> {
        let limits = {
            let mut quotas = self.lock_quotas();
            if !quotas.admit(operation.name, now) {
                return Err(error::throttled());
            }
            quotas.limits
        };
        let input = Input::check(operation.input, input).map_err(error::validation)?;
        let context = Context { region: &self.region, limits, now, assumed: self.assumed.now() };
        match operation.run {
            Run::Read(run) => self.read_for(operation.name, now, |state| run(state, input, &context)),
            Run::Write(run) => self.changed(now, |state| run(state, input, &context)),
        }
    }
}
