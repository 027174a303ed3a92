//! Takes what a browser records and publishes it: a recording goes through FFmpeg, which has pipes and no network; what comes out
//! of it is sent to the ingest by a connection of our own, so that no other process ever has the stream key.

pub mod admission;
pub mod config;
pub mod ecs;
pub mod ingest;
pub mod log;
pub mod media;
mod pipeline;
pub mod protocol;
pub mod server;
pub mod session;
mod timeline;

pub use pipeline::{Event, Options, Pipeline, WaitsFor};
