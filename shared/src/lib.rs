//! What Greenroom's functions share: the domain with its rules, the AWS adapters, and the HTTP edge.
//!
//! [`event`] is the edge of the functions that no caller waits for. A request passes through three layers, and each knows only the one below it:
//!
//! - [`http`] turns an API Gateway event into typed values and a result into an answer,
//! - [`domain`] holds the types and the operations, in plain async functions,
//! - [`aws`] holds one adapter per service or table; nothing above it knows an AWS shape.

pub mod aws;
pub mod config;
pub mod custom_resource;
pub mod domain;
pub mod error;
pub mod event;
pub mod http;
pub mod log;

pub use error::Error;
