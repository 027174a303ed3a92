//! Transwrap servers: their table, the list of those that can take a broadcast now, and their room.

mod operations;
mod room;
mod table;

pub use operations::ServerList;
pub use room::Heartbeat;
pub use table::ServerTable;
