//! One part after the other; what one fails with does not keep the others from their work.

use std::time::Duration;

use serde_json::Value;
use shared::Error;
use shared::aws::{ChannelTable, Ec2, Ecs, Ivs, IvsRealTime, ParticipantTable, ServerTable, StageTable};
use shared::domain::{ClaimId, Timestamp, channel, server, stage};
use shared::event::Report;

/// How long a claim of the reconciler's holds a name: longer than its own timeout.
const LEASE: Duration = Duration::from_secs(300);

/// What a run needs.
pub(crate) struct Handler {
    pub(crate) servers: ServerTable,
    pub(crate) ecs: Ecs,
    pub(crate) ec2: Ec2,
    pub(crate) stages: StageTable,
    pub(crate) participants: ParticipantTable,
    pub(crate) ivs_realtime: IvsRealTime,
    pub(crate) channels: ChannelTable,
    pub(crate) ivs: Ivs,
}

impl Handler {
    /// Whatever the event says: there is one thing to do.
    pub(crate) async fn handle(&self, _: Value) -> Result<Report, Error> {
        let report = Report::new("reconciled");
        let report = match server::reconcile(&self.servers, &self.ecs, &self.ec2, Timestamp::now()).await {
            Ok(drift) => report
                .count("ServersOffered", drift.offered)
                .count("ServersAdded", drift.added)
                .count("ServersRemoved", drift.removed)
                .count("ServersUnreachable", drift.unreachable),
            Err(error) => report.fail(error),
        };
        let (now, attempt) = (Timestamp::now(), ClaimId::random()?);
        let swept = stage::sweep(&self.ivs_realtime, &self.stages, &self.participants, now, &attempt, LEASE).await;
        let report = match swept {
            Ok(swept) => report
                .count("Stages", swept.listed)
                .count("OrphanStagesDeleted", swept.orphans)
                .count("StageCreatesEnded", swept.creates_ended)
                .count("StageDeletesFinished", swept.deletes_finished),
            Err(error) => report.fail(error),
        };
        let (now, attempt) = (Timestamp::now(), ClaimId::random()?);
        Ok(match channel::sweep(&self.ivs, &self.channels, now, &attempt, LEASE).await {
            Ok(swept) => report
                .count("Channels", swept.listed)
                .count("OrphanChannelsDeleted", swept.orphans)
                .count("ChannelCreatesEnded", swept.creates_ended)
                .count("ChannelDeletesFinished", swept.deletes_finished),
            Err(error) => report.fail(error),
        })
    }
}
