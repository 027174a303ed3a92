//! Transwrap servers: their table, and the list of those that can take a broadcast now.

mod operations;
mod table;

pub use operations::ServerList;
pub use table::ServerTable;
