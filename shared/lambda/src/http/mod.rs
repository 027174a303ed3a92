//! The HTTP edge: an API Gateway event (payload 2.0) becomes typed values, and a result becomes an answer.

mod event;
mod failure;
mod input;
mod problem;
mod reply;
mod serve;

pub use failure::Failure;
pub use input::{Input, MAX_BODY};
pub use problem::PROBLEMS;
pub use reply::Reply;
pub use serve::{route, serve};
