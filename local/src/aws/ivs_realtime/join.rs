//! What IVS says to a client that joins a stage with a participant token.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{
    publish,
    state::{Event, Participant, Session, Stage, State},
    token::{Claims, ParticipantToken, Signer},
};
use crate::plumbing::clock;
use crate::plumbing::ids;
use crate::plumbing::state_file::SaveError;

/// Why a join is refused: the web SDK's error codes ("Error Handling" in its guide).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ErrorCode {
    TokenMalformed = 1,
    TokenExpired = 2,
    Failed = 4,
    TokenNotAllowed = 8,
    StageDeleted = 9,
    ParticipantDisconnected = 10,
}

impl ErrorCode {
    fn name(self) -> &'static str {
        match self {
            Self::TokenMalformed => "TOKEN_MALFORMED",
            Self::TokenExpired => "TOKEN_EXPIRED",
            Self::Failed => "FAILED",
            Self::TokenNotAllowed => "TOKEN_NOT_ALLOWED",
            Self::StageDeleted => "STAGE_DELETED",
            Self::ParticipantDisconnected => "PARTICIPANT_DISCONNECTED",
        }
    }
}

/// A refused join.
#[derive(Debug)]
pub(super) struct Refusal {
    code: ErrorCode,
    reason: String,
}

impl Refusal {
    fn new(code: ErrorCode, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }

    pub(super) fn to_json(&self) -> Value {
        json!({"joined": false, "code": self.code as u8, "name": self.code.name(), "reason": self.reason})
    }
}

impl From<SaveError> for Refusal {
    fn from(error: SaveError) -> Self {
        Self::new(ErrorCode::Failed, error.to_string())
    }
}

/// Lets the token's participant into the stage, or says why not.
pub(super) fn join(state: &mut State, text: &str, now: OffsetDateTime) -> Result<Value, Refusal> {
    let token = ParticipantToken::parse(text).map_err(|reason| Refusal::new(ErrorCode::TokenMalformed, reason))?;
    authenticate(state, &token)?;
    let arn = token.claims.resource.clone();
    let stage = state.stages.get_mut(&arn);
    let stage = stage.ok_or_else(|| Refusal::new(ErrorCode::StageDeleted, "the stage does not exist"))?;
    admit(stage, &token.claims, now)?;
    let (answer, event) = connect(&arn, stage, token.claims, now);
    state.events.extend(event);
    Ok(answer)
}

/// Checks that IVS or a key of the account vouches for the token.
fn authenticate(state: &State, token: &ParticipantToken<'_>) -> Result<(), Refusal> {
    let not_allowed = |reason| Err(Refusal::new(ErrorCode::TokenNotAllowed, reason));
    match &token.signer {
        Signer::Ivs if !state.token_secret.signed(token) => {
            not_allowed("CreateParticipantToken has issued no such token")
        }
        Signer::Ivs => Ok(()),
        Signer::KeyPair(arn) => match state.public_keys.get(arn) {
            None => not_allowed("the public key that kid names does not exist"),
            Some(key) if !key.verifies(token.message.as_bytes(), &token.signature) => {
                not_allowed("the signature is not that of the key that kid names")
            }
            Some(_) => Ok(()),
        },
    }
}

/// Whether a participant may come in whose token is authentic.
fn admit(stage: &Stage, claims: &Claims, now: OffsetDateTime) -> Result<(), Refusal> {
    if claims.exp <= now.unix_timestamp() {
        return Err(Refusal::new(ErrorCode::TokenExpired, "the token has expired"));
    }
    for (claim, given, endpoint) in [
        ("events_url", &claims.events_url, &stage.endpoints.events),
        ("whip_url", &claims.whip_url, &stage.endpoints.whip),
    ] {
        if given != endpoint {
            let reason = format!("the claim {claim} is not the stage's endpoint {endpoint}");
            return Err(Refusal::new(ErrorCode::TokenMalformed, reason));
        }
    }
    if stage.disconnected.contains(&claims.jti) {
        return Err(Refusal::new(
            ErrorCode::ParticipantDisconnected,
            "the participant was disconnected from the stage",
        ));
    }
    Ok(())
}

/// The participant is in the stage's session, which it opens if it is the first. Where it is connected already, that
/// connection ends, as the web SDK tells it with `StageLeftReason.TOKEN_REUSED`, and with it what it publishes.
fn connect(arn: &str, stage: &mut Stage, claims: Claims, now: OffsetDateTime) -> (Value, Option<Event>) {
    let event = publish::stop_one(arn, stage, &claims.jti, now);
    let now = clock::rfc3339_seconds(now);
    // 16 characters, as the model asks.
    let id = stage.active_session.get_or_insert_with(|| format!("st-{}", ids::alphanumeric(13))).clone();
    let session = stage.sessions.entry(id.clone());
    let session = session.or_insert_with(|| Session { start: now.clone(), end: None, participants: BTreeMap::new() });
    let known = session.participants.get(&claims.jti);
    let first_join = known.map_or(now, |participant| participant.first_join.clone());
    let ended = known.filter(|participant| participant.connected).map(|participant| participant.connection.clone());
    let connection = ids::alphanumeric(12);
    let participant = Participant {
        user_id: claims.user_id.clone(),
        attributes: claims.attributes.clone(),
        connected: true,
        connection: connection.clone(),
        publishing: false,
        published: known.is_some_and(|participant| participant.published),
        may_publish: claims.capabilities.allow_publish,
        first_join,
    };
    session.participants.insert(claims.jti.clone(), participant);
    let mut answer = json!({
        "joined": true,
        "participantId": claims.jti,
        "userId": claims.user_id,
        "capabilities": claims.capabilities.names(),
        "attributes": claims.attributes,
        "sessionId": id,
        "connection": connection,
    });
    if let Some(ended) = ended {
        answer["ended"] = json!({"connection": ended, "reason": "token-reused"});
    }
    (answer, event)
}
