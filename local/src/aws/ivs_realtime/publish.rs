//! What participants do without an operation of the API: publish, stop, leave. IVS tells of the first two by events
//! (`IVS Stage Update`; IVS Real-Time user guide, "Using Amazon EventBridge"); of who came and left, it tells nobody.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::macros::format_description;

use super::state::{Event, Participant, Stage, State};
use crate::aws::service::ServiceError;
use crate::aws::video::error::{conflict, not_found};
use crate::plumbing::clock;

/// A participant, as a client of it names itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Who<'a> {
    /// What follows `stage/` in the stage's ARN.
    pub(crate) stage: &'a str,
    pub(crate) participant: &'a str,
    /// By which of its connections; absent: by the one that it has.
    pub(crate) connection: Option<&'a str>,
}

/// The participant publishes from now on. If it does already, nothing happens.
pub(super) fn start(state: &mut State, who: Who<'_>, now: OffsetDateTime) -> Result<Value, ServiceError> {
    let id = who.participant;
    let present = present(state, who)?;
    if !present.participant.may_publish {
        return Err(conflict("The participant's token lacks the capability PUBLISH"));
    }
    let event = (!present.participant.publishing).then(|| present.event("Participant Published", now));
    present.participant.publishing = true;
    present.participant.published = true;
    let answer = present.participant.summary(id);
    state.events.extend(event);
    Ok(answer)
}

/// The participant does not publish any more, and stays. If it does not publish, nothing happens.
pub(super) fn stop(state: &mut State, who: Who<'_>, now: OffsetDateTime) -> Result<Value, ServiceError> {
    let id = who.participant;
    let mut present = present(state, who)?;
    let event = present.stop(now);
    let answer = present.participant.summary(id);
    state.events.extend(event);
    Ok(answer)
}

/// The participant leaves, and may come back.
pub(super) fn leave(state: &mut State, who: Who<'_>, now: OffsetDateTime) -> Result<Value, ServiceError> {
    let id = who.participant;
    let mut present = present(state, who)?;
    let arn = present.arn.to_owned();
    let event = present.stop(now);
    present.participant.connected = false;
    let answer = present.participant.summary(id);
    state.stage_mut(&arn)?.end_session_if_empty(now);
    state.events.extend(event);
    Ok(answer)
}

/// Everybody of the stage's present session stops to publish: what IVS tells of that.
pub(super) fn stop_all(arn: &str, stage: &mut Stage, now: OffsetDateTime) -> Vec<Event> {
    let Some(id) = &stage.active_session else { return Vec::new() };
    let participants = stage.sessions.get_mut(id).into_iter().flat_map(|session| &mut session.participants);
    participants
        .filter_map(|(id_of, participant)| Present { arn, session: id, id: id_of, participant }.stop(now))
        .collect()
}

/// The participant stops to publish, if it does: what IVS tells of that.
pub(super) fn stop_one(arn: &str, stage: &mut Stage, id: &str, now: OffsetDateTime) -> Option<Event> {
    let session = stage.active_session.as_ref()?;
    let participant = stage.sessions.get_mut(session)?.participants.get_mut(id)?;
    Present { arn, session, id, participant }.stop(now)
}

/// A participant in the present session of its stage.
struct Present<'a> {
    arn: &'a str,
    session: &'a str,
    id: &'a str,
    participant: &'a mut Participant,
}

impl Present<'_> {
    fn stop(&mut self, now: OffsetDateTime) -> Option<Event> {
        std::mem::take(&mut self.participant.publishing).then(|| self.event("Participant Unpublished", now))
    }

    fn event(&self, name: &str, now: OffsetDateTime) -> Event {
        let precise = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");
        let mut detail = json!({
            "session_id": self.session,
            "event_name": name,
            "event_time": clock::rfc3339_seconds(now),
            "event_time_precise": now.format(precise).unwrap_or_default(),
            "participant_id": self.id,
        });
        if let Some(user) = &self.participant.user_id {
            detail["user_id"] = json!(user);
        }
        Map::from_iter([
            ("source".to_owned(), json!("aws.ivs")),
            ("detail-type".to_owned(), json!("IVS Stage Update")),
            ("time".to_owned(), json!(clock::rfc3339_seconds(now))),
            ("resources".to_owned(), json!([self.arn])),
            ("detail".to_owned(), detail),
        ])
    }
}

/// The participant in the stage, by the connection that it has.
fn present<'a>(state: &'a mut State, who: Who<'a>) -> Result<Present<'a>, ServiceError> {
    let Who { stage, participant: id, connection } = who;
    let known = state.stages.iter_mut().find(|(arn, _)| arn.rsplit('/').next() == Some(stage));
    let (arn, known) = known.ok_or_else(|| not_found(stage))?;
    let session = known.active_session.as_ref().ok_or_else(|| not_found(id))?;
    let participant = known.sessions.get_mut(session).and_then(|session| session.participants.get_mut(id));
    let participant = participant.filter(|participant| participant.connected).ok_or_else(|| not_found(id))?;
    if connection.is_some_and(|connection| connection != participant.connection) {
        return Err(conflict("The connection has ended: token-reused"));
    }
    Ok(Present { arn, session, id, participant })
}
