//! The types and rules of Greenroom. Nothing here knows an AWS SDK or an HTTP shape; time and ids come from the caller.

mod id;
mod page;
pub mod participant;
pub mod stage;
mod time;
pub mod token;

pub use id::{ClaimId, InvalidId, ParticipantId, PublicKeyArn, StageArn, StageName, UserId};
pub use page::{Cursor, InvalidCursor, InvalidLimit, Limit, Page};
pub use time::{InvalidTimestamp, Timestamp};
