//! The edges of a function: how HTTP requests, events, messages and custom resources come in and are answered, what is
//! written to the log, and where configuration comes from.
//!
//! - [`http`] turns an API Gateway event into typed values and a result into an answer,
//! - [`event`] is the loop of the functions that no caller waits for,
//! - [`queue`] is that of a function which takes the messages of a queue,
//! - [`custom_resource`] answers the requests of a stack.

pub mod config;
pub mod custom_resource;
pub mod event;
pub mod http;
pub mod log;
mod panic;
pub mod queue;

/// For a function that calls nothing of AWS, and so has no client to count for.
pub use aws_client::Calls;
