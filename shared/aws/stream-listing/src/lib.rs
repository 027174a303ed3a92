//! What is on air as IVS lists it, and the reconciliation of the table with that.

mod ivs;
mod operations;

pub use ivs::StreamIvs;
pub use operations::{StreamDrift, reconcile};
