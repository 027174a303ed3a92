//! What the service knows: rooms, and tokens that nobody has used yet.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use crate::aws::service::ServiceError;
use crate::aws::video::error::not_found;
use crate::aws::video::operation::Tags;

/// Everything, by ARN. The order of the ARNs is that of the lists: random, as IVS promises none.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct State {
    pub(super) rooms: BTreeMap<String, Room>,
    /// By their text.
    #[serde(skip)]
    pub(super) tokens: BTreeMap<String, Token>,
    /// What those who are connected are yet to be told.
    #[serde(skip)]
    pub(super) orders: Vec<Order>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Room {
    pub(super) name: String,
    pub(super) tags: Tags,
    /// Messages a second, of everybody.
    pub(super) rate: i64,
    /// Code points of a message.
    pub(super) longest: i64,
    pub(super) review: Option<Review>,
    /// RFC 3339.
    pub(super) created: String,
    pub(super) updated: String,
}

/// Who reviews a message before anybody sees it.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Review {
    /// The ARN of a Lambda function.
    pub(super) uri: String,
    /// `ALLOW` or `DENY`: what it is where the function has no answer.
    pub(super) fallback: String,
}

/// Who may connect, and what they may do then.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) room: String,
    pub(super) user_id: String,
    pub(super) capabilities: Vec<String>,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) expires: OffsetDateTime,
    pub(super) session_ends: OffsetDateTime,
}

/// What is to happen to those who are connected to a room.
#[derive(Clone)]
pub(super) enum Order {
    /// Everybody is told.
    Tell { room: String, frame: Value },
    /// A user's connections are closed, after everybody was told.
    Disconnect { room: String, user_id: String, frame: Value },
    /// The room is gone.
    Close { room: String },
}

impl State {
    pub(super) fn room(&self, arn: &str) -> Result<&Room, ServiceError> {
        self.rooms.get(arn).ok_or_else(|| not_found(arn))
    }
}
