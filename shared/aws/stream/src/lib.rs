//! Streams: their table, what an event says of one, and what is on air.

mod event;
mod operations;
mod row;
mod table;

pub use event::{InvalidStreamEvent, StreamEvent};
pub use operations::{Recorded, fetch, is_ours, list, record};
pub use row::Partition;
pub use table::{AT_ONCE, Known, StoredRow, StreamTable};
