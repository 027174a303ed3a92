//! Who IVS says is in a stage, and how the table of who publishes is held to it.

mod ivs;
mod operations;

pub use ivs::PublisherIvs;
pub use operations::{Drift, reconcile};
