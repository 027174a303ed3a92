//! Participants and their tokens: the table, IVS Real-Time, and what the API does with both.

mod ivs;
mod operations;
mod row;
mod table;

pub use ivs::{MintedToken, ParticipantIvs};
pub use operations::{grant, list, remove, request_token, visit};
pub use table::ParticipantTable;
