//! Who is removed from a stage, and how they are disconnected. It is apart from what else there is to participants, so that
//! whoever hears of one needs no key and reads no token.

mod ivs;
mod operations;
mod table;

pub use ivs::RemovalIvs;
pub use operations::disconnect_removed;
pub use table::RemovalTable;
