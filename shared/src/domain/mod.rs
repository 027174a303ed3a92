//! The types and rules of Greenroom. Nothing here knows an AWS SDK or an HTTP shape; time and ids come from the caller.

pub mod broadcast_settings;
pub mod channel;
pub mod claim;
mod field;
mod id;
mod page;
pub mod participant;
pub mod playback;

pub(crate) mod secret;
pub mod server;
pub mod signing;
pub mod signing_keys;
pub mod stage;
pub mod sweep;
mod time;
pub mod token;

pub use claim::{Outcome, Request};
pub use field::Field;
pub use id::{
    ChannelArn, ChannelName, ClaimId, ClusterArn, InterfaceId, InvalidId, ParticipantId, PlaybackKeyArn, PublicKeyArn,
    RowVersion, StageArn, StageName, StreamKeyArn, TaskId, UserId, ViewerId,
};
pub use page::{Cursor, InvalidCursor, InvalidLimit, Limit, Page};
pub use time::{InvalidTimestamp, Timestamp};
