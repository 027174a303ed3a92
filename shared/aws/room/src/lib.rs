//! Chat rooms: their table, IVS Chat, and how they come to be, are recovered, and end.

mod ivs;
mod operations;
mod rows;
mod subjects;
mod table;

pub use ivs::{ChatToken, Review, RoomIvs, Sent};
pub use operations::{create_or_fetch, end, recover, sweep, unfinished};
pub use rows::RoomRows;
pub use subjects::SubjectTables;
pub use table::{RoomSchema, RoomTable, SettingsChanges};
