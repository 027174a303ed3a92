//! The adapters: one per AWS service or table, speaking the domain's words. Nothing above this module knows an AWS
//! shape, and nothing that AWS says reaches a caller.

mod calls;
mod client;
mod failure;
mod item;
mod ivs_realtime;
mod participant_table;
mod signing_keys;
mod stage_table;

pub use calls::{Call, Calls};
pub use client::{Aws, AwsConfig};
pub use failure::AwsFailure;
pub use ivs_realtime::{CreateError, IvsRealTime, MintedToken};
pub use participant_table::ParticipantTable;
pub use signing_keys::SigningKeys;
pub use stage_table::StageTable;
