//! Broadcasts on this server. Each is a task that owns its lease and its pipeline; browsers' connections come and go.

mod broadcast;
mod connection;
mod roster;

use std::path::PathBuf;
use std::sync::Arc;

use aws_broadcast::{BroadcastTable, IngestTargets};
use model::TaskId;
use tokio_rustls::rustls::ClientConfig;

pub use self::broadcast::MOVES_WITHIN;
pub use self::connection::serve;
pub use self::roster::{Drain, Roster};

/// What the broadcasts of a server share.
pub struct Shared {
    /// Which task this is.
    pub server: TaskId,
    /// The rows.
    pub table: BroadcastTable,
    /// Where they go.
    pub targets: IngestTargets,
    /// Whom to trust there.
    pub tls: Arc<ClientConfig>,
    /// The program.
    pub ffmpeg: PathBuf,
    /// Those that are here.
    pub roster: Roster,
}
