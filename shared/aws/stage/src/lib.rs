//! Stages: their table, IVS Real-Time, and what the API does with both.

mod endpoints;
mod ivs;
mod operations;
mod participants;
mod table;

pub use endpoints::{fresh_endpoints, refreshed};
pub use ivs::StageIvs;
pub use operations::{create_or_fetch, delete, fetch, list, recover, sweep, unfinished, update};
pub use participants::ParticipantRows;
pub use table::{StageRows, StageTable};
