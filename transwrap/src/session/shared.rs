//! What the broadcasts of a server share.

use std::path::PathBuf;
use std::sync::Arc;

use aws_broadcast::{BroadcastTable, IngestTargets};
use model::broadcast::EndReason;
use model::{AttemptId, BroadcastId, TaskId, Timestamp};
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
    pub roster: Arc<Roster>,
}

impl Shared {
    /// Records the end of a broadcast that this attempt has. If that fails, its lease lapses, and then it has ended all the same.
    pub(crate) async fn record_end(&self, id: &BroadcastId, attempt: &AttemptId, reason: EndReason) {
        if let Err(error) = self.table.end(id, attempt, reason, Timestamp::now()).await {
            tracing::warn!(broadcast.id = %id, error = &error as &dyn std::error::Error, "its end is not recorded");
        }
    }
}
