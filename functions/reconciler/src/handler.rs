//! One part after the other; what one fails with, or takes too long for, does not keep the others from their work.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_channel::{ChannelIvs, ChannelTable};
use aws_claim::{SweepOutcome, SweepRun, Sweeping};
use aws_fleet::Ecs;
use aws_publishers::PublisherIvs;
use aws_recovery_queue::RecoveryQueue;
use aws_room::{RoomIvs, RoomTable, SubjectTables};
use aws_server::ServerTable;
use aws_session::SessionTable;
use aws_stage::{StageIvs, StageTable};
use aws_stream::StreamTable;
use aws_stream_listing::StreamIvs;
use aws_task::Ec2;
use lambda::event::Report;
use model::channel::Channel;
use model::claim::Resource;
use model::room::Room;
use model::stage::Stage;
use model::sweep::{Sweep, Swept};
use model::{Error, Timestamp};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout, timeout_at};

/// How long the servers may take.
const SERVERS: Duration = Duration::from_secs(70);
/// When stages and channels are given up, from the start of the run: before the function's timeout, 240 seconds, with what
/// is under way. At 60 pages of a hundred a minute, the two minutes that they have at least are for 12,000 of each.
const SWEEPS: Duration = Duration::from_secs(225);
/// How long the names of what was left halfway may take to be handed over after that: a sweep whose time is up has some, too.
const HAND_OVER: Duration = Duration::from_secs(10);
/// How long the streams may take: less than the minute until their next run.
const STREAMS: Duration = Duration::from_secs(25);
/// How long the sessions of stages may take: less than the minute until their next run.
const SESSIONS: Duration = Duration::from_secs(50);
/// When stages are asked about no more, so that what is under way is done by then.
const ASKING: Duration = Duration::from_secs(45);

/// How many failures of a sweep are told.
const MOST_FAILURES: usize = 5;

/// What was repaired, because no event or request had told of it. Not what is on air: a stream that begins or ends as it
/// is listed is one whose event is still under way.
const DRIFT: [&str; 8] = [
    "ServersAdded",
    "ServersRemoved",
    "OrphanStagesDeleted",
    "StagesUnfinished",
    "OrphanChannelsDeleted",
    "ChannelsUnfinished",
    "OrphanRoomsDeleted",
    "RoomsUnfinished",
];

/// What a run needs.
pub(crate) struct Handler {
    pub(crate) servers: ServerTable,
    pub(crate) ecs: Ecs,
    pub(crate) ec2: Ec2,
    pub(crate) stages: StageTable,
    pub(crate) ivs_realtime: StageIvs,
    pub(crate) stage_sweep: Mutex<Sweeping<Stage>>,
    pub(crate) channels: ChannelTable,
    pub(crate) ivs: ChannelIvs,
    pub(crate) channel_sweep: Mutex<Sweeping<Channel>>,
    pub(crate) rooms: RoomTable,
    pub(crate) subjects: SubjectTables,
    pub(crate) ivs_chat: RoomIvs,
    pub(crate) room_sweep: Mutex<Sweeping<Room>>,
    pub(crate) recovery: RecoveryQueue,
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
        let until = Instant::now() + SWEEPS;
        let report = Report::new("reconciled");
        match order.only {
            Some(Part::Servers) => return Ok(self.reconcile_servers(report).await),
            Some(Part::Streams) => return Ok(self.reconcile_streams(report).await),
            Some(Part::Sessions) => return Ok(self.reconcile_sessions(report).await),
            None => {}
        }
        let report = self.reconcile_streams(report).await;
        let report = self.reconcile_servers(report).await;
        let run = SweepRun { now: Timestamp::now(), until, how: Sweep { max_orphans: order.max_orphans } };
        // Three services, each with rates of its own.
        let (stages, channels, (rooms, newly_reviewed)) =
            tokio::join!(self.sweep_stages(&run), self.sweep_channels(&run), self.sweep_rooms(&run));
        let is_whole = [&stages, &channels, &rooms].iter().all(|(swept, ..)| !swept.is_incomplete);
        let metrics = ["Stages", "OrphanStagesDeleted", "StagesUnfinished"];
        let report = count(report, metrics, "stages", stages);
        let metrics = ["Channels", "OrphanChannelsDeleted", "ChannelsUnfinished"];
        let report = count(report, metrics, "channels", channels);
        let metrics = ["Rooms", "OrphanRoomsDeleted", "RoomsUnfinished"];
        let report = count(report, metrics, "rooms", rooms);
        // Rare: after a change of a parameter.
        let report = if newly_reviewed > 0 { report.log("rooms.newlyReviewed", newly_reviewed) } else { report };
        let report = report.count_sum("Drift", &DRIFT);
        Ok(if is_whole { report.count_success("Reconciliations") } else { report })
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
        let part = timeout(SERVERS, aws_fleet::reconcile(&self.servers, &self.ecs, &self.ec2, Timestamp::now()));
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
        let (now, ask_until) = (Timestamp::now(), Instant::now() + ASKING);
        let part = aws_publishers::reconcile(&self.publisher_ivs, &self.sessions, now, ask_until);
        match timeout(SESSIONS, part).await.unwrap_or_else(|_| Err(too_long("sessions of stages"))) {
            Ok(drift) => report
                .log("stages.active", drift.active)
                .log("stages.asked", drift.asked)
                .log("publishers.added", drift.added)
                .log("publishers.ended", drift.ended),
            Err(error) => report.fail(error),
        }
    }

    async fn sweep_stages(&self, run: &SweepRun) -> (Swept, usize, Vec<Error>) {
        let mut sweeping = self.stage_sweep.lock().await;
        let (left, outcome) = tokio::join!(
            aws_stage::unfinished(&self.stages, run.now),
            aws_stage::sweep(&self.ivs_realtime, &self.stages, &mut sweeping, run)
        );
        self.hand_over(left, outcome, run).await
    }

    async fn sweep_channels(&self, run: &SweepRun) -> (Swept, usize, Vec<Error>) {
        let mut sweeping = self.channel_sweep.lock().await;
        let (left, outcome) = tokio::join!(
            aws_channel::unfinished(&self.channels, run.now),
            aws_channel::sweep(&self.ivs, &self.channels, &mut sweeping, run)
        );
        self.hand_over(left, outcome, run).await
    }

    async fn sweep_rooms(&self, run: &SweepRun) -> ((Swept, usize, Vec<Error>), usize) {
        let mut sweeping = self.room_sweep.lock().await;
        let (left, (outcome, newly_reviewed)) = tokio::join!(
            aws_room::unfinished(&self.rooms, run.now),
            aws_room::sweep(&self.ivs_chat, &self.rooms, &self.subjects, &mut sweeping, run)
        );
        (self.hand_over(left, outcome, run).await, newly_reviewed)
    }

    /// Has what was left halfway recovered by whoever does nothing else: what was swept, how many names those are, and
    /// what failed.
    async fn hand_over<R: Resource>(
        &self,
        left: Result<Vec<R::Name>, Error>,
        outcome: SweepOutcome<R>,
        run: &SweepRun,
    ) -> (Swept, usize, Vec<Error>) {
        let mut failures: Vec<Error> = outcome.result.err().into_iter().collect();
        let left = left.unwrap_or_else(|error| {
            failures.push(error);
            Vec::new()
        });
        let names: BTreeSet<String> = left.iter().chain(&outcome.unfinished).map(ToString::to_string).collect();
        let mut handed = 0;
        for name in &names {
            match timeout_at(run.until + HAND_OVER, self.recovery.ask(R::KIND, name)).await {
                Ok(Ok(())) => handed += 1,
                Ok(Err(error)) => failures.push(error),
                Err(_) => {
                    failures.push(too_long("names that were left halfway"));
                    break;
                }
            }
        }
        // A thousand names mostly fail of one cause.
        failures.truncate(MOST_FAILURES);
        (outcome.swept, handed, failures)
    }
}

/// What a sweep did, also if it failed in part.
fn count(
    report: Report,
    [listed, deleted, unfinished]: [&'static str; 3],
    kind: &str,
    (swept, handed, failures): (Swept, usize, Vec<Error>),
) -> Report {
    let report = report.count(listed, swept.listed).count(deleted, swept.orphans_deleted).count(unfinished, handed);
    let waiting = swept.orphans - swept.orphans_deleted;
    let report = if waiting > 0 { report.log(&format!("{kind}.orphans"), waiting) } else { report };
    // There was no time for the rest.
    let report = if swept.is_incomplete { report.log(&format!("{kind}.continued"), true) } else { report };
    failures.into_iter().fold(report, Report::fail)
}

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
