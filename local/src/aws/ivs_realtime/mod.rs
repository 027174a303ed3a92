//! Amazon IVS Real-Time, without the media: stages, participant tokens, public keys, who may join, and who publishes.
//!
//! After the service model `ivs-realtime` 2020-07-14 and the IVS Real-Time user guide. What makes the service hard to
//! use is here too: names are not unique, creates have no client token, rates are low and quotas hard.

mod constraint;
mod context;
mod inventory;
mod join;
mod operation;
mod participant;
mod public_key;
mod publish;
mod session;
mod stage;
mod state;
#[cfg(test)]
mod tests;
mod token;

use serde_json::Value;
use time::OffsetDateTime;

pub(crate) use self::publish::Who;
use self::state::Event;
pub(crate) use self::state::State;
use super::service::ServiceError;
use super::video::StandIn;
use crate::plumbing::state_file::SaveError;

/// The service in one region.
pub(crate) type IvsRealTime = StandIn<State>;

impl IvsRealTime {
    /// What IVS says to a client that joins with this participant token: `{"joined": true, ..}` with the participant's
    /// id, capabilities and session, or `{"joined": false, ..}` with the error code that the web SDK would report.
    pub(crate) fn join(&self, token: &str, now: OffsetDateTime) -> Value {
        self.change(|state| join::join(state, token, now)).unwrap_or_else(|refusal| refusal.to_json())
    }

    /// The participant begins to publish. Answers it as `ListParticipants` shows it.
    ///
    /// # Errors
    /// One who is not in the stage, or may not publish; a connection that has ended.
    pub(crate) fn publish(&self, who: Who<'_>, now: OffsetDateTime) -> Result<Value, ServiceError> {
        self.change(|state| publish::start(state, who, now))
    }

    /// It stops to publish, and stays.
    ///
    /// # Errors
    /// One who is not in the stage.
    pub(crate) fn unpublish(&self, who: Who<'_>, now: OffsetDateTime) -> Result<Value, ServiceError> {
        self.change(|state| publish::stop(state, who, now))
    }

    /// It leaves, and may come back.
    ///
    /// # Errors
    /// One who is not in the stage.
    pub(crate) fn leave(&self, who: Who<'_>, now: OffsetDateTime) -> Result<Value, ServiceError> {
        self.change(|state| publish::leave(state, who, now))
    }

    /// What has happened since this was last asked, as events for the bus.
    pub(crate) fn take_events(&self) -> Vec<Event> {
        if self.read(|state| state.events.is_empty()) {
            return Vec::new();
        }
        // Where the file cannot be written, they are told after the next change that can.
        self.change(|state| Ok::<_, SaveError>(std::mem::take(&mut state.events))).unwrap_or_default()
    }
}
