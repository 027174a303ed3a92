//! Chat: who may do what in the room of a stage or a channel, the tokens that let them, and moderation.

mod log;
mod moderation;
mod operations;
mod row;
mod subject;
mod table;

pub use operations::{Chat, GivenChatToken, TokenRequest};
pub use table::{ChatTables, TableNames};
