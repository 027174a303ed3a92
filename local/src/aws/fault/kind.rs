//! What can go wrong with a call.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::aws::service::call::ServiceName;
use crate::aws::service::reply::Reply;

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
pub(crate) enum Fault {
    /// The service's own throttling error.
    Throttle {},
    /// Any error.
    Error {
        status: u16,
        code: String,
        #[serde(default)]
        message: String,
    },
    /// The call succeeds, later: its effect comes after the time has passed, or before. It goes on at once when all
    /// faults are taken back.
    Latency {
        ms: u64,
        #[serde(default)]
        when: When,
    },
    /// The connection is closed without an answer.
    Drop { when: When },
    /// The calling instance is killed.
    Kill { when: When },
}

/// Whether the call has its effect.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum When {
    /// It has none.
    #[default]
    Before,
    /// It has, and the caller does not learn of it.
    After,
}

impl Fault {
    /// The answer in place of the service's own, if this fault is one.
    pub(crate) fn reply(&self, service: ServiceName) -> Option<Reply> {
        match self {
            Self::Throttle {} => {
                let (status, code) = match service {
                    ServiceName::DynamoDb => (400, "ProvisionedThroughputExceededException"),
                    ServiceName::Ivs | ServiceName::IvsChat => (429, "ThrottlingException"),
                    ServiceName::Lambda => (429, "TooManyRequestsException"),
                    ServiceName::Sqs => (400, "RequestThrottled"),
                    ServiceName::Ec2 => (503, "RequestLimitExceeded"),
                    _ => (400, "ThrottlingException"),
                };
                Some(service.protocol().error(status, code, "Rate exceeded"))
            }
            Self::Error { status, code, message } => Some(service.protocol().error(*status, code, message)),
            Self::Latency { .. } | Self::Drop { .. } | Self::Kill { .. } => None,
        }
    }

    /// How long to wait at this point of the call.
    pub(crate) fn latency(&self, at: When) -> Option<Duration> {
        match self {
            Self::Latency { ms, when } if *when == at => Some(Duration::from_millis(*ms)),
            _ => None,
        }
    }
}
