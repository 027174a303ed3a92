//! The adapters: one per AWS service or table, speaking the domain's words. Nothing above this module knows an AWS
//! shape, and nothing that AWS says reaches a caller.

mod broadcast_settings_table;
mod calls;
mod channel_table;
mod client;
mod failure;
mod item;
mod ivs;
mod ivs_realtime;
mod name_table;
mod participant_table;
mod signers;
mod stage_table;
mod tags;

pub use broadcast_settings_table::BroadcastSettingsTable;
pub use calls::{Call, Calls};
pub use channel_table::ChannelTable;
pub use client::{Aws, AwsConfig};
pub use failure::AwsFailure;
pub use item::{Fields, Item};
pub use ivs::Ivs;
pub use ivs_realtime::{IvsRealTime, MintedToken};
pub use name_table::{NameTable, Stored};

pub use participant_table::ParticipantTable;
pub use signers::Signers;
pub use stage_table::StageTable;
