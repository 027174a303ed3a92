//! AWS, as far as the functions call it: one endpoint for every service.
//!
//! A request goes through the same steps whatever its service: who calls, with which permissions, is a fault due,
//! what does the service say; and it is written to the call log. DynamoDB is an embedded engine; IVS,
//! IVS Real-Time, ECS, EC2 and Secrets Manager are stand-ins after the service models.
//!
//! A folder is a service. Where it has the thing at all, `operation.rs` names its operations and the constraints on
//! their input, `permission.rs` says what a policy must allow, `context.rs` what an operation is given besides its
//! input, `state.rs` what the service knows, `error.rs` how it refuses; then comes one file a thing, and `mod.rs` is
//! the entry. Beside them are `endpoint` (what is before every service), `service` (what every service is), `video`
//! (what IVS and IVS Real-Time have in common) and `fault` (what may go wrong with any call).

pub(crate) mod api_gateway;
mod assumptions;
pub(crate) mod cloud_formation;
pub(crate) mod cognito;
mod dynamodb;
mod ec2;
mod ecs;
mod endpoint;
pub(crate) mod event_bridge;
mod fault;
pub(crate) mod iam;
mod ivs;
pub(crate) mod ivs_chat;
pub(crate) mod ivs_realtime;
pub(crate) mod lambda;
pub(crate) mod scheduler;
mod secrets_manager;
mod service;
mod sqs;
mod sts;
mod video;

pub(crate) use self::assumptions::{Assumed, Assumptions};
pub(crate) use self::dynamodb::DynamoDb;
pub(crate) use self::ecs::{Certificates, Ecs, ProcessSettings, Processes, agent_url};
pub(crate) use self::endpoint::Endpoint;
pub(crate) use self::endpoint::call_log::CallLog;
pub(crate) use self::endpoint::ivs::IvsServices;
pub(crate) use self::endpoint::known::{is_answered, misspelt_action, services};
pub(crate) use self::fault::{EventInvoke, Faults, InvokeError};
pub(crate) use self::ivs::{
    Addresses, Admission, Attempt, AudioTrack, Contender, Ivs, LastHeard, Order, Publisher, Refusal, Seat,
    TakeoverFailure, Tracks, VideoTrack, ViewerSession,
};
pub(crate) use self::secrets_manager::SecretsManager;
#[cfg(test)]
pub(crate) use self::service::Service;
pub(crate) use self::service::resource::Resource;
pub(crate) use self::service::{ACCOUNT, Requirement, ServiceError};
pub(crate) use self::sqs::{SendError, Sqs, Taken};
pub(crate) use self::sts::callers::{Callers, Credentials};
