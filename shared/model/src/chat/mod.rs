//! Chat in the room of a stage or a channel: what may be said there.

pub mod review;
