//! One part after the other; what one fails with, or takes too long for, does not keep the others from their work.

use std::time::Duration;

use aws_channel::{ChannelIvs, ChannelTable};
use aws_fleet::Ecs;
use aws_publishers::PublisherIvs;
use aws_server::ServerTable;
use aws_session::SessionTable;
use aws_stage::{ParticipantRows, StageIvs, StageTable};
use aws_stream::StreamTable;
use aws_stream_listing::StreamIvs;
use aws_task::Ec2;
use lambda::event::Report;
use model::sweep::{Sweep, Swept};
use model::{ClaimId, Error, Timestamp};
use serde::Deserialize;
use tokio::time::timeout;

/// How long each of the three parts may take that list everything. Together with the streams, they end before the
/// function's timeout, 240 seconds.
const PART: Duration = Duration::from_secs(70);
/// How long the streams may take: less than the minute until their next run.
const STREAMS: Duration = Duration::from_secs(25);
/// How long the sessions of stages may take: less than the minute until their next run.
const SESSIONS: Duration = Duration::from_secs(50);
/// How long a claim of the reconciler's holds a name: longer than the part that takes it, with a call that is under way
/// at its end.
const LEASE: Duration = Duration::from_secs(90);

/// What was repaired, because no event or request had told of it. Not what is on air: a stream that begins or ends as it
/// is listed is one whose event is still under way.
const DRIFT: [&str; 8] = [
    "ServersAdded",
    "ServersRemoved",
    "OrphanStagesDeleted",
    "StageCreatesEnded",
    "StageDeletesFinished",
    "OrphanChannelsDeleted",
    "ChannelCreatesEnded",
    "ChannelDeletesFinished",
];

/// What a run needs.
pub(crate) struct Handler {
    pub(crate) servers: ServerTable,
    pub(crate) ecs: Ecs,
    pub(crate) ec2: Ec2,
    pub(crate) stages: StageTable,
    pub(crate) participants: ParticipantRows,
    pub(crate) ivs_realtime: StageIvs,
    pub(crate) channels: ChannelTable,
    pub(crate) ivs: ChannelIvs,
    pub(crate) streams: StreamTable,
    pub(crate) stream_ivs: StreamIvs,
    pub(crate) sessions: SessionTable,
    pub(crate) publisher_ivs: PublisherIvs,
}

/// What a run may be told. Nothing else is taken: a run that was told how many orphans may go must not go on as if it had
/// not been.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Order {
    /// How many orphans of a kind may be deleted, by a whole run; see [`Sweep`].
    max_orphans: Option<usize>,
    /// The one part to be done; all of them when absent, but for those that have a schedule of their own alone.
    only: Option<Part>,
}

/// A part of a run that can be done by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Part {
    Servers,
    /// It has a schedule of its own.
    Streams,
    /// Who publishes in stages, by a schedule of its own. It is no part of a whole run, which has no time to wait for IVS
    /// so long.
    Sessions,
}

impl Handler {
    pub(crate) async fn handle(&self, order: Order) -> Result<Report, Error> {
        if order.max_orphans.is_some() && order.only.is_some() {
            return Err(Error::internal(
                "the order is not understood: `maxOrphans` is for a whole run, without `only`",
            ));
        }
        let how = Sweep { attempt: ClaimId::random()?, lease: LEASE, max_orphans: order.max_orphans };
        let report = Report::new("reconciled");
        match order.only {
            Some(Part::Servers) => return Ok(self.reconcile_servers(report).await),
            Some(Part::Streams) => return Ok(self.reconcile_streams(report).await),
            Some(Part::Sessions) => return Ok(self.reconcile_sessions(report).await),
            None => {}
        }
        let report = self.reconcile_streams(report).await;
        let report = self.reconcile_servers(report).await;
        let report = self.sweep_stages(report, &how).await;
        let report = self.sweep_channels(report, &how).await;
        Ok(report.count_sum("Drift", &DRIFT).count_success("Reconciliations"))
    }

    async fn reconcile_streams(&self, report: Report) -> Report {
        let part = timeout(STREAMS, aws_stream_listing::reconcile(&self.streams, &self.stream_ivs, Timestamp::now()));
        match part.await.unwrap_or_else(|_| Err(too_long("streams"))) {
            Ok(drift) => report
                .log("streams.unclear", drift.unclear)
                .count("StreamListings", 1)
                .count("StreamsLive", drift.live)
                .count("StreamsAdded", drift.added)
                .count("StreamsRemoved", drift.removed),
            Err(error) => report.fail(error),
        }
    }

    async fn reconcile_servers(&self, report: Report) -> Report {
        let part = timeout(PART, aws_fleet::reconcile(&self.servers, &self.ecs, &self.ec2, Timestamp::now()));
        match part.await.unwrap_or_else(|_| Err(too_long("servers"))) {
            Ok(drift) => report
                .count("ServersOffered", drift.offered)
                .count("ServersAdded", drift.added)
                .count("ServersRemoved", drift.removed)
                .count("ServersUnreachable", drift.unreachable),
            Err(error) => report.fail(error),
        }
    }

    async fn reconcile_sessions(&self, report: Report) -> Report {
        let part = aws_publishers::reconcile(&self.publisher_ivs, &self.sessions, Timestamp::now());
        match timeout(SESSIONS, part).await.unwrap_or_else(|_| Err(too_long("sessions of stages"))) {
            Ok(drift) => report
                .log("stages.active", drift.active)
                .log("stages.asked", drift.asked)
                .log("publishers.added", drift.added)
                .log("publishers.ended", drift.ended),
            Err(error) => report.fail(error),
        }
    }

    async fn sweep_stages(&self, report: Report, how: &Sweep) -> Report {
        let sweep = aws_stage::sweep(&self.ivs_realtime, &self.stages, &self.participants, Timestamp::now(), how);
        let metrics = ["Stages", "OrphanStagesDeleted", "StageCreatesEnded", "StageDeletesFinished"];
        match timeout(PART, sweep).await {
            Ok(swept) => count(report, metrics, swept),
            Err(_) => report.fail(too_long("stages")),
        }
    }

    async fn sweep_channels(&self, report: Report, how: &Sweep) -> Report {
        let sweep = aws_channel::sweep(&self.ivs, &self.channels, Timestamp::now(), how);
        let metrics = ["Channels", "OrphanChannelsDeleted", "ChannelCreatesEnded", "ChannelDeletesFinished"];
        match timeout(PART, sweep).await {
            Ok(swept) => count(report, metrics, swept),
            Err(_) => report.fail(too_long("channels")),
        }
    }
}

/// What a sweep did, also if it failed in part.
fn count(report: Report, metrics: [&'static str; 4], (swept, result): (Swept, Result<(), Error>)) -> Report {
    let counts = [swept.listed, swept.orphans, swept.creates_ended, swept.deletes_finished];
    let report = metrics.into_iter().zip(counts).fold(report, |report, (metric, n)| report.count(metric, n));
    match result {
        Ok(()) => report,
        Err(error) => report.fail(error),
    }
}

/// The next run goes on.
fn too_long(what: &str) -> Error {
    Error::unavailable(format!("there was not enough time for the {what}"))
}

#[cfg(test)]
mod tests {
    use lambda::event::Ordered;
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn an_order_is_taken_as_it_is_spelt_or_not_at_all() {
        let order = |order| from_value(order).map(|Ordered(order)| order);
        let Order { max_orphans, only } = order(json!({"maxOrphans": 3})).unwrap();
        assert_eq!((max_orphans, only), (Some(3), None));
        assert_eq!(order(json!({"only": "streams"})).unwrap().only, Some(Part::Streams));
        for misspelt in [
            json!({"maxorphans": 3}),
            json!({"max_orphans": 3}),
            json!({"maxOrphans": "3"}),
            json!({"maxOrphans": -1}),
            json!({"orphans": 9}),
            json!({"maxOrphans": 3, "dryRun": true}),
            json!({"only": "stages"}),
            json!({"only": ["streams"]}),
            json!([3]),
            json!("servers"),
        ] {
            let refused = order(misspelt.clone()).unwrap_err().to_string();
            assert!(refused.starts_with("the order is not understood: "), "{misspelt}: {refused}");
        }
    }

    #[test]
    fn a_schedule_that_tells_nothing_orders_a_whole_run() {
        let event = json!({"detail-type": "Scheduled Event", "source": "aws.scheduler", "detail": "{}"});
        let Ordered(Order { max_orphans, only }) = from_value(event).unwrap();
        assert_eq!((max_orphans, only), (None, None));
    }
}
