//! `CreateStage`, `GetStage`, `ListStages`, `UpdateStage`, `DeleteStage`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    context::{Context, DEFAULT_PAGE},
    participant, publish,
    state::{Endpoints, Stage, State},
};
use crate::aws::service::shape::Input;
use crate::aws::service::{ACCOUNT, ServiceError};
use crate::aws::video::error::{not_found, quota_exceeded, validation};
use crate::aws::video::list::page_of;
use crate::aws::video::tags;
use crate::plumbing::ids;

/// Makes a stage each time: names are not unique, and there is no client token.
pub(super) fn create(state: &mut State, input: Input<'_>, context: &Context<'_>) -> Result<Value, ServiceError> {
    let tags = tags::given(input)?;
    for configuration in input.structures("participantTokenConfigurations") {
        participant::check_attributes(configuration)?;
    }
    // The model of this operation lists no `ResourceNotFoundException`.
    if let Some(arn) = storage(input) {
        return Err(validation(format!("the storage configuration {arn} does not exist")));
    }
    if state.stages.len() >= context.limits.stages {
        return Err(quota_exceeded(format!("You have reached the quota of {} stages", context.limits.stages)));
    }
    let arn = format!("arn:aws:ivs:{}:{ACCOUNT}:stage/{}", context.region, ids::alphanumeric(12));
    let stage = Stage {
        name: input.text("name").unwrap_or_default().to_owned(),
        tags,
        recording: input.json("autoParticipantRecordingConfiguration").cloned(),
        endpoints: endpoints(),
        active_session: None,
        sessions: BTreeMap::new(),
        disconnected: BTreeSet::new(),
    };
    let configurations = input.structures("participantTokenConfigurations");
    let tokens: Vec<_> = configurations
        .map(|configuration| participant::issue(&arn, &stage, &state.token_secret, configuration, context.now))
        .collect();
    let mut answer = json!({"stage": view(&arn, &stage)});
    if !tokens.is_empty() {
        answer["participantTokens"] = Value::Array(tokens);
    }
    state.stages.insert(arn, stage);
    Ok(answer)
}

pub(super) fn get(state: &State, input: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    let arn = input.required_text("arn");
    Ok(json!({"stage": view(arn, state.stage(arn)?)}))
}

pub(super) fn list(state: &State, input: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    let stages = state.stages.iter().map(|(arn, stage)| (arn.as_str(), summary(arn, stage)));
    page_of("stages", "stages", stages, DEFAULT_PAGE, input)
}

/// Tags are not changed by this; see [`tags`].
pub(super) fn update(state: &mut State, input: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    let arn = input.required_text("arn");
    let stage = state.stage_mut(arn)?;
    if let Some(arn) = storage(input) {
        return Err(not_found(arn));
    }
    if let Some(name) = input.text("name") {
        name.clone_into(&mut stage.name);
    }
    if let Some(recording) = input.json("autoParticipantRecordingConfiguration") {
        stage.recording = Some(recording.clone());
    }
    Ok(json!({"stage": view(arn, stage)}))
}

/// The storage configuration that the input names. None can be made here, so it does not exist.
fn storage(input: Input<'_>) -> Option<&str> {
    let recording = input.json("autoParticipantRecordingConfiguration")?;
    recording["storageConfigurationArn"].as_str().filter(|arn| !arn.is_empty())
}

/// Everybody in the stage is disconnected, and its tokens are worth nothing from now on.
pub(super) fn delete(state: &mut State, input: Input<'_>, context: &Context<'_>) -> Result<Value, ServiceError> {
    let arn = input.required_text("arn");
    let events = publish::stop_all(arn, state.stage_mut(arn)?, context.now);
    state.stages.remove(arn);
    state.events.extend(events);
    Ok(json!({}))
}

fn view(arn: &str, stage: &Stage) -> Value {
    let mut view = summary(arn, stage);
    view["endpoints"] = stage.endpoints.to_json();
    if let Some(recording) = &stage.recording {
        view["autoParticipantRecordingConfiguration"] = recording.clone();
    }
    view
}

/// A list tells tags, but no endpoints.
pub(super) fn summary(arn: &str, stage: &Stage) -> Value {
    let mut summary = json!({"arn": arn, "name": stage.name, "tags": stage.tags});
    if let Some(session) = &stage.active_session {
        summary["activeSessionId"] = json!(session);
    }
    summary
}

/// Endpoints in the form that AWS's samples show. Each stage has hosts of its own, so that a mix-up is found out.
fn endpoints() -> Endpoints {
    let host = ids::hex(12);
    Endpoints {
        events: "wss://global.events.live-video.net".to_owned(),
        whip: format!("https://{host}.global-bm.whip.live-video.net"),
        rtmp: format!("rtmp://{host}.global-contribute.live-video.net/app/"),
        rtmps: format!("rtmps://{host}.global-contribute.live-video.net:443/app/"),
    }
}
