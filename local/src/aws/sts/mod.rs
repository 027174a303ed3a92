//! STS: who calls.

pub(crate) mod callers;
