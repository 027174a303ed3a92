//! Amazon IVS (low-latency streaming): channels, stream keys, live streams, playback keys, and who may broadcast and
//! watch. The media are not here, but in `media`, which asks here who may do what and tells what is on air.
//!
//! After the service model `ivs` 2020-07-14 and the IVS Low-Latency user guide. Recording configurations, playback
//! restriction policies, ad configurations and failover slates cannot be made here: their ARNs are not found.

mod batch;
mod channel;
mod constraint;
mod context;
mod edge;
mod event;
mod ingest;
mod inventory;
mod limit;
mod on_air;
mod operation;
mod origin;
mod playback_key;
mod publisher;
mod seat;
mod session;
mod settings;
mod state;
mod stream;
mod stream_key;
mod stream_session;
#[cfg(test)]
mod tests;
mod token;
mod track;
mod viewer_session;

pub(crate) use self::edge::ViewerSession;
pub(crate) use self::event::TakeoverFailure;
pub(crate) use self::ingest::Attempt;
pub(crate) use self::publisher::{LastHeard, Order, Publisher};
pub(crate) use self::seat::{Admission, Contender, Refusal, Seat};
pub(crate) use self::state::{Addresses, State};
pub(crate) use self::track::{AudioTrack, Tracks, VideoTrack};
use super::video::StandIn;

/// The service in one region.
pub(crate) type Ivs = StandIn<State>;
