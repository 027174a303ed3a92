//! The fleet of transwrap servers as ECS has it, and the reconciliation of the table with it.

mod ecs;
mod operations;

pub use ecs::Ecs;
pub use operations::{Drift, reconcile};
