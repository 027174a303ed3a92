//! The operations: the constraints on their input, what they act on, how often they may be called, what they do.
//!
//! After the service model `ivschat` 2020-07-14; the rates after "Service Quotas" in the IVS Chat user guide. Logging
//! configurations are not here.

use serde_json::Value;

use super::constraint::{
    ATTRIBUTES, CAPABILITIES, EVENT_NAME, HANDLER_URI, LENGTH, LOGGING, LOGGING_ARN, MESSAGE_ID, MINUTES, PAGE, RATE,
    REASON, RESOURCE_ARN, REVIEW_HANDLER, ROOM_ARN, USER_ID,
};
use super::context::ResourceQuotas;
use super::state::State;
use super::{error, message, room, token};
use crate::aws::service::ServiceError;
use crate::aws::service::shape::{optional, required};
use crate::aws::video::constraint::{NAME, PAGE_TOKEN, TAG_KEYS, TAGS};
use crate::aws::video::operation::{self, Model, Run, Tags, Target};
use crate::aws::video::tags::{list_tags_for_resource, tag_resource, untag_resource};

/// Calls per second of each operation about rooms.
const ROOM_RATE: f64 = 5.0;
/// Calls per second of `CreateChatToken`.
const TOKEN_RATE: f64 = 200.0;
/// Calls per second of each operation that tells those who are connected something.
const MESSAGE_RATE: f64 = 100.0;

/// For a create or a list of rooms.
const ROOMS: Target = Target::Any(&["room"]);

pub(super) type Operation = operation::Operation<State>;

/// All operations that the local cloud has.
pub(super) static OPERATIONS: [Operation; 12] = [
    Operation {
        name: "CreateRoom",
        input: &[
            optional("name", NAME),
            optional("maximumMessageRatePerSecond", RATE),
            optional("maximumMessageLength", LENGTH),
            optional("messageReviewHandler", REVIEW_HANDLER),
            optional("tags", TAGS),
            optional("loggingConfigurationIdentifiers", LOGGING),
        ],
        target: ROOMS,
        rate: ROOM_RATE,
        run: Run::Write(room::create),
    },
    Operation {
        name: "GetRoom",
        input: &[required("identifier", ROOM_ARN)],
        target: Target::Named("identifier"),
        rate: ROOM_RATE,
        run: Run::Read(room::get),
    },
    Operation {
        name: "ListRooms",
        input: &[
            optional("name", NAME),
            optional("nextToken", PAGE_TOKEN),
            optional("maxResults", PAGE),
            optional("messageReviewHandlerUri", HANDLER_URI),
            optional("loggingConfigurationIdentifier", LOGGING_ARN),
        ],
        target: ROOMS,
        rate: ROOM_RATE,
        run: Run::Read(room::list),
    },
    Operation {
        name: "UpdateRoom",
        input: &[
            required("identifier", ROOM_ARN),
            optional("name", NAME),
            optional("maximumMessageRatePerSecond", RATE),
            optional("maximumMessageLength", LENGTH),
            optional("messageReviewHandler", REVIEW_HANDLER),
            optional("loggingConfigurationIdentifiers", LOGGING),
        ],
        target: Target::Named("identifier"),
        rate: ROOM_RATE,
        run: Run::Write(room::update),
    },
    Operation {
        name: "DeleteRoom",
        input: &[required("identifier", ROOM_ARN)],
        target: Target::Named("identifier"),
        rate: ROOM_RATE,
        run: Run::Write(room::delete),
    },
    Operation {
        name: "CreateChatToken",
        input: &[
            required("roomIdentifier", ROOM_ARN),
            required("userId", USER_ID),
            optional("capabilities", CAPABILITIES),
            optional("sessionDurationInMinutes", MINUTES),
            optional("attributes", ATTRIBUTES),
        ],
        target: Target::Named("roomIdentifier"),
        rate: TOKEN_RATE,
        run: Run::Write(token::create),
    },
    Operation {
        name: "SendEvent",
        input: &[
            required("roomIdentifier", ROOM_ARN),
            required("eventName", EVENT_NAME),
            optional("attributes", ATTRIBUTES),
        ],
        target: Target::Named("roomIdentifier"),
        rate: MESSAGE_RATE,
        run: Run::Write(message::send_event),
    },
    Operation {
        name: "DeleteMessage",
        input: &[required("roomIdentifier", ROOM_ARN), required("id", MESSAGE_ID), optional("reason", REASON)],
        target: Target::Named("roomIdentifier"),
        rate: MESSAGE_RATE,
        run: Run::Write(message::delete),
    },
    Operation {
        name: "DisconnectUser",
        input: &[required("roomIdentifier", ROOM_ARN), required("userId", USER_ID), optional("reason", REASON)],
        target: Target::Named("roomIdentifier"),
        rate: MESSAGE_RATE,
        run: Run::Write(message::disconnect),
    },
    Operation { input: &[required("resourceArn", RESOURCE_ARN), required("tags", TAGS)], ..tag_resource() },
    Operation { input: &[required("resourceArn", RESOURCE_ARN), required("tagKeys", TAG_KEYS)], ..untag_resource() },
    Operation { input: &[required("resourceArn", RESOURCE_ARN)], ..list_tags_for_resource() },
];

impl Model for State {
    const SERVICE: &'static str = "ivschat";

    type Limits = ResourceQuotas;

    fn operations() -> &'static [Operation] {
        &OPERATIONS
    }

    fn refused(error: ServiceError, input: &Value, rate: f64) -> ServiceError {
        error::complete(error, input, rate)
    }

    fn tags(&self, arn: &str) -> Option<&Tags> {
        self.rooms.get(arn).map(|room| &room.tags)
    }

    fn tags_mut(&mut self, arn: &str) -> Option<&mut Tags> {
        self.rooms.get_mut(arn).map(|room| &mut room.tags)
    }
}
