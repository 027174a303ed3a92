//! What the broadcasts of a server share.

use std::path::PathBuf;
use std::sync::Arc;

use aws_broadcast::{BroadcastTable, IngestTargets};
use model::TaskId;
use tokio_rustls::rustls::ClientConfig;

use super::roster::Roster;

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
