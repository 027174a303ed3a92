//! Channels and their stream keys: the table, IVS, and what the API does with both.

mod ivs;
mod operations;
mod own_server;
mod table;
mod viewers;

pub use ivs::ChannelIvs;
pub use operations::{
    admit, create_or_fetch, delete, fetch, invite, list, list_viewers, recover, rotate_stream_key, stream_key, sweep,
    unfinished, uninvite,
};
pub use own_server::OwnServer;
pub use table::{ChannelRows, ChannelTable};
pub use viewers::ViewerTable;
