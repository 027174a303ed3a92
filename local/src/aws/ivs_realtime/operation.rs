//! The operations: the constraints on their input, what they act on, how often they may be called, what they do.
//!
//! After the service model `ivs-realtime` 2020-07-14; the rates after "Service Quotas" in the IVS Real-Time user guide.

use serde_json::Value;
use time::OffsetDateTime;

use super::{
    constraint::{
        ATTRIBUTES, CAPABILITIES, DURATION, MAX_RESULTS, NAME, PAGE_TOKEN, PARTICIPANT_ID, PUBLIC_KEY_ARN,
        PUBLIC_KEY_MATERIAL, RECORDING, RESOURCE_ARN, SESSION_ID, STAGE_ARN, TAG_KEYS, TAGS, TOKEN_CONFIGURATIONS,
        USER_ID,
    },
    participant, public_key,
    quotas::ResourceQuotas,
    session, stage,
    state::State,
    tags,
};
use crate::aws::{
    service::ServiceError,
    shape::{Input, Member, Shape, optional, required, text},
};

/// Calls per second of every operation that the quotas do not single out.
const OTHERS: f64 = 5.0;
/// Calls per second of each public-key operation.
const PUBLIC_KEYS: f64 = 3.0;
/// Calls per second of each tag operation.
const TAGGING: f64 = 10.0;
/// Calls per second of `CreateParticipantToken`.
const TOKENS: f64 = 50.0;

/// What an operation is given besides its input.
pub(super) struct Context<'a> {
    pub(super) region: &'a str,
    pub(super) quotas: ResourceQuotas,
    pub(super) now: OffsetDateTime,
}

/// One operation of the service.
pub(super) struct Operation {
    pub(super) name: &'static str,
    pub(super) input: &'static [Member],
    pub(super) target: Target,
    /// Calls per second and account.
    pub(super) rate: f64,
    pub(super) run: Run,
}

/// The resource that a policy must allow the operation on.
pub(super) enum Target {
    /// The resource whose ARN is this member of the input.
    Named(&'static str),
    /// Any stage: for a create or a list.
    Stages,
    /// Any public key: for an import or a list.
    PublicKeys,
}

/// What an operation does. A write checks everything first: one that fails has changed nothing.
pub(super) enum Run {
    Read(fn(&State, Input<'_>, &Context<'_>) -> Result<Value, ServiceError>),
    Write(fn(&mut State, Input<'_>, &Context<'_>) -> Result<Value, ServiceError>),
}

impl Operation {
    /// The operation of that name, if the local cloud has it.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        OPERATIONS.iter().find(|operation| operation.name == name)
    }
}

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
        target: Target::Stages,
        rate: OTHERS,
        run: Run::Write(stage::create),
    },
    Operation {
        name: "GetStage",
        input: &[required("arn", STAGE_ARN)],
        target: Target::Named("arn"),
        rate: OTHERS,
        run: Run::Read(stage::get),
    },
    Operation {
        name: "ListStages",
        input: &[optional("nextToken", PAGE_TOKEN), optional("maxResults", MAX_RESULTS)],
        target: Target::Stages,
        rate: OTHERS,
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
        rate: OTHERS,
        run: Run::Write(stage::update),
    },
    Operation {
        name: "DeleteStage",
        input: &[required("arn", STAGE_ARN)],
        target: Target::Named("arn"),
        rate: OTHERS,
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
        rate: TOKENS,
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
        rate: OTHERS,
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
        rate: OTHERS,
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
        rate: OTHERS,
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
        rate: OTHERS,
        run: Run::Read(session::list),
    },
    Operation {
        name: "GetStageSession",
        input: &[required("stageArn", STAGE_ARN), required("sessionId", SESSION_ID)],
        target: Target::Named("stageArn"),
        rate: OTHERS,
        run: Run::Read(session::get),
    },
    Operation {
        name: "ImportPublicKey",
        input: &[required("publicKeyMaterial", PUBLIC_KEY_MATERIAL), optional("name", NAME), optional("tags", TAGS)],
        target: Target::PublicKeys,
        rate: PUBLIC_KEYS,
        run: Run::Write(public_key::import),
    },
    Operation {
        name: "GetPublicKey",
        input: &[required("arn", PUBLIC_KEY_ARN)],
        target: Target::Named("arn"),
        rate: PUBLIC_KEYS,
        run: Run::Read(public_key::get),
    },
    Operation {
        name: "ListPublicKeys",
        input: &[optional("nextToken", PAGE_TOKEN), optional("maxResults", MAX_RESULTS)],
        target: Target::PublicKeys,
        rate: PUBLIC_KEYS,
        run: Run::Read(public_key::list),
    },
    Operation {
        name: "DeletePublicKey",
        input: &[required("arn", PUBLIC_KEY_ARN)],
        target: Target::Named("arn"),
        rate: PUBLIC_KEYS,
        run: Run::Write(public_key::delete),
    },
    Operation {
        name: "TagResource",
        input: &[required("resourceArn", RESOURCE_ARN), required("tags", TAGS)],
        target: Target::Named("resourceArn"),
        rate: TAGGING,
        run: Run::Write(tags::tag),
    },
    Operation {
        name: "UntagResource",
        input: &[required("resourceArn", RESOURCE_ARN), required("tagKeys", TAG_KEYS)],
        target: Target::Named("resourceArn"),
        rate: TAGGING,
        run: Run::Write(tags::untag),
    },
    Operation {
        name: "ListTagsForResource",
        input: &[required("resourceArn", RESOURCE_ARN)],
        target: Target::Named("resourceArn"),
        rate: TAGGING,
        run: Run::Read(tags::list),
    },
];
