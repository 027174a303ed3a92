//! `CreateChatToken`, and who comes with one.

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::context::Context;
use super::message::check_attributes;
use super::state::{State, Token};
use crate::aws::service::ServiceError;
use crate::aws::service::shape::Input;
use crate::aws::video::error::validation;
use crate::plumbing::{clock, ids};

/// How long a token opens a connection.
const USABLE: Duration = Duration::minutes(1);

/// Makes a token each time; nothing is asked of whom it names.
pub(super) fn create(state: &mut State, input: Input<'_>, context: &Context<'_>) -> Result<Value, ServiceError> {
    let room = input.required_text("roomIdentifier");
    state.room(room)?;
    let attributes = input.text_map("attributes");
    check_attributes(&attributes).map_err(validation)?;
    let (expires, minutes) = (context.now + USABLE, input.integer("sessionDurationInMinutes").unwrap_or(60));
    let session_ends = context.now + Duration::minutes(minutes);
    let token = Token {
        room: room.to_owned(),
        user_id: input.required_text("userId").to_owned(),
        capabilities: input.texts("capabilities").unwrap_or_default().into_iter().map(str::to_owned).collect(),
        attributes,
        expires,
        session_ends,
    };
    state.tokens.retain(|_, token| token.expires > context.now);
    // Characters that a header of a WebSocket may have: the client cannot send others.
    let text = format!("AQIC{}", ids::alphanumeric(196));
    state.tokens.insert(text.clone(), token);
    Ok(json!({
        "token": text,
        "tokenExpirationTime": clock::rfc3339_seconds(expires),
        "sessionExpirationTime": clock::rfc3339_seconds(session_ends),
    }))
}

/// Takes a token, once.
pub(super) fn redeem(state: &mut State, text: &str, now: OffsetDateTime) -> Option<Token> {
    state.tokens.remove(text).filter(|token| token.expires > now && state.rooms.contains_key(&token.room))
}
