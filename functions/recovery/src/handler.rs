//! Sort the messages by kind, call one operation of each, report which have to come again.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use aws_channel::{ChannelIvs, ChannelTable, ViewerTable};
use aws_claim::{Recovering, Recovery};
use aws_recovery_queue::RecoveryQueue;
use aws_room::{RoomIvs, RoomRows, RoomTable, SubjectTables};
use aws_stage::{ParticipantRows, StageIvs, StageTable};
use lambda::event::Report;
use lambda::queue::{Handled, Message};
use model::channel::Channel;
use model::claim::Resource;
use model::recovery::{Recovered, RecoveryOrder};
use model::room::Room;
use model::stage::Stage;
use model::{ClaimId, Error, Timestamp};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long IVS may be listed, and how long a run may take. At 90 pages of a hundred a minute, this is for 11,000 stages:
/// of more, the next run of the instance goes on with the listing. At the same time, names are adopted, at 144 a minute. The
/// function's timeout in template.yaml is longer by what it takes to leave what is left to another run.
const LISTING: Duration = Duration::from_secs(75);
const RUN: Duration = Duration::from_secs(105);
/// How long a claim of this function's holds a name after the function has died. It renews them while it lives; one that
/// it could not renew may be taken over, and what it does under it then changes nothing.
const LEASE: Duration = Duration::from_secs(30);

/// What the kinds need.
pub(crate) struct Handler {
    pub(crate) stages: StageTable,
    pub(crate) participants: ParticipantRows,
    pub(crate) ivs_realtime: StageIvs,
    pub(crate) stages_recovering: Mutex<Recovering<Stage>>,
    pub(crate) channels: ChannelTable,
    pub(crate) ivs: ChannelIvs,
    pub(crate) channels_recovering: Mutex<Recovering<Channel>>,
    pub(crate) viewers: ViewerTable,
    pub(crate) rooms: RoomTable,
    pub(crate) room_rows: RoomRows,
    pub(crate) ivs_chat: RoomIvs,
    pub(crate) subjects: SubjectTables,
    pub(crate) rooms_recovering: Mutex<Recovering<Room>>,
    /// A room whose stage's or channel's delete is finished here is ended by another message.
    pub(crate) recovery: RecoveryQueue,
}

impl Handler {
    pub(crate) async fn handle(&self, messages: Vec<Message<RecoveryOrder>>) -> Result<Handled, Error> {
        let (now, started) = (Timestamp::now(), Instant::now());
        let how =
            Recovery { attempt: ClaimId::random()?, lease: LEASE, list_until: started + LISTING, until: started + RUN };
        let mut orders = Orders::of(messages);
        let (stages, asked_for_stages) = orders.take::<Stage>();
        let (channels, asked_for_channels) = orders.take::<Channel>();
        let (rooms, asked_for_rooms) = orders.take::<Room>();
        for order in orders.0.keys() {
            tracing::error!(
                kind = order.kind,
                name = order.name,
                "a message was dropped: there is no such kind or name"
            );
        }
        // An instance does one run at a time.
        let mut of_stages = self.stages_recovering.lock().await;
        let mut of_channels = self.channels_recovering.lock().await;
        let mut of_rooms = self.rooms_recovering.lock().await;
        let (of_stages, of_channels, of_rooms) = tokio::join!(
            aws_stage::recover(
                &self.ivs_realtime,
                &self.stages,
                &self.participants,
                &self.recovery,
                &mut of_stages,
                now,
                &stages,
                &how
            ),
            aws_channel::recover(
                &self.ivs,
                &self.channels,
                &self.viewers,
                &self.recovery,
                &mut of_channels,
                now,
                &channels,
                &how
            ),
            aws_room::recover(
                &self.ivs_chat,
                &self.rooms,
                &self.room_rows,
                &self.subjects,
                &mut of_rooms,
                now,
                &rooms,
                &how
            ),
        );
        let mut tally = Tally::default();
        let results = of_stages.into_iter().chain(of_channels).chain(of_rooms);
        let asked_for = asked_for_stages.into_iter().chain(asked_for_channels).chain(asked_for_rooms);
        for (result, ids) in results.zip(asked_for) {
            tally.count(result, ids);
        }
        Ok(tally.handled())
    }
}

/// The messages by what they ask for: many callers may ask for one name.
struct Orders(BTreeMap<RecoveryOrder, Vec<String>>);

impl Orders {
    fn of(messages: Vec<Message<RecoveryOrder>>) -> Self {
        let mut orders: BTreeMap<_, Vec<String>> = BTreeMap::new();
        for Message { id, body, .. } in messages {
            orders.entry(body).or_default().push(id);
        }
        Self(orders)
    }

    /// The names of a kind, and the messages that ask for each.
    fn take<R: Resource>(&mut self) -> (Vec<R::Name>, Vec<Vec<String>>) {
        let name = |order: &RecoveryOrder| R::Name::from_str(&order.name).ok().filter(|_| order.kind == R::KIND);
        let of_kind = self.0.extract_if(.., |order, _| name(order).is_some());
        of_kind.filter_map(|(order, ids)| Some((name(&order)?, ids))).unzip()
    }
}

/// What became of the names.
#[derive(Default)]
struct Tally {
    names: usize,
    adopted: usize,
    released: usize,
    deletes_finished: usize,
    busy: usize,
    failures: Vec<Error>,
    again: Vec<String>,
}

impl Tally {
    fn count(&mut self, result: Result<Recovered, Error>, ids: Vec<String>) {
        self.names += 1;
        match result {
            Ok(Recovered::Nothing) => {}
            Ok(Recovered::Adopted) => self.adopted += 1,
            Ok(Recovered::Released) => self.released += 1,
            Ok(Recovered::DeleteFinished) => self.deletes_finished += 1,
            Ok(Recovered::Busy) => {
                self.busy += 1;
                self.again.extend(ids);
            }
            Err(error) => {
                self.failures.push(error);
                self.again.extend(ids);
            }
        }
    }

    fn handled(self) -> Handled {
        let recovered = self.adopted + self.released + self.deletes_finished;
        let outcome = if recovered > 0 { "recovered" } else { "no news" };
        let failed = self.failures.len();
        let report = Report::new(outcome)
            .log("names", self.names)
            .log("adopted", self.adopted)
            .log("released", self.released)
            .log("deletesFinished", self.deletes_finished)
            .log("busy", self.busy)
            .count("Recovered", recovered)
            .count("RecoveriesFailed", failed);
        // A hundred names mostly fail of one cause.
        let report = match self.failures.into_iter().next() {
            Some(failure) => report.fail(failure),
            None => report,
        };
        Handled { report, again: self.again }
    }
}

#[cfg(test)]
mod tests {
    use lambda::queue::Envelope;

    use super::*;

    fn message(id: &str, kind: &str, name: &str) -> Message<RecoveryOrder> {
        let body = RecoveryOrder { kind: kind.to_owned(), name: name.to_owned() };
        Message { id: id.to_owned(), body, envelope: Envelope::default() }
    }

    #[test]
    fn a_name_that_many_ask_for_is_recovered_once() {
        let mut orders = Orders::of(vec![
            message("1", "stage", "demo"),
            message("2", "channel", "demo"),
            message("3", "stage", "demo"),
            message("4", "stage", "no/name"),
            message("5", "room", "demo"),
            message("6", "room", "stage/demo"),
        ]);
        let (stages, asked) = orders.take::<Stage>();
        assert_eq!((stages, asked), (vec!["demo".parse().unwrap()], vec![vec!["1".to_owned(), "3".to_owned()]]));
        let (channels, asked) = orders.take::<Channel>();
        assert_eq!((channels, asked), (vec!["demo".parse().unwrap()], vec![vec!["2".to_owned()]]));
        let (rooms, asked) = orders.take::<Room>();
        assert_eq!((rooms, asked), (vec!["stage/demo".parse().unwrap()], vec![vec!["6".to_owned()]]));
        assert_eq!(orders.0.into_values().flatten().collect::<Vec<_>>(), ["5", "4"]);
    }

    #[test]
    fn a_run_ends_before_the_function_does() {
        let template = include_str!("../../../template.yaml");
        let function = template.split("\n  RecoveryFunction:\n").nth(1).unwrap();
        let timeout = function.split("\n      Timeout: ").nth(1).and_then(|rest| rest.split('\n').next()).unwrap();
        let timeout = Duration::from_secs(timeout.parse().unwrap());
        // A call is given up after five seconds.
        let call = Duration::from_secs(5);
        assert!(LISTING < RUN && RUN + 2 * call < timeout);
    }

    #[test]
    fn what_failed_or_is_held_by_another_comes_again_and_nothing_else() {
        let mut tally = Tally::default();
        tally.count(Ok(Recovered::Adopted), vec!["1".to_owned()]);
        tally.count(Ok(Recovered::Busy), vec!["2".to_owned(), "3".to_owned()]);
        tally.count(Err(Error::unavailable("IVS throttles")), vec!["4".to_owned()]);
        tally.count(Ok(Recovered::Nothing), vec!["5".to_owned()]);
        assert_eq!(tally.handled().again, ["2", "3", "4"]);
    }
}
