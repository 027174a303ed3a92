//! Participants and their tokens: the table, IVS Real-Time, and what the API does with both.

mod ivs;
mod operations;
mod removal;
mod row;
mod table;

pub use ivs::{MintedToken, ParticipantIvs};
pub use operations::{grant, list, request_token, visit};
pub use removal::remove;
pub use table::ParticipantTable;
