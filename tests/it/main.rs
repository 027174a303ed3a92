//! End-to-end tests: one file per subject, every test in a cloud of its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod access;
mod aws_calls;
mod broadcast;
mod broadcast_settings;
mod capacity;
mod channel;
mod chat;
mod create;
mod events;
mod gateway;
mod iam;
mod iam_minimal;
mod item_format;
mod lifecycles;
mod limits;
mod lists;
mod logs;
mod openapi;
mod orphan;
mod participant;
mod playback;
mod queues;
mod reconciler;
mod recovery;
mod repository;
mod restart;
mod room;
mod rtmp_hook;
mod server;
mod session;
mod side_door;
mod signing;
mod signing_keys;
mod smoke;
mod stage;
mod stream;
mod stream_key;
mod stream_lives;
mod stream_tracker;
mod sweep;
mod task_tracker;
mod tours;
mod transwrap;
mod viewer;
