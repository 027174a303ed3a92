//! The rules against every order of events: a model of the table, in which any number of invocations read and write, one
//! step at a time and interleaved at will, and a stage whose sessions follow one another. The writes are admitted by
//! [`Change::is_admitted`], as DynamoDB admits them by the condition of the write.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::{ParticipantId, SessionId, Timestamp};

/// How a participant's stay ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Finale {
    /// It has stopped to publish, and stays until the session is over.
    Listens,
    /// It publishes until the session is over.
    Publishes,
    /// It has stopped to publish, and leaves.
    Leaves,
    /// It leaves while it publishes, and IVS does not tell.
    Vanishes,
}

/// A participant's stay in a session: how often it publishes and stops, and how it ends.
type Stay = (usize, Finale);

/// What really happened on a stage, and what was told of it.
#[derive(Debug, Clone)]
struct Life {
    told: Vec<News>,
    /// How often each event arrives, around.
    arrivals: Vec<u8>,
    /// What IVS answers now.
    seen: Seen,
    publishing: BTreeSet<ParticipantId>,
    end: Timestamp,
}

fn id(number: usize) -> ParticipantId {
    format!("p{number}").parse().unwrap()
}

fn session(number: usize) -> SessionId {
    // Session ids are drawn: their order says nothing.
    format!("st-{}", 9 - number).parse().unwrap()
}

/// The moments of a life: less than a second apart, not all in whole milliseconds.
fn moment(number: u32) -> EventTime {
    let start: EventTime = "2026-03-01T12:00:00Z".parse().unwrap();
    EventTime(start.0 + Duration::from_nanos(300_000_007) * number)
}

impl Life {
    fn new(sessions: &[Vec<Stay>], goes_on: bool, choices: &[usize], arrivals: Vec<u8>) -> Self {
        let (mut told, mut clock) = (Vec::new(), 0);
        let mut choices = choices.iter().cycle().copied();
        let mut last = (BTreeMap::new(), BTreeSet::new());
        for (number, stays) in sessions.iter().enumerate() {
            let is_over = !goes_on || number + 1 < sessions.len();
            clock += 1;
            let first_joined = moment(clock);
            let mut steps: Vec<(usize, Vec<bool>)> =
                stays.iter().map(|stay| steps(*stay, is_over)).enumerate().collect();
            while steps.iter().any(|(_, steps)| !steps.is_empty()) {
                steps.retain(|(_, steps)| !steps.is_empty());
                let choice = choices.next().unwrap() % steps.len();
                let (participant, steps) = &mut steps[choice];
                clock += 1;
                told.push(News {
                    session: session(number),
                    participant_id: id(*participant),
                    user_id: None,
                    publishing: steps.remove(0),
                    at: moment(clock),
                });
            }
            let has_published = stays
                .iter()
                .enumerate()
                .filter(|(_, (stints, finale))| *stints > 0 || matches!(finale, Finale::Publishes | Finale::Vanishes));
            let publishers = has_published.map(|(number, (_, finale))| {
                let connected = matches!(finale, Finale::Publishes | Finale::Listens);
                (id(number), Publisher { participant_id: id(number), user_id: None, connected, first_joined })
            });
            let publishing = stays.iter().enumerate().filter(|(_, (_, finale))| *finale == Finale::Publishes);
            last = (publishers.collect(), publishing.map(|(number, _)| id(number)).collect());
        }
        let end = moment(clock).to_timestamp();
        let (publishers, publishing) = last;
        let seen = Seen {
            session: goes_on.then(|| session(sessions.len() - 1)),
            publishers: goes_on.then(|| publishers.into_values().collect()),
            renews_all: false,
        };
        Self { told, arrivals, seen, publishing: if goes_on { publishing } else { BTreeSet::new() }, end }
    }

    /// Who is in the stage and has published in its present session.
    fn present(&self) -> BTreeSet<ParticipantId> {
        let publishers = self.seen.publishers.iter().flatten().filter(|publisher| publisher.connected);
        publishers.map(|publisher| publisher.participant_id.clone()).collect()
    }

    /// A time at which nothing is too young to be judged.
    fn settled(&self) -> Timestamp {
        self.end + GRACE
    }

    /// A time at which nothing counts unless it was confirmed.
    fn lapsed(&self) -> Timestamp {
        self.end + LEASE + GRACE
    }
}

/// Whether it publishes from then on, step by step.
fn steps((stints, finale): Stay, is_over: bool) -> Vec<bool> {
    let mut steps = [true, false].repeat(stints);
    match finale {
        Finale::Publishes if is_over => steps.extend([true, false]),
        Finale::Publishes | Finale::Vanishes => steps.push(true),
        Finale::Listens | Finale::Leaves => {}
    }
    steps
}

fn finale(vanishes: bool) -> impl Strategy<Value = Finale> {
    let told = [Finale::Listens, Finale::Publishes, Finale::Leaves];
    prop::sample::select(if vanishes { [&told[..], &[Finale::Vanishes]].concat() } else { told.to_vec() })
}

fn life(arrivals: std::ops::Range<u8>, vanishes: bool) -> impl Strategy<Value = Life> {
    let stay = (0..3usize, finale(vanishes));
    (vec(vec(stay, 1..4), 1..4), any::<bool>(), choices(), vec(arrivals, 1..20))
        .prop_map(|(sessions, goes_on, choices, arrivals)| Life::new(&sessions, goes_on, &choices, arrivals))
}

fn choices() -> impl Strategy<Value = Vec<usize>> {
    vec(any::<u16>().prop_map(usize::from), 1..80)
}

/// One delivery of an event, under way.
enum Invocation {
    Read(News),
    Judge(News, Option<Row>),
    Write(News, Box<Change>),
}

#[derive(Default, Clone)]
struct Table(BTreeMap<ParticipantId, Row>);

impl Table {
    fn write(&mut self, change: Change) -> bool {
        let admitted = change.is_admitted(self.0.get(&change.row.participant_id));
        if admitted {
            self.0.insert(change.row.participant_id.clone(), change.row);
        }
        admitted
    }

    /// One step of an invocation, as `aws_session::track` takes them. `None`: it has ended.
    fn step(&mut self, invocation: Invocation) -> Option<Invocation> {
        Some(match invocation {
            Invocation::Read(news) => {
                let row = self.0.get(&news.participant_id).cloned();
                Invocation::Judge(news, row)
            }
            Invocation::Judge(news, row) => match judge(row.as_ref(), &news) {
                Verdict::Stale | Verdict::NoNews => return None,
                Verdict::Write(change) => Invocation::Write(news, change),
            },
            Invocation::Write(news, change) => {
                if self.write(*change) {
                    return None;
                }
                Invocation::Read(news)
            }
        })
    }

    /// Delivers every arrival, in an order that `choices` decides, up to four at the same time. Calls `amid` before each
    /// step with the number of steps so far.
    fn deliver(&mut self, arrivals: Vec<News>, choices: &[usize], mut amid: impl FnMut(&mut Self, usize)) {
        let (mut waiting, mut under_way, mut steps) = (arrivals, Vec::new(), 0);
        let mut choices = choices.iter().cycle().copied();
        while !(waiting.is_empty() && under_way.is_empty()) {
            let choice = choices.next().unwrap();
            amid(self, steps);
            steps += 1;
            let begins = under_way.is_empty() || (under_way.len() < 4 && choice % 3 == 0);
            if begins && !waiting.is_empty() {
                under_way.push(Invocation::Read(waiting.swap_remove(choice % waiting.len())));
            } else {
                let invocation = under_way.swap_remove(choice % under_way.len());
                under_way.extend(self.step(invocation));
            }
        }
    }

    fn rows(&self) -> Vec<Row> {
        self.0.values().cloned().collect()
    }

    fn reconcile(&mut self, seen: &Seen, now: Timestamp) {
        for change in super::reconcile(&self.rows(), seen, now) {
            assert!(self.write(change), "nobody else writes");
        }
    }

    fn present(&self, now: Timestamp) -> BTreeSet<ParticipantId> {
        Session::of(self.rows(), now).participants.into_iter().map(|row| row.participant_id).collect()
    }

    fn publishing(&self, now: Timestamp) -> BTreeSet<ParticipantId> {
        let rows = Session::of(self.rows(), now).participants.into_iter().filter(|row| row.publishing);
        rows.map(|row| row.participant_id).collect()
    }
}

/// As often as each event arrives.
fn arrivals(life: &Life) -> Vec<News> {
    let each = life.told.iter().zip(life.arrivals.iter().cycle());
    each.flat_map(|(news, times)| std::iter::repeat_n(news.clone(), usize::from(*times))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_events_ends_as_the_true_one(life in life(1..4, true), choices in choices()) {
        let (mut table, mut in_order) = (Table::default(), Table::default());
        table.deliver(arrivals(&life), &choices, |_, _| {});
        for news in &life.told {
            in_order.deliver(vec![news.clone()], &[0], |_, _| {});
        }
        prop_assert_eq!(table.0, in_order.0);
    }

    #[test]
    fn who_publishes_is_known_by_events_alone_if_each_is_told(life in life(1..4, false), choices in choices()) {
        let mut table = Table::default();
        table.deliver(arrivals(&life), &choices, |_, _| {});
        // A session of which nothing is told at all is not known.
        let is_known = life.seen.session.as_ref().is_none_or(|now| life.told.last().is_some_and(|last| last.session == *now));
        let expected = if is_known { life.publishing.clone() } else { table.publishing(life.settled()) };
        prop_assert_eq!(table.publishing(life.settled()), expected);
    }

    #[test]
    fn one_reconciliation_makes_up_for_any_loss(life in life(0..3, true), choices in choices()) {
        let mut table = Table::default();
        table.deliver(arrivals(&life), &choices, |_, _| {});
        table.reconcile(&life.seen, life.settled());
        prop_assert_eq!(table.present(life.settled()), life.present());
    }

    #[test]
    fn what_is_told_after_a_reconciliation_brings_nobody_back(
        life in life(0..3, true), before in choices(), after in choices()
    ) {
        let mut table = Table::default();
        table.deliver(arrivals(&life), &before, |_, _| {});
        table.reconcile(&life.seen, life.lapsed());
        table.deliver(life.told.clone(), &after, |_, _| {});
        prop_assert_eq!(table.present(life.lapsed()), life.present());
        prop_assert_eq!(table.publishing(life.lapsed()), life.publishing);
    }

    #[test]
    fn a_reconciliation_amid_the_events_does_no_harm(
        life in life(1..4, true), choices in choices(), looks in 0..20usize, repairs in 0..20usize
    ) {
        let (mut table, mut changes, now) = (Table::default(), Vec::new(), life.lapsed());
        table.deliver(arrivals(&life), &choices, |table, step| {
            if step == looks {
                changes = reconcile(&table.rows(), &life.seen, now);
            }
            if step == looks + repairs {
                for change in std::mem::take(&mut changes) {
                    table.write(change);
                }
            }
        });
        table.reconcile(&life.seen, now);
        prop_assert_eq!(table.present(now), life.present());
        prop_assert_eq!(table.publishing(now), life.publishing);
    }

    #[test]
    fn reconciling_twice_is_reconciling_once(life in life(0..3, true), choices in choices()) {
        let mut table = Table::default();
        table.deliver(arrivals(&life), &choices, |_, _| {});
        table.reconcile(&life.seen, life.settled());
        let once = table.0.clone();
        prop_assert_eq!(reconcile(&table.rows(), &life.seen, life.settled()), vec![]);
        prop_assert_eq!(table.0, once);
    }

    #[test]
    fn texts_of_event_times_sort_as_times_do(a in 0..40u32, b in 0..40u32) {
        let (a, b) = (moment(a), moment(b));
        prop_assert_eq!(a.to_string().cmp(&b.to_string()), a.cmp(&b));
        prop_assert_eq!(a.to_string().parse(), Ok(a));
    }
}

fn news(session_number: usize, publishing: bool, at: &str) -> News {
    let at = format!("2026-03-01T{at}Z").parse().unwrap();
    News { session: session(session_number), participant_id: id(1), user_id: None, publishing, at }
}

fn told(news: &[News]) -> Table {
    let mut table = Table::default();
    for news in news {
        table.deliver(vec![news.clone()], &[0], |_, _| {});
    }
    table
}

fn at(time: &str) -> Timestamp {
    format!("2026-03-01T{time}Z").parse().unwrap()
}

#[test]
fn a_late_end_of_an_earlier_session_ends_nothing_in_a_later_one() {
    let table = told(&[news(0, true, "12:00:00"), news(1, true, "12:05:00"), news(0, false, "12:04:00")]);
    assert_eq!(table.publishing(at("12:05:01")), [id(1)].into());
}

#[test]
fn a_late_start_of_an_earlier_session_brings_nobody_back() {
    let table = told(&[news(1, true, "12:05:00"), news(1, false, "12:06:00"), news(0, true, "12:04:00")]);
    assert_eq!(table.publishing(at("12:06:01")), [].into());
}

#[test]
fn an_end_that_comes_before_its_start_holds() {
    let table = told(&[news(0, false, "12:01:00"), news(0, true, "12:00:00")]);
    let session = Session::of(table.rows(), at("12:01:01"));
    assert!(!session.is_live());
    assert_eq!(session.participants[0].first_published, Some("2026-03-01T12:00:00Z".parse().unwrap()));
}

#[test]
fn parts_of_a_second_count_however_many_digits_they_have() {
    for (earlier, later) in
        [("12:00:05", "12:00:05.1"), ("12:00:05.99", "12:00:05.991"), ("12:00:05.000000001", "12:00:05.01")]
    {
        for order in [[true, false], [false, true]] {
            let mut both = [news(0, true, earlier), news(0, false, later)];
            if order[0] {
                both.reverse();
            }
            assert_eq!(told(&both).publishing(at("12:00:06")), [].into(), "{earlier} {later}");
        }
    }
}

#[test]
fn within_one_second_publishing_anew_is_the_later() {
    let (stops, publishes) = (news(0, false, "12:00:05"), news(0, true, "12:00:05"));
    for both in [[stops.clone(), publishes.clone()], [publishes, stops]] {
        assert_eq!(told(&both).publishing(at("12:00:06")), [id(1)].into());
    }
}

#[test]
fn what_is_told_twice_is_written_once() {
    let event = news(0, true, "12:00:00");
    let table = told(std::slice::from_ref(&event));
    assert_eq!(judge(table.0.get(&id(1)), &event), Verdict::NoNews);
}

#[test]
fn who_was_found_gone_is_not_brought_back_by_a_double() {
    let event = news(0, true, "12:00:00");
    let mut table = told(std::slice::from_ref(&event));
    table.reconcile(&Seen::default(), at("12:01:00"));
    table.deliver(vec![event], &[0], |_, _| {});
    assert_eq!(table.present(at("12:01:00")), [].into());
}

#[test]
fn what_is_told_hours_late_counts_once_ivs_confirms_it() {
    let mut table = told(&[news(0, true, "12:00:00")]);
    let now = at("15:00:00");
    assert_eq!(table.present(now), [].into());
    table.reconcile(&there("11:59:00"), now);
    assert_eq!(table.publishing(now), [id(1)].into());
}

/// IVS says that the participant is in the session, and has published in it.
fn there(first_joined: &str) -> Seen {
    let first_joined = format!("2026-03-01T{first_joined}Z").parse().unwrap();
    let publisher = Publisher { participant_id: id(1), user_id: None, connected: true, first_joined };
    Seen { session: Some(session(0)), publishers: Some(vec![publisher]), renews_all: false }
}

#[test]
fn who_was_taken_for_gone_and_is_there_counts_again() {
    let mut table = told(&[news(0, true, "12:00:00")]);
    let gone = Seen { session: Some(session(0)), publishers: Some(Vec::new()), renews_all: false };
    table.reconcile(&gone, at("12:01:00"));
    assert_eq!(table.present(at("12:01:00")), [].into());
    table.reconcile(&there("11:59:00"), at("12:02:00"));
    assert_eq!(table.publishing(at("12:02:00")), [id(1)].into());
}

#[test]
fn a_listing_says_nothing_of_whether_somebody_publishes_of_whom_there_was_news() {
    // Even if it has a participant join after the news: it may round.
    let mut table = told(&[news(0, false, "12:00:00.1")]);
    table.reconcile(&there("12:00:01"), at("12:01:00"));
    assert_eq!((table.present(at("12:01:00")), table.publishing(at("12:01:00"))), ([id(1)].into(), [].into()));
}

#[test]
fn a_later_session_is_shown_without_those_of_an_earlier_one() {
    let left = News { participant_id: id(2), ..news(0, true, "12:00:00") };
    let table = told(&[left, news(1, true, "12:05:00")]);
    assert_eq!(table.present(at("12:05:01")), [id(1)].into());
}

#[test]
fn a_listing_says_nothing_of_what_has_only_just_been_told() {
    let mut table = told(&[news(0, true, "12:00:00")]);
    table.reconcile(&Seen::default(), at("12:00:10"));
    assert_eq!(table.publishing(at("12:00:10")), [id(1)].into());
    table.reconcile(&Seen::default(), at("12:00:30"));
    assert_eq!(table.publishing(at("12:00:30")), [].into());
}

#[test]
fn who_is_not_confirmed_counts_no_longer_than_a_lease() {
    let table = told(&[news(0, true, "12:00:00")]);
    assert_eq!(table.publishing(at("12:09:59")), [id(1)].into());
    assert_eq!(table.publishing(at("12:10:00")), [].into());
}

#[test]
fn a_lease_is_renewed_when_half_of_it_is_over_or_at_once_if_all_are() {
    let table = told(&[news(0, true, "12:00:00")]);
    let renewed = |renews_all, now| {
        let changes = reconcile(&table.rows(), &Seen { renews_all, ..there("11:59:00") }, at(now));
        changes.into_iter().map(|change| change.row.lease_until.unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(renewed(false, "12:05:00"), []);
    assert_eq!(renewed(false, "12:05:01"), [at("12:15:01")]);
    assert_eq!(renewed(true, "12:01:00"), [at("12:11:00")]);
}

#[test]
fn a_session_that_was_not_asked_about_keeps_its_leases() {
    let table = told(&[news(0, true, "12:00:00")]);
    let seen = Seen { session: Some(session(0)), ..Seen::default() };
    assert_eq!(reconcile(&table.rows(), &seen, at("12:09:00")), []);
}

#[test]
fn the_first_to_publish_says_when_it_began() {
    let second = News { participant_id: id(2), ..news(0, true, "12:01:00") };
    let table = told(&[news(0, true, "12:00:00.25"), news(0, false, "12:02:00"), second]);
    let session = Session::of(table.rows(), at("12:03:00"));
    assert_eq!(session.started_at(), Some(at("12:00:00.25")));
    let listed: Vec<_> = session.participants.iter().map(|row| (&row.participant_id, row.publishing)).collect();
    assert_eq!(listed, [(&id(1), false), (&id(2), true)]);
}
