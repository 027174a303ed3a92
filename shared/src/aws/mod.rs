//! The adapters: one per AWS service or table, speaking the domain's words. Nothing above this module knows an AWS
//! shape, and nothing that AWS says reaches a caller.

mod broadcast_settings_table;
mod calls;
mod channel_table;
mod client;
mod cloud_formation;
mod ec2;
mod ecs;
mod failure;
mod item;
mod ivs;
mod ivs_realtime;
mod key_secret;
mod key_stores;
mod name_table;
mod pace;
mod participant_table;
mod server_table;
mod signers;
mod stage_table;
mod tags;
mod task;

pub use broadcast_settings_table::BroadcastSettingsTable;
pub use calls::{Call, Calls};
pub use channel_table::ChannelTable;
pub use client::{Aws, AwsConfig};
pub use cloud_formation::CloudFormation;
pub use ec2::Ec2;
pub use ecs::Ecs;
pub use failure::AwsFailure;
pub use item::{Fields, Item};
pub use ivs::Ivs;
pub use ivs_realtime::{IvsRealTime, MintedToken};
pub use key_stores::{PlaybackKeyPairs, PublicKeys, SigningKeys};
pub use name_table::{NameTable, Stored};
pub use pace::Pace;
pub use participant_table::ParticipantTable;
pub use server_table::ServerTable;
pub use signers::Signers;
pub use stage_table::StageTable;
pub use task::{NotATask, TaskEvent};
