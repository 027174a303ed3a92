//! What the service knows: stages with their sessions and participants, and public keys.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{error::not_found, token::TokenSecret};
use crate::aws::service::ServiceError;

/// Tags of a resource.
pub(super) type Tags = BTreeMap<String, String>;

/// Everything, by ARN. The order of the ARNs is that of the lists: random, as IVS promises none.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct State {
    /// Authenticates the tokens that the service issues itself, so that none has to be kept.
    pub(super) token_secret: TokenSecret,
    pub(super) stages: BTreeMap<String, Stage>,
    pub(super) public_keys: BTreeMap<String, PublicKey>,
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
    /// RFC 3339.
    pub(super) first_join: String,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct PublicKey {
    pub(super) name: String,
    pub(super) tags: Tags,
    /// PEM as it was imported.
    pub(super) material: String,
}

impl Default for State {
    fn default() -> Self {
        Self { token_secret: TokenSecret::new(), stages: BTreeMap::new(), public_keys: BTreeMap::new() }
    }
}

impl State {
    pub(super) fn stage(&self, arn: &str) -> Result<&Stage, ServiceError> {
        self.stages.get(arn).ok_or_else(|| not_found(arn))
    }

    pub(super) fn stage_mut(&mut self, arn: &str) -> Result<&mut Stage, ServiceError> {
        self.stages.get_mut(arn).ok_or_else(|| not_found(arn))
    }

    /// The tags of a stage or a public key.
    pub(super) fn tags(&self, arn: &str) -> Option<&Tags> {
        let stage = self.stages.get(arn).map(|stage| &stage.tags);
        stage.or_else(|| self.public_keys.get(arn).map(|key| &key.tags))
    }

    pub(super) fn tags_mut(&mut self, arn: &str) -> Option<&mut Tags> {
        let stage = self.stages.get_mut(arn).map(|stage| &mut stage.tags);
        stage.or_else(|| self.public_keys.get_mut(arn).map(|key| &mut key.tags))
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
            session.end = Some(timestamp(now));
            self.active_session = None;
        }
    }
}

impl Endpoints {
    pub(super) fn to_json(&self) -> Value {
        json!({"events": self.events, "whip": self.whip, "rtmp": self.rtmp, "rtmps": self.rtmps})
    }
}

/// A time as the service writes it: RFC 3339 in whole seconds.
pub(super) fn timestamp(time: OffsetDateTime) -> String {
    let time = time.replace_nanosecond(0).unwrap_or(time);
    // Only a year beyond 9999 has no RFC 3339 form.
    time.format(&Rfc3339).unwrap_or_default()
}
