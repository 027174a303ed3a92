//! The local cloud: one process that reads template.yaml and is API Gateway, Lambda, EventBridge, IAM and AWS to the
//! real, deployable function binaries, on loopback.
//!
//! ```text
//! client ── gateway ── lambda ── instance (a process) ── aws endpoint ── dynamodb │ ivs │ ecs │ secrets manager │ sqs
//!              │          │                                  │
//!           template   event queue ── events, scheduler     iam, faults, call log
//! ```
//!
//! What the template does not declare does not work here either. No function knows that it is local: each is started
//! with Lambda's own environment variables and finds AWS through `AWS_ENDPOINT_URL_<SERVICE>`.
//!
//! [`LocalCloud::start`] runs it inside another program, such as a test; `cargo run -p local` runs it alone.

mod aws;
mod build;
mod clock;
mod cloud;
mod cloud_formation;
mod data_dir;
mod events;
mod gateway;
mod http_server;
mod issuer;
mod jobs;
mod lambda;
mod log;
mod numbered_log;
mod options;
mod pem;
mod percent;
mod random;
mod retry;
mod scheduler;
mod side_door;
mod sync;
mod template;
mod wildcard;

pub use self::build::{Packages, Profile, build};
pub use self::cloud::{LocalCloud, check};
pub use self::log::{Log, LogLine};
pub use self::options::{Options, TemplateSource};
pub use self::template::{Route, Template, TemplateError};
