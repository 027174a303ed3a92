//! One part after the other; what one fails with does not keep the others from their work.

use serde_json::Value;
use shared::Error;
use shared::aws::{Ec2, Ecs, ServerTable};
use shared::domain::{Timestamp, server};
use shared::event::Report;

/// What a run needs.
pub(crate) struct Handler {
    pub(crate) servers: ServerTable,
    pub(crate) ecs: Ecs,
    pub(crate) ec2: Ec2,
}

impl Handler {
    /// Whatever the event says: there is one thing to do.
    pub(crate) async fn handle(&self, _: Value) -> Result<Report, Error> {
        let now = Timestamp::now();
        let drift = server::reconcile(&self.servers, &self.ecs, &self.ec2, now).await?;
        Ok(Report::new("reconciled")
            .count("ServersOffered", drift.offered)
            .count("ServersAdded", drift.added)
            .count("ServersRemoved", drift.removed)
            .count("ServersUnreachable", drift.unreachable))
    }
}
