//! What the service knows: stages with their sessions and participants, and public keys.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::token::TokenSecret;
use crate::aws::service::ServiceError;
use crate::aws::video::error::not_found;
use crate::aws::video::operation::Tags;
use crate::aws::video::public_key::PublicKeys;
use crate::plumbing::clock;

/// An event for the bus, without what EventBridge fills in.
pub(crate) type Event = Map<String, Value>;

/// Everything, by ARN. The order of the ARNs is that of the lists: random, as IVS promises none.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct State {
    /// Authenticates the tokens that the service issues itself, so that none has to be kept.
    pub(super) token_secret: TokenSecret,
    pub(super) stages: BTreeMap<String, Stage>,
    pub(super) public_keys: PublicKeys,
    /// What has happened and is yet to be told.
    #[serde(skip)]
    pub(super) events: Vec<Event>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Stage {
    pub(super) name: String,
    pub(super) tags: Tags,
    /// `autoParticipantRecordingConfiguration` as it was given. Nothing is recorded here.
    pub(super) recording: Option<Value>,
    pub(super) endpoints: Endpoints,
    pub(super) active_session: Option<String>,
    /// By session id.
    pub(super) sessions: BTreeMap<String, Session>,
    /// Participants that were disconnected, who may not come back, whether or not they had ever come.
    pub(super) disconnected: BTreeSet<String>,
}

/// Where clients connect to; claims of a token that is signed elsewhere must repeat the first two.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Endpoints {
    pub(super) events: String,
    pub(super) whip: String,
    pub(super) rtmp: String,
    pub(super) rtmps: String,
}

/// The time from the first participant's coming to the last one's leaving.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Session {
    /// RFC 3339.
    pub(super) start: String,
    /// RFC 3339; none while the session lasts.
    pub(super) end: Option<String>,
    /// By participant id.
    pub(super) participants: BTreeMap<String, Participant>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Participant {
    pub(super) user_id: Option<String>,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) connected: bool,
    /// The one connection that it has: a further one with its token ends the one before.
    #[serde(default)]
    pub(super) connection: String,
    #[serde(default)]
    pub(super) publishing: bool,
    /// Whether it has ever published in this session.
    #[serde(default)]
    pub(super) published: bool,
    #[serde(default = "may_publish")]
    pub(super) may_publish: bool,
    /// RFC 3339.
    pub(super) first_join: String,
}

/// What a participant might who came before that was remembered.
fn may_publish() -> bool {
    true
}

impl Default for State {
    fn default() -> Self {
        Self {
            token_secret: TokenSecret::new(),
            stages: BTreeMap::new(),
            public_keys: BTreeMap::new(),
            events: Vec::new(),
        }
    }
}

impl State {
    pub(super) fn stage(&self, arn: &str) -> Result<&Stage, ServiceError> {
        self.stages.get(arn).ok_or_else(|| not_found(arn))
    }

    pub(super) fn stage_mut(&mut self, arn: &str) -> Result<&mut Stage, ServiceError> {
        self.stages.get_mut(arn).ok_or_else(|| not_found(arn))
    }
}

impl Stage {
    pub(super) fn session(&self, id: &str) -> Result<&Session, ServiceError> {
        self.sessions.get(id).ok_or_else(|| not_found(id))
    }

    /// Ends the active session once nobody is connected.
    pub(super) fn end_session_if_empty(&mut self, now: OffsetDateTime) {
        let Some(session) = self.active_session.as_ref().and_then(|id| self.sessions.get_mut(id)) else { return };
        if session.participants.values().all(|participant| !participant.connected) {
            session.end = Some(clock::rfc3339_seconds(now));
            self.active_session = None;
        }
    }
}

impl Participant {
    /// As the API lists it. `published` says that it has published in this session, not that it does. Nothing is recorded
    /// here.
    pub(super) fn summary(&self, id: &str) -> Value {
        let mut summary = json!({
            "participantId": id,
            "state": if self.connected { "CONNECTED" } else { "DISCONNECTED" },
            "firstJoinTime": self.first_join,
            "published": self.published,
            "recordingState": "DISABLED",
            "replicationType": "NONE",
        });
        if let Some(user) = &self.user_id {
            summary["userId"] = json!(user);
        }
        summary
    }
}

impl Endpoints {
    pub(super) fn to_json(&self) -> Value {
        json!({"events": self.events, "whip": self.whip, "rtmp": self.rtmp, "rtmps": self.rtmps})
    }
}
