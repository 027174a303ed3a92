//! Broadcasts on this server. Each is a task that owns its lease and its pipeline; browsers' connections come and go.

mod broadcast;
mod command;
mod connection;
mod failures;
mod lease;
mod roster;
mod shared;

pub use self::broadcast::MOVES_WITHIN;
pub use self::connection::serve;
pub use self::roster::{Drain, Roster};
pub use self::shared::Shared;
