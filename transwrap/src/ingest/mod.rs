//! The way to the ingest: an RTMP connection of our own, which is taken up again when it breaks.

mod address;
mod connection;
mod endpoint;
mod failure;
mod feed;
mod publisher;
mod queue;
mod retry;
#[cfg(test)]
mod tests;
mod tls;

pub use endpoint::{Endpoint, Target};
pub use failure::{Failure, TargetRefused};
pub use feed::Stats;
pub use retry::End;
pub use tls::{RootsError, client_config};

pub(crate) use feed::Feed;
pub(crate) use publisher::{Signal, publish};
pub(crate) use queue::{Frame, Headers, Medium};
