//! The server's side of a session: takes one publisher.

mod event;
mod session;
#[cfg(test)]
mod tests;

pub use event::Event;
pub use session::{Reject, ServerSession};
