//! `GetStreamSession`, `ListStreamSessions`. The latest hundred sessions of a channel are known, until the local cloud
//! stops; IVS keeps them for 60 days.

use serde_json::{Value, json};

use super::{
    context::{Context, DEFAULT_PAGE},
    session::Session,
    state::State,
};
use crate::aws::service::ServiceError;
use crate::aws::service::shape::Input;
use crate::aws::video::error::not_found;
use crate::aws::video::list::page_of;

pub(super) fn get(state: &State, input: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    let arn = input.required_text("channelArn");
    state.channel(arn)?;
    let wanted = input.text("streamId");
    let sessions =
        state.on_air.sessions(arn, |session| wanted.is_none_or(|id| session.id == id).then(|| session.view()));
    let session = sessions.into_iter().flatten().next();
    let session = session.ok_or_else(|| not_found(wanted.unwrap_or(arn)))?;
    Ok(json!({"streamSession": session}))
}

/// The latest first.
pub(super) fn list(state: &State, input: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    let arn = input.required_text("channelArn");
    state.channel(arn)?;
    // Pages are by keys that rise.
    let key = |session: &Session| format!("{:020}", u64::MAX - session.number);
    let sessions = state.on_air.sessions(arn, |session| (key(session), session.summary()));
    let sessions = sessions.iter().map(|(key, summary)| (key.as_str(), summary.clone()));
    page_of(&format!("sessions of {arn}"), "streamSessions", sessions, DEFAULT_PAGE, input)
}
