//! What pollers work with.

use std::sync::Arc;

use super::super::Lambda;
use crate::aws::{Faults, Sqs};
use crate::program::log::Lines;

/// What pollers work with.
#[derive(Clone)]
pub(crate) struct Services {
    pub(crate) sqs: Arc<Sqs>,
    pub(crate) lambda: Arc<Lambda>,
    pub(crate) faults: Arc<Faults>,
    pub(crate) lines: Arc<Lines>,
}
