//! What the end-to-end tests stand on: a local cloud of their own each, callers of its API, and eyes on its AWS side.

mod air;
mod answer;
mod app;
mod chat_connection;
mod chat_rooms;
mod chatter;
mod contract;
mod deployment;
mod fleet;
mod http;
mod keys;
mod policy;
mod room;
mod root;
pub mod smoke;

pub use air::{Air, Channel};
pub use answer::Answer;
pub use app::{Row, ScratchDir, Setup, TestApp, concurrently, eventually, nth_of_each};
pub use chat_connection::ChatConnection;
pub use chat_rooms::ChatRooms;
pub use chatter::Chatter;
pub use contract::Document;
pub use deployment::Deployment;
pub use fleet::{Fleet, Task, ids};
pub use http::{Caller, Request};
pub use keys::p384_key_pair;
pub use policy::{Part, Policies};
pub use room::{PlayedServer, Room, ago, ticket};
pub use root::root;
