//! Broadcasts: their table, what the API and what a server does with it, and where a broadcast goes.

mod ingest;
mod row;
mod server;
mod table;

pub use ingest::IngestTargets;
pub use server::{Redeemed, Renewal};
pub use table::BroadcastTable;
