//! What the tables say of a message's room and sender. It is apart from what else there is to rooms and chat users: whoever
//! reviews has 200 ms, also when it is started for the message, and needs no client of IVS Chat.

mod rooms;
mod senders;

pub use rooms::{ReviewRoom, ReviewRooms};
pub use senders::{ReviewSenders, Sender};
