//! `GetStageSession`, `ListStageSessions`.

use serde_json::{Value, json};

use super::{
    context::{Context, DEFAULT_PAGE},
    state::{Session, State},
};
use crate::aws::service::ServiceError;
use crate::aws::service::shape::Input;
use crate::aws::video::list::page_of;

pub(super) fn get(state: &State, input: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    let id = input.required_text("sessionId");
    let session = state.stage(input.required_text("stageArn"))?.session(id)?;
    Ok(json!({"stageSession": view(id, session)}))
}

/// An unknown stage has no sessions: the model lists no error for it.
pub(super) fn list(state: &State, input: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    let arn = input.required_text("stageArn");
    let sessions = state.stages.get(arn).into_iter().flat_map(|stage| &stage.sessions);
    let sessions = sessions.map(|(id, session)| (id.as_str(), view(id, session)));
    page_of(&format!("sessions of {arn}"), "stageSessions", sessions, DEFAULT_PAGE, input)
}

fn view(id: &str, session: &Session) -> Value {
    let mut view = json!({"sessionId": id, "startTime": session.start});
    if let Some(end) = &session.end {
        view["endTime"] = json!(end);
    }
    view
}
