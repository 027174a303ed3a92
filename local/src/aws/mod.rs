//! AWS, as far as the functions call it: one endpoint for every service.
//!
//! A request goes through the same steps whatever its service: who calls, with which permissions, is a fault due,
//! what does the service say; and it is written to the call log. DynamoDB is an embedded engine; IVS,
//! IVS Real-Time, ECS, EC2 and Secrets Manager are stand-ins after the service models.

mod call;
mod call_log;
mod callers;
mod dynamodb;
mod ec2;
mod ecs;
mod endpoint;
mod fault;
pub(crate) mod iam;
pub(crate) mod ids;
mod ivs;
mod ivs_realtime;
mod ivs_services;
mod known;
mod operation;
mod paging;
mod reply;
mod secrets_manager;
mod service;
mod shape;
mod sqs;
pub(crate) mod state_file;
mod video;

pub(crate) use self::call_log::CallLog;
pub(crate) use self::callers::{Callers, Credentials};
pub(crate) use self::dynamodb::DynamoDb;
pub(crate) use self::ecs::{Ecs, Event};
pub(crate) use self::endpoint::Endpoint;
pub(crate) use self::fault::{Faults, Handover, Refusal};
pub(crate) use self::ivs_services::IvsServices;
pub(crate) use self::known::{is_answered, misspelt_action};
pub(crate) use self::secrets_manager::SecretsManager;
pub(crate) use self::service::{ACCOUNT, Requirement, Service, ServiceError};
pub(crate) use self::sqs::{NotSent, Sqs};
