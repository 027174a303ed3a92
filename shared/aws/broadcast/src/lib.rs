//! Broadcasts: their table, what the API and what a server does with it, and where a broadcast goes.

mod ingest;
mod operations;
mod row;
mod server;
mod table;
mod targets;

pub use ingest::IngestTargets;
pub use operations::{Broadcasts, Opening};
pub use server::{Redeemed, Renewal};
pub use table::BroadcastTable;
pub use targets::TargetTables;
