//! Broadcast settings: their table, and what the API does with it.

mod operations;
mod table;

pub use operations::{delete, read, save};
pub use table::BroadcastSettingsTable;
