//! For tests: configurations as encoders write them, and a reader of what is written here.

pub(crate) mod bits;
pub(crate) mod boxes;
pub(crate) mod config;
