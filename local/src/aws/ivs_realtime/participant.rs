//! `CreateParticipantToken`, `DisconnectParticipant`, `GetParticipant`, `ListParticipants`.

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::{
    context::{Context, DEFAULT_PAGE},
    publish,
    state::{Stage, State},
    token::{self, Capabilities, Claims, MAX_ATTRIBUTES, TokenSecret},
};
use crate::aws::assumptions::EarlyDisconnect;
use crate::aws::service::ServiceError;
use crate::aws::service::shape::Input;
use crate::aws::video::error::{not_found, validation};
use crate::aws::video::list::page_of;
use crate::plumbing::clock;
use crate::plumbing::ids;

/// Minutes that a token is valid when the request does not say: 12 hours.
const DEFAULT_DURATION: i64 = 720;

pub(super) fn create_token(state: &State, input: Input<'_>, context: &Context<'_>) -> Result<Value, ServiceError> {
    check_attributes(input)?;
    let arn = input.required_text("stageArn");
    let stage = state.stage(arn)?;
    Ok(json!({"participantToken": issue(arn, stage, &state.token_secret, input, context.now)}))
}

/// Attributes may have 1 KB in all.
pub(super) fn check_attributes(input: Input<'_>) -> Result<(), ServiceError> {
    let bytes: usize = input.text_map("attributes").iter().map(|(key, value)| key.len() + value.len()).sum();
    if bytes <= MAX_ATTRIBUTES { Ok(()) } else { Err(validation("attributes must have at most 1 KB in total")) }
}

/// A new participant token by IVS itself, under the options of a request that has passed its checks.
pub(super) fn issue(arn: &str, stage: &Stage, secret: &TokenSecret, input: Input<'_>, now: OffsetDateTime) -> Value {
    let minutes = input.integer("duration").unwrap_or(DEFAULT_DURATION);
    let expires = now.saturating_add(Duration::minutes(minutes));
    let claims = Claims {
        exp: expires.unix_timestamp(),
        iat: now.unix_timestamp(),
        jti: ids::alphanumeric(12),
        resource: arn.to_owned(),
        topic: arn.rsplit('/').next().unwrap_or_default().to_owned(),
        events_url: stage.endpoints.events.clone(),
        whip_url: stage.endpoints.whip.clone(),
        user_id: input.text("userId").map(str::to_owned),
        capabilities: capabilities(input),
        attributes: input.text_map("attributes"),
        version: token::VERSION.to_owned(),
    };
    let mut view = json!({
        "participantId": claims.jti,
        "token": token::issue(&claims, secret),
        "attributes": claims.attributes,
        "duration": minutes,
        "capabilities": claims.capabilities.names(),
        "expirationTime": clock::rfc3339_seconds(expires),
    });
    if let Some(user) = claims.user_id {
        view["userId"] = json!(user);
    }
    view
}

/// No capabilities named means both.
fn capabilities(input: Input<'_>) -> Capabilities {
    let named = input.texts("capabilities").filter(|named| !named.is_empty());
    let may = |capability| named.as_ref().is_none_or(|named| named.contains(&capability));
    Capabilities { allow_publish: may("PUBLISH"), allow_subscribe: may("SUBSCRIBE") }
}

/// Bars the participant from the stage for good; one that has never come as [`EarlyDisconnect`] says.
pub(super) fn disconnect(state: &mut State, input: Input<'_>, context: &Context<'_>) -> Result<Value, ServiceError> {
    let arn = input.required_text("stageArn");
    let stage = state.stage_mut(arn)?;
    let id = input.required_text("participantId");
    let has_come = stage.sessions.values().any(|session| session.participants.contains_key(id));
    if context.assumed.early_disconnect == EarlyDisconnect::NotFound && !has_come {
        return Err(not_found(id));
    }
    let event = publish::stop_one(arn, stage, id, context.now);
    stage.disconnected.insert(id.to_owned());
    let session = stage.active_session.as_ref().and_then(|session| stage.sessions.get_mut(session));
    if let Some(participant) = session.and_then(|session| session.participants.get_mut(id)) {
        participant.connected = false;
    }
    stage.end_session_if_empty(context.now);
    state.events.extend(event);
    Ok(json!({}))
}

pub(super) fn get(state: &State, input: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    let session = state.stage(input.required_text("stageArn"))?.session(input.required_text("sessionId"))?;
    let id = input.required_text("participantId");
    let participant = session.participants.get(id).ok_or_else(|| not_found(id))?;
    let mut view = participant.summary(id);
    view["attributes"] = json!(participant.attributes);
    view["recordingS3BucketName"] = json!("");
    view["recordingS3Prefix"] = json!("");
    view["protocol"] = json!("UNKNOWN");
    Ok(json!({"participant": view}))
}

/// An unknown stage or session has no participants: the model lists no error for it.
pub(super) fn list(state: &State, input: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    let filters = ["filterByUserId", "filterByPublished", "filterByState", "filterByRecordingState"];
    if filters.into_iter().filter(|filter| input.json(filter).is_some()).count() > 1 {
        return Err(validation(format!("Only one of {} can be provided per request", filters.join(", "))));
    }
    let (arn, session) = (input.required_text("stageArn"), input.required_text("sessionId"));
    let session = state.stages.get(arn).and_then(|stage| stage.sessions.get(session));
    let participants = session.into_iter().flat_map(|session| &session.participants);
    let participants = participants
        .map(|(id, participant)| (id.as_str(), participant.summary(id)))
        .filter(|(_, participant)| passes(participant, input));
    let list = format!("participants of {arn} {}", input.required_text("sessionId"));
    page_of(&list, "participants", participants, DEFAULT_PAGE, input)
}

fn passes(participant: &Value, input: Input<'_>) -> bool {
    let is = |member: &str, filter| input.json(filter).is_none_or(|wanted| participant.get(member) == Some(wanted));
    is("userId", "filterByUserId")
        && is("published", "filterByPublished")
        && is("state", "filterByState")
        && is("recordingState", "filterByRecordingState")
}
