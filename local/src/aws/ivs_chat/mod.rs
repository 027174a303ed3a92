//! Amazon IVS Chat: rooms, chat tokens, and the messaging that clients connect to.
//!
//! After the service model `ivschat` 2020-07-14, the IVS Chat user guide and the messaging API reference. A token opens one
//! connection, and is not kept over a restart.

mod connection;
mod constraint;
mod context;
mod error;
mod hub;
mod inventory;
mod message;
mod messaging;
mod operation;
mod review;
mod room;
mod state;
#[cfg(test)]
mod tests;
mod token;

use std::path::PathBuf;

use serde_json::{Map, Value};
use time::OffsetDateTime;

use self::hub::Hub;
pub(crate) use self::messaging::serve;
use self::state::Order;
pub(crate) use self::state::State;
use super::assumptions::Assumed;
use super::service::{Requirement, Service, ServiceError};
use super::video::StandIn;
use crate::plumbing::state_file::SaveError;

/// The service in one region, with everybody who is connected.
pub(crate) struct IvsChat {
    rooms: StandIn<State>,
    hub: Hub,
}

impl IvsChat {
    /// The service with what `state_file` remembers; without a file, everything is in memory and new.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub(crate) fn open(region: &str, state_file: Option<PathBuf>, assumed: Assumed) -> anyhow::Result<Self> {
        let mut rooms = StandIn::open(region, state_file)?;
        rooms.assume(assumed);
        Ok(Self { rooms, hub: Hub::default() })
    }

    /// What has been ordered since this was last asked.
    fn take_orders(&self) -> Vec<Order> {
        self.rooms.change(|state| Ok::<_, SaveError>(std::mem::take(&mut state.orders))).unwrap_or_default()
    }

    /// Whether there is a resource of this ARN.
    pub(crate) fn exists(&self, arn: &str) -> bool {
        self.rooms.exists(arn)
    }

    /// Calls per second by operation, and how many there may be of each resource.
    pub(crate) fn quotas(&self) -> Map<String, Value> {
        self.rooms.lock_quotas().to_json()
    }

    /// Whether [`set_quotas`](Self::set_quotas) would take these.
    ///
    /// # Errors
    /// A value that is no quota.
    pub(crate) fn check_quotas(&self, overrides: &Map<String, Value>) -> Result<(), String> {
        self.rooms.lock_quotas().with(overrides).map(drop)
    }

    /// Replaces the quotas that are named; names that are none of this service's are passed over.
    ///
    /// # Errors
    /// A value that is no quota; nothing has changed then.
    pub(crate) fn set_quotas(&self, overrides: &Map<String, Value>) -> Result<(), String> {
        let mut quotas = self.rooms.lock_quotas();
        *quotas = quotas.with(overrides)?;
        Ok(())
    }
}

impl Service for IvsChat {
    fn requirements(&self, operation: &str, input: &Value) -> Vec<Requirement> {
        self.rooms.requirements(operation, input)
    }

    fn call(&self, operation: &str, input: &Value, now: OffsetDateTime) -> Result<Value, ServiceError> {
        let answer = self.rooms.call(operation, input, now);
        if self.rooms.read(|state| !state.orders.is_empty()) {
            for order in self.take_orders() {
                self.hub.carry_out(&order);
            }
        }
        answer
    }

    fn reset(&self) {
        self.rooms.reset();
        self.hub.clear();
    }
}
