//! What nginx-rtmp tells of self-hosted channels: the secret that it comes with, the tables, and what follows.

mod channel;
mod operations;
mod row;
mod secret;
mod table;

pub use operations::{Heard, hear};
pub use secret::HookSecret;
pub use table::HookTables;
