//! The publisher's side of a session.

mod event;
mod session;
#[cfg(test)]
mod tests;

pub use event::Event;
pub use session::ClientSession;
