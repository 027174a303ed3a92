//! What the end-to-end tests stand on: a local cloud of their own each, callers of its API, and eyes on its AWS side.

mod app;
mod contract;
mod deployment;
mod fleet;
mod http;
mod keys;
mod policy;
pub mod smoke;

pub use app::{Row, ScratchDir, Setup, TestApp, concurrently, eventually, nth_of_each, root};
pub use contract::Document;
pub use deployment::Deployment;
pub use fleet::{Fleet, Task, ids};
pub use http::{Answer, Caller, Request};
pub use keys::p384_key_pair;
pub use policy::{Part, Policies};
