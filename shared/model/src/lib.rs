//! Greenroom's values, ids, errors and pure rules: what there is, and what follows from what. No I/O, no async, no AWS
//! SDK; time and ids come from the caller, so every rule is tested in milliseconds.
//!
//! A resource's rules are the module of its name. Whoever carries them out is a crate of `shared/aws`.

pub mod broadcast;
pub mod broadcast_settings;
pub mod channel;
pub mod chat;
pub mod claim;
pub mod creator;
pub mod error;
mod field;
mod id;
mod page;
pub mod participant;
pub mod playback;
pub mod qualities;
pub mod rates;
pub mod recovery;
pub mod room;
pub mod rtmp_hook;
pub mod secret;
pub mod self_hosted;
pub mod server;
pub mod session;
pub mod signing;
pub mod signing_keys;
pub mod stage;
pub mod stream;
pub mod sweep;
pub mod tags;
mod time;
pub mod token;
mod user_ref;
pub mod webhook;

pub use error::Error;
pub use field::Field;
pub use id::{
    AttemptId, BroadcastId, ChannelArn, ChannelName, ClaimId, ClusterArn, DeviceName, EventId, InterfaceId, InvalidId,
    MessageId, ParticipantId, PlaybackKeyArn, PublicKeyArn, Quality, RoomArn, RoomName, RowVersion, SessionId,
    StageArn, StageName, StreamId, StreamKeyArn, TaskId, UserId, ViewerId, WebhookName,
};
pub use page::{Cursor, InvalidCursor, InvalidLimit, Limit, List, Page, Position};
pub use time::{InvalidTimestamp, Timestamp};
pub use user_ref::InvalidUserRef;
