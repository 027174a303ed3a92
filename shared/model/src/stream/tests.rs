//! The rules against every order of events: a model of one channel's broadcasts, of events about them that are lost,
//! doubled, late and out of order, and of listings that are behind. Any number of invocations read and write the row,
//! interleaved; a write is admitted on top of the row that was read alone, as DynamoDB admits it by its version
//! (`tests/` runs the same lives through the real one).

use std::collections::BinaryHeap;

use ::time::macros::datetime;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

/// One broadcast, as it really was, in milliseconds.
#[derive(Debug, Clone)]
struct Session {
    id: StreamId,
    created: u64,
    started: u64,
    /// `None`: it is still on air.
    ended: Option<u64>,
}

/// What a channel really did, and what becomes of the events about it.
#[derive(Debug, Clone)]
struct Life {
    sessions: Vec<Session>,
    arrivals: Vec<Arrival>,
}

/// An event on its way.
#[derive(Debug, Clone)]
struct Arrival {
    news: News,
    /// When the function reads the row, and how long it takes to write it.
    at: u64,
    takes: u64,
}

/// How events travel.
#[derive(Debug, Clone, Copy)]
struct Travel {
    /// How often each arrives at least.
    least: usize,
    /// How late each may be.
    longest: u64,
}

/// Every event arrives, before it is too old to be believed.
const SAFE: Travel = Travel { least: 1, longest: 120_000 };
/// Any may be lost, and come hours later.
const LOSSY: Travel = Travel { least: 0, longest: 3 * 3_600_000 };

fn time(millis: u64) -> Timestamp {
    Timestamp::try_from(datetime!(2026-03-01 12:00 UTC)).unwrap() + Duration::from_millis(millis)
}

fn sessions() -> impl Strategy<Value = Vec<Session>> {
    // Reconnects within a second, which events cannot tell apart, and such that take their time.
    let pause = || prop_oneof![3 => 1..400u64, 2 => 400..3000u64, 2 => 3000..90_000u64];
    (vec((pause(), pause(), pause()), 1..5), any::<bool>()).prop_map(|(spans, is_on)| {
        let (last, mut clock) = (spans.len() - 1, 0);
        let spans = spans.into_iter().enumerate();
        spans
            .map(|(number, (before, preparing, on_air))| {
                let created = clock + before;
                let started = created + preparing.min(900);
                clock = started + on_air;
                let id = format!("st-{number}").parse().unwrap();
                Session { id, created, started, ended: (number < last || !is_on).then_some(clock) }
            })
            .collect()
    })
}

impl Travel {
    /// How an event comes that happened at that time, as numbers drawn for it decide.
    fn arrivals(self, news: &News, at: u64, drawn: [u64; 2]) -> impl Iterator<Item = Arrival> {
        let times = self.least + usize::try_from(drawn[0] % 3).unwrap() % (3 - self.least);
        let each = drawn.into_iter().take(times);
        each.map(move |drawn| {
            let longest = if drawn >> 8 & 1 == 0 { 2000 } else { self.longest };
            let (late, takes) = ((drawn >> 16) % longest, (drawn >> 48) % 2000);
            Arrival { news: news.clone(), at: at + late, takes }
        })
    }
}

/// Events about these sessions: `Session Ended` and `Stream End` in any order.
fn said(sessions: &[Session]) -> Vec<(u64, News)> {
    let said = sessions.iter().flat_map(|session| {
        let ends = session.ended.into_iter().flat_map(|at| [(at, Happening::Ended), (at + 300, Happening::Ended)]);
        let begins = [(session.created, Happening::Created), (session.started, Happening::Started)];
        let told = begins.into_iter().chain(ends);
        told.map(|(at, what)| (at, News { session: session.id.clone(), at: time(at).whole_seconds(), what }))
    });
    said.collect()
}

fn life(travel: Travel) -> impl Strategy<Value = Life> {
    (sessions(), vec(any::<u64>(), 32)).prop_map(move |(sessions, drawn)| {
        let said = said(&sessions);
        let each = said.iter().zip(drawn.chunks(2));
        let arrivals = each.flat_map(|((at, news), drawn)| travel.arrivals(news, *at, [drawn[0], drawn[1]]));
        Life { arrivals: arrivals.collect(), sessions }
    })
}

/// A listing under way: when it begins, how far it is behind, and how long the row's read and write take.
#[derive(Debug, Clone)]
struct Listing {
    began: Index,
    behind: u64,
    reads: u64,
    writes: u64,
}

fn listings() -> impl Strategy<Value = Vec<Listing>> {
    let listing = (any::<Index>(), prop_oneof![0..500u64, 0..14_000u64], 0..3000u64, 0..3000u64);
    vec(listing.prop_map(|(began, behind, reads, writes)| Listing { began, behind, reads, writes }), 0..4)
}

/// What happens next.
#[derive(Debug, Clone)]
enum Step {
    Deliver(Arrival),
    /// On top of the row of that version.
    Write(Option<StreamRow>, usize, Arrival),
    List {
        began: u64,
        behind: u64,
        reads: u64,
        writes: u64,
    },
    Compare {
        began: u64,
        listed: Option<Listed>,
        was_live: bool,
        writes: u64,
    },
    Repair(Option<StreamRow>, usize),
}

struct World {
    sessions: Vec<Session>,
    row: Option<StreamRow>,
    /// How often it was written.
    version: usize,
    /// By time, the earliest first; then in the order of insertion.
    steps: BinaryHeap<(std::cmp::Reverse<u64>, std::cmp::Reverse<usize>)>,
    queued: Vec<Option<Step>>,
}

impl World {
    fn new(life: &Life) -> Self {
        let mut world = Self {
            sessions: life.sessions.clone(),
            row: None,
            version: 0,
            steps: BinaryHeap::new(),
            queued: Vec::new(),
        };
        for arrival in &life.arrivals {
            world.queue(arrival.at, Step::Deliver(arrival.clone()));
        }
        world
    }

    fn queue(&mut self, at: u64, step: Step) {
        self.steps.push((std::cmp::Reverse(at), std::cmp::Reverse(self.queued.len())));
        self.queued.push(Some(step));
    }

    /// Does everything that is queued, and answers when the last of it was.
    fn run(&mut self) -> u64 {
        let mut last = self.sessions.iter().map(|session| session.ended.unwrap_or(session.started)).max().unwrap();
        while let Some((std::cmp::Reverse(at), std::cmp::Reverse(number))) = self.steps.pop() {
            let step = self.queued[number].take().unwrap();
            self.step(at, step);
            last = last.max(at);
        }
        last
    }

    fn step(&mut self, at: u64, step: Step) {
        match step {
            Step::Deliver(arrival) => self.judge(at, arrival),
            Step::Write(next, over, arrival) => {
                if !self.write(next, over) {
                    self.judge(at, arrival);
                }
            }
            Step::List { began, behind, reads, writes } => {
                let listed = self.on_air(began.saturating_sub(behind)).map(|session| Listed {
                    arn: channel().arn,
                    session: session.id.clone(),
                    started_at: time(session.started),
                    viewer_count: Some(1),
                    health: Health::Healthy,
                });
                let was_live = self.row.as_ref().is_some_and(|row| matches!(row.state, State::Live(_)));
                self.queue(at + reads, Step::Compare { began, listed, was_live, writes });
            }
            Step::Compare { began, listed, was_live, writes } => {
                let next = match listed {
                    Some(listed) => match judge_listed(&channel(), self.row.as_ref(), &listed, time(began)) {
                        Verdict::Write(next) => Some(next),
                        _ => None,
                    },
                    None if was_live => self.row.as_ref().and_then(|row| judge_unlisted(row, time(began))),
                    None => None,
                };
                if next.is_some() {
                    self.queue(at + writes, Step::Repair(next, self.version));
                }
            }
            Step::Repair(next, over) => {
                self.write(next, over);
            }
        }
    }

    fn judge(&mut self, at: u64, arrival: Arrival) {
        let verdict = judge(Some(&channel()), self.row.as_ref(), &channel().arn, &arrival.news, time(at));
        if let Verdict::Write(next) = verdict {
            self.queue(at + arrival.takes, Step::Write(Some(next), self.version, arrival));
        }
    }

    fn write(&mut self, next: Option<StreamRow>, over: usize) -> bool {
        if self.version != over {
            return false;
        }
        self.row = next;
        self.version += 1;
        true
    }

    fn on_air(&self, at: u64) -> Option<&Session> {
        self.sessions.iter().find(|session| session.started <= at && session.ended.is_none_or(|ended| at < ended))
    }

    /// The session that the table says is on air.
    fn told(&self) -> Option<StreamId> {
        let live = self.row.as_ref().filter(|row| matches!(row.state, State::Live(_)));
        live.map(|row| row.session.clone())
    }

    fn truth(&self) -> Option<StreamId> {
        self.on_air(u64::MAX).map(|session| session.id.clone())
    }
}

fn channel() -> StreamChannel {
    StreamChannel {
        name: "demo".parse().unwrap(),
        arn: "arn:aws:ivs:us-east-1:000000000000:channel/abc".parse().unwrap(),
        private: false,
        playback_url: "https://p.example/x.m3u8".to_owned(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_events_ends_in_what_truly_is(life in life(SAFE)) {
        let mut world = World::new(&life);
        world.run();
        prop_assert_eq!(world.told(), world.truth(), "{:?}", world.row);
    }

    #[test]
    fn one_listing_makes_up_for_any_loss(life in life(LOSSY), earlier in listings()) {
        let mut world = World::new(&life);
        let last = world.run();
        for Listing { began, behind, reads, writes } in earlier {
            let began = began.index(usize::try_from(last).unwrap() + 1) as u64;
            world.queue(began, Step::List { began, behind, reads, writes });
        }
        let quiet = world.run().max(last) + 20_000;
        world.queue(quiet, Step::List { began: quiet, behind: 0, reads: 1, writes: 1 });
        world.run();
        prop_assert_eq!(world.told(), world.truth(), "{:?}", world.row);
        if let Some(session) = world.on_air(u64::MAX) {
            let row = world.row.as_ref().unwrap();
            prop_assert_eq!(row.started_at, Some(time(session.started)));
            prop_assert!(row.on_air(time(quiet) + Duration::from_secs(149)).is_some());
            prop_assert!(row.on_air(time(quiet) + LEASE).is_none());
        }
    }

    #[test]
    fn a_listing_amid_the_events_does_no_harm(life in life(SAFE), listings in listings()) {
        let mut world = World::new(&life);
        let until = life.arrivals.iter().map(|arrival| arrival.at).max().unwrap_or_default() + 1;
        for Listing { began, behind, reads, writes } in listings {
            let began = began.index(usize::try_from(until).unwrap()) as u64;
            world.queue(began, Step::List { began, behind, reads, writes });
        }
        world.run();
        prop_assert_eq!(world.told(), world.truth(), "{:?}", world.row);
    }

    #[test]
    fn listing_twice_is_listing_once(life in life(LOSSY)) {
        let mut world = World::new(&life);
        let quiet = world.run() + 20_000;
        for _ in 0..2 {
            world.queue(quiet, Step::List { began: quiet, behind: 0, reads: 0, writes: 0 });
        }
        world.run();
        let once = (world.row.clone(), world.version);
        world.queue(quiet, Step::List { began: quiet, behind: 0, reads: 0, writes: 0 });
        world.run();
        prop_assert_eq!((world.row, world.version), once);
    }

    #[test]
    fn what_is_too_old_to_be_believed_changes_nothing_that_a_listing_has_told(life in life(LOSSY)) {
        let mut world = World::new(&Life { arrivals: Vec::new(), ..life.clone() });
        let listed = world.run() + 200_000;
        world.queue(listed, Step::List { began: listed, behind: 0, reads: 0, writes: 0 });
        world.run();
        for arrival in life.arrivals {
            world.queue(listed + arrival.at, Step::Deliver(arrival));
        }
        world.run();
        prop_assert_eq!(world.told(), world.truth(), "{:?}", world.row);
    }
}

fn id(number: u32) -> StreamId {
    format!("st-{number}").parse().unwrap()
}

fn news(what: Happening, session: u32, second: u64) -> News {
    News { session: id(session), at: time(second * 1000), what }
}

fn started(session: u32, second: u64) -> News {
    news(Happening::Started, session, second)
}

fn ended(session: u32, second: u64) -> News {
    news(Happening::Ended, session, second)
}

fn starving(session: u32, second: u64) -> News {
    news(Happening::Health(Health::Starving), session, second)
}

/// The row of session `number`, on air since that second.
fn live(number: u32, second: u64) -> StreamRow {
    StreamRow {
        channel: channel(),
        source: Source::Ivs,
        session: id(number),
        started_at: Some(time(second * 1000)),
        state: State::Live(Live::at(time(second * 1000))),
        ended: Vec::new(),
        rivals: Vec::new(),
    }
}

fn listed(session: u32, second: u64) -> Listed {
    Listed {
        arn: channel().arn,
        session: id(session),
        started_at: time(second * 1000 + 250),
        viewer_count: Some(7),
        health: Health::Healthy,
    }
}

/// Tells these events one after the other, each in the second after it happened at the earliest.
fn tell(row: Option<StreamRow>, told: impl IntoIterator<Item = News>) -> (Option<StreamRow>, Vec<&'static str>) {
    let mut latest = time(0);
    told.into_iter().fold((row, Vec::new()), |(row, mut came), news| {
        latest = latest.max(news.at + Duration::from_secs(1));
        let verdict = judge(Some(&channel()), row.as_ref(), &channel().arn, &news, latest);
        came.push(match &verdict {
            Verdict::Foreign => "foreign",
            Verdict::Stale => "stale",
            Verdict::NoNews => "no news",
            Verdict::Write(row) if matches!(row.state, State::Live(_)) => "live",
            Verdict::Write(_) => "offline",
        });
        match verdict {
            Verdict::Write(next) => (Some(next), came),
            _ => (row, came),
        }
    })
}

/// The session on air after a listing that began at that second, and when it began.
fn list(row: &StreamRow, listed: &Listed, began: u64) -> Option<(StreamId, Option<Timestamp>)> {
    let row = match judge_listed(&channel(), Some(row), listed, time(began * 1000)) {
        Verdict::Write(next) => next,
        _ => row.clone(),
    };
    matches!(row.state, State::Live(_)).then_some((row.session, row.started_at))
}

#[test]
fn a_late_end_of_an_earlier_session_does_not_end_a_later_one() {
    let (row, came) = tell(None, [started(1, 10), started(2, 20), ended(1, 19)]);
    assert_eq!(came, ["live", "live", "live"]);
    assert_eq!(row.unwrap().session, id(2));
}

#[test]
fn a_late_start_does_not_bring_an_ended_session_back() {
    assert_eq!(tell(None, [started(1, 10), ended(1, 20), started(1, 10)]).1, ["live", "offline", "stale"]);
    // Nor one whose end has come long ago, whatever was on air since.
    let (_, came) = tell(None, [ended(1, 20), started(2, 21), ended(2, 22), started(1, 10)]);
    assert_eq!(came[3], "stale");
}

#[test]
fn an_end_that_comes_before_its_start_ends_it() {
    let (row, came) = tell(None, [ended(1, 10), started(1, 10)]);
    assert_eq!(came, ["offline", "stale"]);
    assert_eq!(row.unwrap().state, State::Offline { ended_at: time(10_000) });
    assert_eq!(tell(Some(live(1, 5)), [ended(2, 20), started(2, 15), ended(1, 12)]).1, ["live", "stale", "offline"]);
}

#[test]
fn what_is_told_twice_is_told_once() {
    let told = [started(1, 10), started(1, 10), ended(1, 20), ended(1, 20), ended(1, 21)];
    assert_eq!(tell(None, told).1, ["live", "no news", "offline", "no news", "no news"]);
}

#[test]
fn a_late_start_of_an_earlier_session_does_not_replace_a_later_one() {
    let (row, came) = tell(None, [started(2, 20), started(1, 10)]);
    assert_eq!((row.unwrap().session, came[1]), (id(2), "stale"));
    // Nor does it once the later one has ended.
    assert_eq!(tell(None, [started(2, 20), ended(2, 30), started(1, 10)]).1[2], "stale");
}

#[test]
fn of_two_sessions_of_one_second_each_ends_for_itself() {
    for (told, on_air) in [
        ([started(1, 10), started(2, 10), ended(1, 10)], 2),
        ([started(2, 10), started(1, 10), ended(1, 10)], 2),
        ([started(2, 10), ended(1, 10), started(1, 10)], 2),
        ([ended(1, 10), started(1, 10), started(2, 10)], 2),
        ([started(1, 10), ended(1, 10), started(2, 10)], 2),
    ] {
        let (row, _) = tell(None, told.clone());
        let row = row.unwrap();
        assert!(row.on_air(time(11_000)).is_some() && row.session == id(on_air), "{told:?}");
        assert_eq!(tell(Some(row), [ended(2, 11)]).1, ["offline"], "{told:?}");
    }
    assert_eq!(tell(None, [started(1, 10), started(2, 10), started(2, 10)]).1[2], "no news");
}

#[test]
fn a_listing_tells_which_of_two_sessions_of_one_second_is_on_air() {
    let (row, _) = tell(None, [started(1, 10), started(2, 10)]);
    let row = row.unwrap();
    // At once, it may be behind; later, it is not.
    assert_eq!(list(&row, &listed(2, 10), 12), Some((id(1), row.started_at)));
    assert_eq!(list(&row, &listed(2, 10), 30), Some((id(2), Some(time(10_250)))));
    // The other one is over, then; but not by a listing that may be behind.
    for (began, next) in [(30, "offline"), (12, "live")] {
        let listing = judge_listed(&channel(), Some(&row), &listed(1, 10), time(began * 1000));
        let Verdict::Write(row) = listing else { panic!("{listing:?}") };
        assert_eq!(tell(Some(row), [ended(1, 40)]).1, [next], "{began}");
    }
    assert_eq!(judge_unlisted(&row, time(30_000)).unwrap().rivals, []);
}

#[test]
fn a_start_that_is_older_than_a_lease_is_not_believed() {
    let judged = |now| judge(Some(&channel()), None, &channel().arn, &started(1, 10), time(now));
    assert!(matches!(judged(159_999), Verdict::Write(_)));
    assert_eq!(judged(160_000), Verdict::Stale);
}

#[test]
fn what_nobody_confirms_is_believed_for_a_lease() {
    let row = live(1, 10);
    assert!(row.on_air(time(159_999)).is_some());
    assert!(row.on_air(time(160_000)).is_none());
}

#[test]
fn a_session_that_is_created_ends_the_earlier_one_and_is_not_on_air_yet() {
    let created = |session, second| news(Happening::Created, session, second);
    let (row, came) = tell(Some(live(1, 10)), [created(2, 20)]);
    assert_eq!((row.as_ref().unwrap().session.clone(), came[0]), (id(1), "offline"));
    let (_, came) = tell(row, [started(1, 10), started(2, 21), created(2, 20)]);
    assert_eq!(came, ["stale", "live", "no news"]);
    // With all that it may have been.
    let (row, _) = tell(None, [started(1, 10), started(2, 10), created(3, 20)]);
    assert_eq!(row.unwrap().rivals, []);
    // Its own, in the same second, a late one, one of a session that has ended, and none at all before.
    assert_eq!(
        tell(Some(live(1, 10)), [created(1, 9), created(1, 11), created(2, 10), created(2, 9)]).1,
        ["no news"; 4]
    );
    assert_eq!(tell(Some(live(1, 10)), [ended(2, 20), created(2, 15)]).1[1], "no news");
    assert_eq!(tell(None, [created(1, 9)]).1, ["no news"]);
}

#[test]
fn a_listing_that_began_before_an_event_arrived_changes_nothing() {
    let (row, _) = tell(None, [started(1, 10), ended(1, 100)]);
    let offline = row.unwrap();
    for began in [99, 101, 110] {
        assert_eq!(list(&offline, &listed(1, 10), began), None, "{began}");
    }
    // Of a session that has begun since, it does not know; nor that the one before it is over.
    let row = live(2, 100);
    assert_eq!(judge_unlisted(&row, time(99_000)), None);
    assert_eq!(judge_unlisted(&row, time(114_999)), None);
    assert_eq!(list(&row, &listed(1, 10), 101), Some((id(2), row.started_at)));
    // Not even if that one is over, too.
    let (row, _) = tell(Some(row), [ended(2, 101)]);
    assert_eq!(list(&row.unwrap(), &listed(1, 10), 102), None);
}

#[test]
fn a_listing_ends_what_it_does_not_have() {
    let ended = judge_unlisted(&live(1, 10), time(25_000)).unwrap();
    assert_eq!(ended.state, State::Offline { ended_at: time(25_000) });
    // A late start of it is no news; an end makes sure.
    assert_eq!(tell(Some(ended.clone()), [started(1, 10), news(Happening::Ended, 1, 24)]).1, ["stale", "offline"]);
    // Should IVS have been behind, the next listing tells.
    assert_eq!(list(&ended, &listed(1, 10), 26), None);
    assert_eq!(list(&ended, &listed(1, 10), 85), Some((id(1), Some(time(10_250)))));
    assert_eq!(judge_unlisted(&ended, time(90_000)), None);
}

#[test]
fn what_ivs_does_not_list_of_others_ends_with_its_lease() {
    let own = StreamRow { source: Source::SelfHosted, ..live(1, 10) };
    assert_eq!(judge_unlisted(&own, time(159_999)), None);
    let ended = judge_unlisted(&own, time(200_000)).unwrap();
    assert_eq!((ended.state, ended.source), (State::Offline { ended_at: time(160_000) }, Source::SelfHosted));
}

#[test]
fn a_session_that_began_before_another_one_ended_is_over_though_no_start_of_that_one_came() {
    let (row, came) = tell(None, [ended(2, 40), started(1, 10)]);
    assert_eq!((row.unwrap().session, came), (id(2), vec!["offline", "stale"]));
    // One that began just before may be the next: its end may be told late.
    assert_eq!(tell(None, [ended(2, 40), started(3, 39)]).1, ["offline", "live"]);
    // Nor does a listing that may be behind know better.
    let (row, _) = tell(None, [ended(2, 40)]);
    assert_eq!(list(&row.unwrap(), &listed(1, 10), 41), None);
}

#[test]
fn an_end_long_after_a_session_was_on_air_ends_it_though_it_is_anothers() {
    let (row, came) = tell(Some(live(1, 10)), [ended(2, 26), started(1, 10), started(2, 20), ended(1, 18)]);
    assert_eq!(came, ["offline", "stale", "stale", "offline"]);
    assert_eq!(row.unwrap().state, State::Offline { ended_at: time(26_000) });
    // It may have been told late of the one before.
    assert_eq!(tell(Some(live(1, 10)), [ended(0, 25)]).1, ["live"]);
    // With all that it may have been.
    let (row, _) = tell(None, [started(1, 10), started(2, 10), ended(3, 30)]);
    assert_eq!(row.unwrap().rivals, []);
    // A listing since then tells that it went on.
    let listing = judge_listed(&channel(), Some(&live(1, 10)), &listed(1, 10), time(60_000));
    let Verdict::Write(row) = listing else { panic!("{listing:?}") };
    assert_eq!(tell(Some(row), [ended(0, 26)]).1, ["live"]);
}

#[test]
fn a_listing_confirms_what_is_on_air_and_corrects_its_start() {
    let Verdict::Write(row) = judge_listed(&channel(), Some(&live(1, 10)), &listed(1, 10), time(60_000)) else {
        panic!()
    };
    let expected = Live { viewer_count: Some(7), health: Some(Health::Healthy), ..Live::at(time(60_000)) };
    assert_eq!((&row.state, row.started_at), (&State::Live(expected), Some(time(10_250))));
    // Twice is once, and an earlier one says nothing to it.
    for began in [60, 59] {
        assert_eq!(judge_listed(&channel(), Some(&row), &listed(1, 10), time(began * 1000)), Verdict::NoNews);
        assert_eq!(judge_unlisted(&row, time(began * 1000)), None);
    }
}

#[test]
fn a_listing_adds_what_no_event_has_told() {
    let Verdict::Write(row) = judge_listed(&channel(), None, &listed(1, 10), time(60_000)) else { panic!() };
    assert_eq!((row.session.clone(), row.started_at), (id(1), Some(time(10_250))));
    let later = judge_listed(&channel(), Some(&row), &listed(2, 100), time(120_000));
    assert!(matches!(later, Verdict::Write(row) if row.session == id(2)));
    // Whatever the row says of its order, a listing that is not behind is right.
    assert_eq!(list(&live(2, 30), &listed(1, 10), 60), Some((id(1), Some(time(10_250)))));
}

#[test]
fn a_session_that_ivs_goes_on_to_list_long_after_its_end_has_not_ended() {
    let (row, _) = tell(Some(live(1, 10)), [ended(1, 100)]);
    let row = row.unwrap();
    assert_eq!(list(&row, &listed(1, 10), 249), None);
    assert_eq!(list(&row, &listed(1, 10), 250), Some((id(1), Some(time(10_250)))));
    let Verdict::Write(row) = judge_listed(&channel(), Some(&row), &listed(1, 10), time(250_000)) else { panic!() };
    assert_eq!(tell(Some(row), [ended(1, 300)]).1, ["offline"]);
    // Of one that is not the latest, no listing can know better.
    let (row, _) = tell(Some(live(1, 10)), [ended(2, 20)]);
    assert_eq!(list(&row.unwrap(), &listed(2, 15), 400), Some((id(1), Some(time(10_000)))));
}

#[test]
fn health_follows_the_session_on_air() {
    let healthy = |session, second| news(Happening::Health(Health::Healthy), session, second);
    let health = |row: &Option<StreamRow>| match &row.as_ref().unwrap().state {
        State::Live(live) => live.health,
        State::Offline { .. } => None,
    };
    let (row, came) = tell(Some(live(1, 10)), [starving(1, 20), starving(1, 20)]);
    assert_eq!((health(&row), came), (Some(Health::Starving), vec!["live", "no news"]));
    // A late one, one of another session, and the better one of a second, are no news.
    let (row, came) = tell(row, [healthy(1, 19), healthy(2, 30), healthy(1, 20)]);
    assert_eq!((health(&row), came), (Some(Health::Starving), vec!["stale"; 3]));
    let (row, _) = tell(row, [healthy(1, 21), starving(1, 21)]);
    assert_eq!(health(&row), Some(Health::Starving));
    let (row, came) = tell(row, [healthy(1, 22), ended(1, 30), starving(1, 23)]);
    assert_eq!((health(&row), came), (None, vec!["live", "offline", "stale"]));
    assert_eq!(tell(None, [starving(1, 23)]).1, ["stale"]);
}

#[test]
fn of_an_event_and_a_listing_the_later_one_tells_health() {
    let health = |verdict| match verdict {
        Verdict::Write(StreamRow { state: State::Live(live), .. }) => live.health,
        _ => None,
    };
    let (row, _) = tell(Some(live(1, 10)), [starving(1, 50)]);
    let at = |began: u64| judge_listed(&channel(), row.as_ref(), &listed(1, 10), time(began * 1000));
    assert_eq!(health(at(64)), Some(Health::Starving));
    assert_eq!(health(at(65)), Some(Health::Healthy));
    let Verdict::Write(row) = at(65) else { panic!() };
    assert_eq!(tell(Some(row.clone()), [starving(1, 50)]).1, ["stale"]);
    assert_eq!(tell(Some(row), [starving(1, 51)]).1, ["live"]);
}

#[test]
fn a_channel_made_again_under_the_name_has_nothing_of_the_earlier_one() {
    let other = StreamChannel { arn: "arn:aws:ivs:us-east-1:000000000000:channel/new".parse().unwrap(), ..channel() };
    let on_air = live(1, 10);
    // What is on air of the earlier one may end; nothing of it begins.
    let judged = |row, news: &News| judge(Some(&other), row, &channel().arn, news, time(20_000));
    assert!(matches!(judged(Some(&on_air), &ended(1, 15)), Verdict::Write(row) if row.channel == channel()));
    assert_eq!(judged(Some(&on_air), &started(2, 15)), Verdict::Foreign);
    assert_eq!(judged(None, &ended(1, 15)), Verdict::Foreign);
    let gone = judge(None, Some(&on_air), &channel().arn, &ended(1, 15), time(20_000));
    assert!(matches!(gone, Verdict::Write(StreamRow { state: State::Offline { .. }, .. })));
    assert_eq!(judge(None, None, &channel().arn, &started(1, 15), time(20_000)), Verdict::Foreign);
    // The new one begins as if nothing had been.
    let ours = |news| judge(Some(&other), Some(&on_air), &other.arn, &news, time(20_000));
    let Verdict::Write(row) = ours(started(3, 5)) else { panic!() };
    assert_eq!((row.channel, row.session, row.ended), (other.clone(), id(3), Vec::new()));
    assert!(matches!(ours(ended(3, 5)), Verdict::Write(row) if row.channel == other && row.ended == [id(3)]));
    assert_eq!(judge_listed(&other, Some(&on_air), &listed(1, 10), time(60_000)), Verdict::Foreign);
    let listed = Listed { arn: other.arn.clone(), ..listed(3, 5) };
    let made = judge_listed(&other, Some(&on_air), &listed, time(11_000));
    assert!(matches!(made, Verdict::Write(row) if row.channel == other && row.session == id(3)));
}

#[test]
fn a_row_remembers_the_latest_ends_and_no_more() {
    let (row, _) = tell(None, (0..100).map(|number| ended(number, 10)));
    let row = row.unwrap();
    assert_eq!((row.ended.len(), row.ended.first(), row.ended.last()), (16, Some(&id(84)), Some(&id(99))));
}

#[test]
fn words_are_read_as_they_are_written() {
    for source in [Source::Ivs, Source::SelfHosted] {
        assert_eq!(Source::parse(source.as_str()), Some(source));
    }
    for health in Health::ALL {
        assert_eq!(Health::parse(health.as_str()), Some(health));
    }
    assert_eq!((Source::parse("IVS"), Health::parse("healthy")), (None, None));
}
