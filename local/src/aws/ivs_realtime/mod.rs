//! Amazon IVS Real-Time, without the media: stages, participant tokens, public keys, and who may join.
//!
//! After the service model `ivs-realtime` 2020-07-14 and the IVS Real-Time user guide. What makes the service hard to
//! use is here too: names are not unique, creates have no client token, rates are low and quotas hard.

mod constraint;
mod error;
mod join;
mod list;
mod operation;
mod participant;
mod permission;
mod public_key;
mod quotas;
mod session;
mod stage;
mod state;
mod tags;
#[cfg(test)]
mod tests;
mod token;

use std::{
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;
use time::OffsetDateTime;

use self::{
    operation::{Context, Operation, Run},
    quotas::Quotas,
    state::State,
};
use super::{
    service::{Requirement, Service, ServiceError},
    shape::Input,
    state_file::Stored,
};

/// The service in one region.
pub(crate) struct IvsRealTime {
    region: String,
    state: Stored<State>,
    quotas: Mutex<Quotas>,
}

impl IvsRealTime {
    /// The service with what `state_file` remembers; without a file, everything is in memory and new.
    /// Quotas are not remembered.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub(crate) fn open(region: &str, state_file: Option<PathBuf>) -> anyhow::Result<Self> {
        let state = Stored::open(state_file)?;
        Ok(Self { region: region.to_owned(), state, quotas: Mutex::new(Quotas::default()) })
    }

    /// Calls per second by operation, and how many `stages` and `publicKeys` there may be.
    pub(crate) fn quotas(&self) -> Value {
        self.lock_quotas().to_json()
    }

    /// Replaces the quotas that are named, in the form of [`quotas`](Self::quotas); the others stay.
    ///
    /// # Errors
    /// An unknown quota or a value that is none; nothing has changed then.
    pub(crate) fn set_quotas(&self, overrides: &Value) -> Result<(), String> {
        self.lock_quotas().set(overrides)
    }

    /// What IVS says to a client that joins with this participant token: `{"joined": true, ..}` with the participant's
    /// id, capabilities and session, or `{"joined": false, ..}` with the error code that the web SDK would report.
    pub(crate) fn join(&self, token: &str, now: OffsetDateTime) -> Value {
        self.state.change(|state| join::join(state, token, now)).unwrap_or_else(|refusal| refusal.to_json())
    }

    fn lock_quotas(&self) -> MutexGuard<'_, Quotas> {
        self.quotas.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service for IvsRealTime {
    fn requirements(&self, operation: &str, input: &Value) -> Vec<Requirement> {
        self.state.read(|state| permission::requirements(state, &self.region, operation, input))
    }

    fn call(&self, operation: &str, input: &Value, now: OffsetDateTime) -> Result<Value, ServiceError> {
        let operation = Operation::named(operation).ok_or_else(|| error::unknown_operation(operation))?;
        let resource_quotas = {
            let mut quotas = self.lock_quotas();
            if !quotas.admit(operation.name, now) {
                return Err(error::throttled());
            }
            quotas.resources
        };
        let input = Input::check(operation.input, input).map_err(error::validation)?;
        let context = Context { region: &self.region, quotas: resource_quotas, now };
        match operation.run {
            Run::Read(run) => self.state.read(|state| run(state, input, &context)),
            Run::Write(run) => self.state.change(|state| run(state, input, &context)),
        }
    }

    fn reset(&self) {
        self.state.change_anyway(|state| *state = State::default());
        *self.lock_quotas() = Quotas::default();
    }
}
