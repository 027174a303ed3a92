//! Channels and their stream keys: the table, IVS, and what the API does with both.

mod ivs;
mod operations;
mod own_server;
mod table;

pub use ivs::ChannelIvs;
pub use operations::{create_or_fetch, delete, fetch, list, recover, rotate_stream_key, stream_key, sweep};
pub use own_server::OwnServer;
pub use table::{ChannelRows, ChannelTable};
