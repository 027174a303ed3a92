//! The local cloud: one process that reads template.yaml and is API Gateway, Lambda, EventBridge, IAM and AWS to the
//! real, deployable function binaries, on loopback.
//!
//! ```text
//! client ── api_gateway ── lambda ── instance (a process) ── endpoint ── dynamodb │ ivs │ ecs │ secrets_manager │ sqs
//!                │            │                                │
//!             cognito    event queue ── event_bridge,        iam, faults, call log
//!                                       scheduler
//!                        event sources ── sqs
//! ```
//!
//! `program` is what a person starts: its options, its log, the build of the functions, the routes under `/_local/`,
//! and [the whole put together](LocalCloud). `aws` has a folder for each service, `media` is the servers behind IVS,
//! `template` reads template.yaml, and `plumbing` knows none of them. No two modules import each other;
//! `scripts/check-modules` says so.
//!
//! What the template does not declare does not work here either. No function knows that it is local: each is started
//! with Lambda's own environment variables and finds AWS through `AWS_ENDPOINT_URL_<SERVICE>`.
//!
//! [`LocalCloud::start`] runs it inside another program, such as a test; `cargo run -p local` runs it alone.

mod aws;
mod media;
mod plumbing;
mod program;
mod template;

pub use self::program::arguments::{Arguments, CommandLine};
pub use self::program::build::{Packages, Profile, build};
pub use self::program::cloud::{LocalCloud, check};
pub use self::program::log::{Log, LogLine};
pub use self::program::options::{Options, TemplateSource};
pub use self::program::pages::build::build_pages;
pub use self::template::{Mapping, Route, Template, TemplateError};
