//! Who publishes in a stage: what an event of IVS says, the table that follows, and what it shows.

mod event;
mod operations;
mod table;

pub use event::{Malformed, StageEvent};
pub use operations::{Tracked, fetch, track};
pub use table::{Listed, SessionTable};
