//! The edge: connections, the handshake, and what the server says of itself.

mod handshake;
mod heartbeat;
mod listener;
mod tls;

pub use self::heartbeat::{beat, withdraw};
pub use self::listener::{bind, serve};
pub use self::tls::{Certificate, TlsError};
