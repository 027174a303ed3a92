//! What IVS, IVS Real-Time and IVS Chat have in common: a service is a table of operations over a state, and the same rules for
//! rates, quotas, permissions, tags, pages and imported public keys hold for all.

pub(crate) mod constraint;
pub(crate) mod error;
pub(crate) mod jwt;
pub(crate) mod list;
pub(crate) mod operation;
mod past;
mod permission;
pub(crate) mod public_key;
pub(crate) mod quotas;
mod stand_in;
pub(crate) mod tags;
#[cfg(test)]
pub(crate) mod testing;

pub(crate) use self::stand_in::StandIn;
