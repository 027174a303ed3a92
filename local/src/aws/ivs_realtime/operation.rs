//! The operations: the constraints on their input, what they act on, how often they may be called, what they do.
//!
//! After the service model `ivs-realtime` 2020-07-14; the rates after "Service Quotas" in the IVS Real-Time user guide.

use super::context::ResourceQuotas;
use super::{
    constraint::{
        ATTRIBUTES, CAPABILITIES, DURATION, PARTICIPANT_ID, PUBLIC_KEY_ARN, PUBLIC_KEY_MATERIAL, RECORDING, SESSION_ID,
        STAGE_ARN, TOKEN_CONFIGURATIONS, USER_ID,
    },
    participant, public_key, session, stage,
    state::State,
};
use crate::aws::service::shape::{Shape, optional, required, text};
use crate::aws::video::constraint::{MAX_RESULTS, NAME, PAGE_TOKEN, TAGS};
use crate::aws::video::operation::{self, Model, Run, Tags, Target};
use crate::aws::video::tags::{list_tags_for_resource, tag_resource, untag_resource};

/// Calls per second of every operation that the quotas do not single out.
const DEFAULT_RATE: f64 = 5.0;
/// Calls per second of each public-key operation.
const PUBLIC_KEY_RATE: f64 = 3.0;
/// Calls per second of `CreateParticipantToken`.
const TOKEN_RATE: f64 = 50.0;

/// For a create or a list of stages.
const STAGES: Target = Target::Any(&["stage"]);
/// For an import or a list of public keys.
const ANY_PUBLIC_KEY: Target = Target::Any(&["public-key"]);
/// Of all IVS operations here, this one knows no resource type ("Actions" in the service authorization reference): a
/// policy must allow it on `*`.
const NO_RESOURCE: Target = Target::Any(&[]);

pub(super) type Operation = operation::Operation<State>;

/// All operations that the local cloud has.
pub(super) static OPERATIONS: [Operation; 18] = [
    Operation {
        name: "CreateStage",
        input: &[
            optional("name", NAME),
            optional("participantTokenConfigurations", TOKEN_CONFIGURATIONS),
            optional("tags", TAGS),
            optional("autoParticipantRecordingConfiguration", RECORDING),
        ],
        target: STAGES,
        rate: DEFAULT_RATE,
        run: Run::Write(stage::create),
    },
    Operation {
        name: "GetStage",
        input: &[required("arn", STAGE_ARN)],
        target: Target::Named("arn"),
        rate: DEFAULT_RATE,
        run: Run::Read(stage::get),
    },
    Operation {
        name: "ListStages",
        input: &[optional("nextToken", PAGE_TOKEN), optional("maxResults", MAX_RESULTS)],
        target: STAGES,
        rate: DEFAULT_RATE,
        run: Run::Read(stage::list),
    },
    Operation {
        name: "UpdateStage",
        input: &[
            required("arn", STAGE_ARN),
            optional("name", NAME),
            optional("autoParticipantRecordingConfiguration", RECORDING),
        ],
        target: Target::Named("arn"),
        rate: DEFAULT_RATE,
        run: Run::Write(stage::update),
    },
    Operation {
        name: "DeleteStage",
        input: &[required("arn", STAGE_ARN)],
        target: Target::Named("arn"),
        rate: DEFAULT_RATE,
        run: Run::Write(stage::delete),
    },
    Operation {
        name: "CreateParticipantToken",
        input: &[
            required("stageArn", STAGE_ARN),
            optional("duration", DURATION),
            optional("userId", USER_ID),
            optional("attributes", ATTRIBUTES),
            optional("capabilities", CAPABILITIES),
        ],
        target: Target::Named("stageArn"),
        rate: TOKEN_RATE,
        run: Run::Read(participant::create_token),
    },
    Operation {
        name: "DisconnectParticipant",
        input: &[
            required("stageArn", STAGE_ARN),
            required("participantId", PARTICIPANT_ID),
            optional("reason", text(0, 128)),
        ],
        target: Target::Named("stageArn"),
        rate: DEFAULT_RATE,
        run: Run::Write(participant::disconnect),
    },
    Operation {
        name: "ListParticipants",
        input: &[
            required("stageArn", STAGE_ARN),
            required("sessionId", SESSION_ID),
            optional("filterByUserId", USER_ID),
            optional("filterByPublished", Shape::Boolean),
            optional("filterByState", Shape::OneOf(&["CONNECTED", "DISCONNECTED"])),
            optional("filterByRecordingState", Shape::OneOf(&["STARTING", "ACTIVE", "STOPPING", "STOPPED", "FAILED"])),
            optional("nextToken", PAGE_TOKEN),
            optional("maxResults", MAX_RESULTS),
        ],
        target: Target::Named("stageArn"),
        rate: DEFAULT_RATE,
        run: Run::Read(participant::list),
    },
    Operation {
        name: "GetParticipant",
        input: &[
            required("stageArn", STAGE_ARN),
            required("sessionId", SESSION_ID),
            required("participantId", PARTICIPANT_ID),
        ],
        target: Target::Named("stageArn"),
        rate: DEFAULT_RATE,
        run: Run::Read(participant::get),
    },
    Operation {
        name: "ListStageSessions",
        input: &[
            required("stageArn", STAGE_ARN),
            optional("nextToken", PAGE_TOKEN),
            optional("maxResults", MAX_RESULTS),
        ],
        target: Target::Named("stageArn"),
        rate: DEFAULT_RATE,
        run: Run::Read(session::list),
    },
    Operation {
        name: "GetStageSession",
        input: &[required("stageArn", STAGE_ARN), required("sessionId", SESSION_ID)],
        target: Target::Named("stageArn"),
        rate: DEFAULT_RATE,
        run: Run::Read(session::get),
    },
    Operation {
        name: "ImportPublicKey",
        input: &[required("publicKeyMaterial", PUBLIC_KEY_MATERIAL), optional("name", NAME), optional("tags", TAGS)],
        target: ANY_PUBLIC_KEY,
        rate: PUBLIC_KEY_RATE,
        run: Run::Write(public_key::import),
    },
    Operation {
        name: "GetPublicKey",
        input: &[required("arn", PUBLIC_KEY_ARN)],
        target: Target::Named("arn"),
        rate: PUBLIC_KEY_RATE,
        run: Run::Read(public_key::get),
    },
    Operation {
        name: "ListPublicKeys",
        input: &[optional("nextToken", PAGE_TOKEN), optional("maxResults", MAX_RESULTS)],
        target: NO_RESOURCE,
        rate: PUBLIC_KEY_RATE,
        run: Run::Read(public_key::list),
    },
    Operation {
        name: "DeletePublicKey",
        input: &[required("arn", PUBLIC_KEY_ARN)],
        target: Target::Named("arn"),
        rate: PUBLIC_KEY_RATE,
        run: Run::Write(public_key::delete),
    },
    tag_resource(),
    untag_resource(),
    list_tags_for_resource(),
];

impl Model for State {
    type Limits = ResourceQuotas;

    fn operations() -> &'static [Operation] {
        &OPERATIONS
    }

    fn tags(&self, arn: &str) -> Option<&Tags> {
        let stage = self.stages.get(arn).map(|stage| &stage.tags);
        stage.or_else(|| self.public_keys.get(arn).map(|key| &key.tags))
    }

    fn tags_mut(&mut self, arn: &str) -> Option<&mut Tags> {
        let stage = self.stages.get_mut(arn).map(|stage| &mut stage.tags);
        stage.or_else(|| self.public_keys.get_mut(arn).map(|key| &mut key.tags))
    }
}
