//! Amazon IVS Real-Time, without the media: stages, participant tokens, public keys, and who may join.
//!
//! After the service model `ivs-realtime` 2020-07-14 and the IVS Real-Time user guide. What makes the service hard to
//! use is here too: names are not unique, creates have no client token, rates are low and quotas hard.

mod constraint;
mod context;
mod join;
mod operation;
mod participant;
mod public_key;
mod session;
mod stage;
mod state;
#[cfg(test)]
mod tests;
mod token;

use serde_json::Value;
use time::OffsetDateTime;

pub(crate) use self::state::State;
use super::video::StandIn;

/// The service in one region.
pub(crate) type IvsRealTime = StandIn<State>;

impl IvsRealTime {
    /// What IVS says to a client that joins with this participant token: `{"joined": true, ..}` with the participant's
    /// id, capabilities and session, or `{"joined": false, ..}` with the error code that the web SDK would report.
    pub(crate) fn join(&self, token: &str, now: OffsetDateTime) -> Value {
        self.change(|state| join::join(state, token, now)).unwrap_or_else(|refusal| refusal.to_json())
    }
}
