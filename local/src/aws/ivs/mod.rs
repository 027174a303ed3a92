//! Amazon IVS (low-latency streaming), without the media: channels, stream keys, live streams, playback keys, and who
//! may broadcast and watch.
//!
//! After the service model `ivs` 2020-07-14 and the IVS Low-Latency user guide. Recording configurations, playback
//! restriction policies, ad configurations and failover slates cannot be made here; a channel carries their ARNs.

mod batch;
mod channel;
mod constraint;
mod context;
mod edge;
mod operation;
mod origin;
mod playback_key;
mod settings;
mod state;
mod stream;
mod stream_key;
#[cfg(test)]
mod tests;
mod token;
mod viewer_session;

pub(crate) use self::state::State;
use super::video::StandIn;

/// The service in one region.
pub(crate) type Ivs = StandIn<State>;
