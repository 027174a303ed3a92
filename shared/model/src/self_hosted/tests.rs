//! The rules of self-hosted broadcasts; each way in which an obvious hook is wrong has a test of its name.

use std::cell::Cell;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::broadcast::{Answer, Broadcast, Connection, News, Side, What};
use super::*;
use crate::qualities::Qualities;
use crate::{StreamId, Timestamp};

fn at(second: i64) -> Timestamp {
    let noon: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    noon + Duration::from_secs(second.try_into().unwrap())
}

fn qualities(names: &[&str]) -> Qualities {
    Qualities::try_from(names.iter().map(|name| name.parse().unwrap()).collect::<Vec<Quality>>()).unwrap()
}

fn id(n: i64) -> StreamId {
    format!("sh-{n}").parse().unwrap()
}

/// A broadcast and what has been told of it.
struct Channel {
    qualities: Qualities,
    broadcast: Broadcast,
    /// Whether publishers from outside have the key of now.
    has_key: bool,
}

impl Channel {
    fn of(names: &[&str]) -> Self {
        Self { qualities: qualities(names), broadcast: Broadcast::none_yet(id(-1)), has_key: true }
    }

    fn hear(&mut self, second: i64, news: &News) -> Answer {
        let (broadcast, answer) = self.broadcast.hear(&self.qualities, news, at(second), id(second));
        self.broadcast = broadcast;
        answer
    }

    fn tell(&mut self, second: i64, (side, run, number): (Side, &str, u64), quality: &str, what: What) -> Answer {
        let connection = Connection { run: run.to_owned(), number };
        self.hear(second, &News { quality: quality.parse().unwrap(), side, has_key: self.has_key, connection, what })
    }

    fn asks(&mut self, second: i64, who: (Side, &str, u64), quality: &str) -> Answer {
        self.tell(second, who, quality, What::Asked)
    }

    /// It has been there since `since`, and its media has come as far as that takes.
    fn goes_on(&mut self, second: i64, who: (Side, &str, u64), quality: &str, since: i64) {
        let timestamp = u64::try_from(second - since).unwrap() * 1000 + 1;
        self.tell(second, who, quality, What::GoesOn { since: at(since), timestamp });
    }

    fn ends(&mut self, second: i64, who: (Side, &str, u64), quality: &str) {
        assert_eq!(self.tell(second, who, quality, What::Ended), Answer::Yes);
    }

    /// Whether viewers are told that it is live.
    fn is_live(&self, second: i64) -> bool {
        self.broadcast.is_live() && self.broadcast.lease_until().is_some_and(|until| until > at(second))
    }
}

const ALICE: (Side, &str, u64) = (Side::Outside, "run-1", 1);
const BOB: (Side, &str, u64) = (Side::Outside, "run-1", 2);
const HIGH: (Side, &str, u64) = (Side::Inside, "run-1", 11);
const LOW: (Side, &str, u64) = (Side::Inside, "run-1", 12);

/// Its one quality is on air since second 0.
fn on_air() -> Channel {
    let mut channel = Channel::of(&["source"]);
    assert_eq!(channel.asks(0, ALICE, "source"), Answer::Yes);
    channel.goes_on(5, ALICE, "source", 0);
    assert!(channel.is_live(5));
    channel
}

/// A source on air since second 0, and two qualities that nginx makes of it since second 2.
fn transcoded() -> Channel {
    let mut channel = Channel::of(&["high", "low"]);
    channel.asks(0, ALICE, "source");
    for (who, quality) in [(HIGH, "high"), (LOW, "low")] {
        assert_eq!(channel.asks(2, who, quality), Answer::Yes);
    }
    channel.goes_on(5, ALICE, "source", 0);
    channel.goes_on(7, HIGH, "high", 2);
    assert!(!channel.is_live(7), "live without its low quality");
    channel.goes_on(7, LOW, "low", 2);
    assert!(channel.is_live(7));
    channel
}

#[test]
fn it_is_live_only_when_all_qualities_have_begun() {
    let mut channel = Channel::of(&["high", "mid", "low"]);
    for (number, quality) in [(1, "high"), (2, "mid"), (3, "low")] {
        assert!(!channel.is_live(number));
        let who = (Side::Outside, "run-1", u64::try_from(number).unwrap());
        assert_eq!(channel.asks(number, who, quality), Answer::Yes);
        channel.goes_on(number, who, quality, 0);
    }
    assert!(channel.is_live(4));
    assert_eq!(channel.broadcast.live_since, Some(at(3)));
}

#[test]
fn qualities_that_nginx_makes_need_a_source() {
    let mut channel = Channel::of(&["high", "low"]);
    assert_eq!(channel.asks(1, HIGH, "high"), Answer::Unknown);
    assert_eq!(channel.asks(1, ALICE, "other"), Answer::Unknown);
    assert_eq!(channel.asks(1, ALICE, "source"), Answer::Yes);
    assert_eq!(channel.asks(2, HIGH, "high"), Answer::Yes);
    assert_eq!(channel.asks(2, HIGH, "other"), Answer::Unknown);
}

#[test]
fn it_is_over_when_its_source_ends_whatever_is_still_being_made_of_it() {
    let mut channel = transcoded();
    channel.ends(9, ALICE, "source");
    assert!(!channel.is_live(9));
    // ffmpeg drains.
    channel.goes_on(12, HIGH, "high", 2);
    channel.goes_on(12, LOW, "low", 2);
    assert!(!channel.is_live(12));
    assert_eq!(channel.broadcast.ended_at, Some(at(9)));
}

#[test]
fn it_is_over_when_its_source_falls_silent_though_ffmpeg_goes_on() {
    let mut channel = transcoded();
    for second in (10..80).step_by(5) {
        channel.goes_on(second, HIGH, "high", 2);
        channel.goes_on(second, LOW, "low", 2);
        assert_eq!(channel.is_live(second), second < 65, "{second}");
    }
}

#[test]
fn it_stays_live_while_ffmpeg_makes_a_quality_anew() {
    let mut channel = transcoded();
    channel.ends(9, LOW, "low");
    assert!(channel.is_live(9));
    assert_eq!(channel.asks(10, (Side::Inside, "run-1", 13), "low"), Answer::Yes);
}

#[test]
fn without_a_source_it_is_over_with_its_last_quality() {
    let mut channel = Channel::of(&["high", "low"]);
    for (who, quality) in [(ALICE, "high"), (BOB, "low")] {
        channel.asks(0, who, quality);
        channel.goes_on(5, who, quality, 0);
    }
    channel.ends(8, ALICE, "high");
    assert!(channel.is_live(8));
    channel.ends(9, BOB, "low");
    assert!(!channel.is_live(9));
}

#[test]
fn trap_1_the_end_of_another_connection_ends_nothing() {
    let mut channel = on_air();
    channel.ends(6, BOB, "source");
    // The same number, of an earlier run of nginx.
    channel.ends(6, (Side::Outside, "run-0", 1), "source");
    assert!(channel.is_live(6));
    channel.ends(7, ALICE, "source");
    assert!(!channel.is_live(7));
}

#[test]
fn trap_1_after_a_restart_of_nginx_the_same_number_is_somebody_else() {
    let mut channel = on_air();
    // It has died, and told of no end: whoever comes through the new one does not wait for a lease.
    assert_eq!(channel.asks(9, (Side::Outside, "run-2", 1), "source"), Answer::Yes);
    assert!(!channel.is_live(9));
    channel.goes_on(11, (Side::Outside, "run-2", 1), "source", 9);
    assert!(channel.is_live(11));
    assert_eq!(channel.broadcast.id, id(9));
}

#[test]
fn trap_1_without_a_run_the_start_tells_connections_apart() {
    let who = (Side::Outside, "", 1);
    let mut channel = Channel::of(&["source"]);
    channel.asks(0, who, "source");
    channel.goes_on(5, who, "source", 0);
    // Nothing is heard of it any more; then there is a connection 1 again, which began later.
    channel.goes_on(50, who, "source", 45);
    assert!(!channel.is_live(65), "somebody else's media counted");
    channel.goes_on(66, who, "source", 45);
    assert!(channel.is_live(66));
    assert_eq!(channel.broadcast.id, id(66));
}

#[test]
fn trap_2_a_second_publisher_of_what_is_on_air_is_refused() {
    let mut channel = on_air();
    assert_eq!(channel.asks(6, BOB, "source"), Answer::OnAir);
    // nginx sends no end for it; should one come, it is another connection's.
    channel.ends(6, BOB, "source");
    assert!(channel.is_live(6));
    let mut channel = transcoded();
    assert_eq!(channel.asks(8, BOB, "source"), Answer::OnAir);
    assert_eq!(channel.asks(8, (Side::Inside, "run-1", 13), "high"), Answer::OnAir);
}

#[test]
fn trap_2_a_question_that_comes_twice_has_the_same_answer() {
    let mut channel = on_air();
    assert_eq!(channel.asks(6, ALICE, "source"), Answer::Yes);
    assert!(channel.is_live(6));
}

#[test]
fn trap_4_a_yes_that_came_too_late_is_live_for_nobody_and_blocks_nobody_for_long() {
    let mut channel = Channel::of(&["source"]);
    assert_eq!(channel.asks(0, ALICE, "source"), Answer::Yes);
    // nginx has refused, and says nothing more.
    assert!(!channel.is_live(1) && !channel.is_live(14));
    assert_eq!(channel.asks(14, BOB, "source"), Answer::OnAir);
    assert_eq!(channel.asks(15, BOB, "source"), Answer::Yes);
}

#[test]
fn trap_4_a_publisher_whose_media_comes_late_is_live_all_the_same() {
    let mut channel = Channel::of(&["source"]);
    channel.asks(0, ALICE, "source");
    channel.tell(20, ALICE, "source", What::GoesOn { since: at(0), timestamp: 0 });
    assert!(!channel.is_live(20));
    channel.goes_on(25, ALICE, "source", 0);
    assert!(channel.is_live(25));
}

#[test]
fn trap_4_a_publisher_without_media_is_not_live() {
    let mut channel = Channel::of(&["source"]);
    channel.asks(0, ALICE, "source");
    channel.tell(5, ALICE, "source", What::GoesOn { since: at(0), timestamp: 0 });
    assert!(!channel.is_live(5));
}

#[test]
fn trap_6_a_publisher_that_falls_silent_is_not_live_for_ever() {
    let mut channel = on_air();
    for second in (10..1000).step_by(5) {
        // nginx goes on to tell of it, with the timestamp of its last media.
        channel.tell(second, ALICE, "source", What::GoesOn { since: at(0), timestamp: 5001 });
        assert_eq!(channel.is_live(second), second < 65, "{second}");
    }
    // It speaks again.
    channel.goes_on(1001, ALICE, "source", 0);
    assert!(channel.is_live(1001));
}

#[test]
fn trap_6_an_nginx_that_died_with_all_its_publishers_is_not_live_for_ever() {
    assert!(!on_air().is_live(65) && !transcoded().is_live(65));
}

#[test]
fn trap_7_an_update_that_got_lost_ends_nothing_and_one_that_comes_brings_it_back() {
    let mut channel = on_air();
    channel.goes_on(50, ALICE, "source", 0);
    assert!(channel.is_live(109));
    // The API was out of reach for longer than the lease.
    channel.goes_on(300, ALICE, "source", 0);
    assert!(channel.is_live(300));
}

#[test]
fn a_key_that_has_been_replaced_goes_on_with_what_it_has_opened_and_opens_nothing() {
    let mut channel = on_air();
    channel.has_key = false;
    channel.goes_on(50, ALICE, "source", 0);
    assert!(channel.is_live(109));
    // Once its lease has lapsed, it would begin anew.
    channel.goes_on(300, ALICE, "source", 0);
    assert!(!channel.is_live(300));
    // Nor does it begin what another channel of the name has never had.
    let mut next = Channel { has_key: false, ..Channel::of(&["source"]) };
    next.goes_on(300, ALICE, "source", 0);
    assert!(!next.is_live(300) && next.broadcast.parts.is_empty());
    assert_eq!(next.asks(301, ALICE, "source"), Answer::Unknown);
    next.has_key = true;
    assert_eq!(next.asks(302, BOB, "source"), Answer::Yes);
}

#[test]
fn what_nginx_makes_of_a_source_needs_no_key() {
    let mut channel = Channel::of(&["high"]);
    channel.asks(0, ALICE, "source");
    channel.has_key = false;
    assert_eq!(channel.asks(2, HIGH, "high"), Answer::Yes);
}

#[test]
fn an_update_that_an_end_has_overtaken_does_not_bring_back_what_had_fallen_silent() {
    let mut channel = on_air();
    // The API was out of reach for longer than the lease; then the end comes first.
    channel.ends(70, ALICE, "source");
    channel.goes_on(71, ALICE, "source", 0);
    assert!(!channel.is_live(71));
}

#[test]
fn an_update_that_is_late_does_not_bring_back_what_has_ended() {
    let mut channel = on_air();
    channel.ends(9, ALICE, "source");
    channel.goes_on(10, ALICE, "source", 0);
    assert!(!channel.is_live(10));
    // A restarted nginx, whose forwarder does not say so, counts from 1 again.
    channel.goes_on(60, ALICE, "source", 55);
    assert!(channel.is_live(60));
}

#[test]
fn what_nginx_hands_on_from_outside_is_no_second_publisher() {
    let mut channel = on_air();
    let relay = (Side::Inside, "run-1", 3);
    assert_eq!(channel.asks(6, relay, "source"), Answer::Yes);
    channel.ends(7, relay, "source");
    assert!(channel.is_live(7));
}

#[test]
fn renewals_are_written_now_and_then() {
    let mut channel = on_air();
    let mut writes = 0;
    for second in (10..130).step_by(5) {
        let before = channel.broadcast.clone();
        channel.goes_on(second, ALICE, "source", 0);
        writes += usize::from(channel.broadcast != before);
        assert!(channel.is_live(second));
    }
    assert!((4..=6).contains(&writes), "{writes} writes in two minutes");
}

#[test]
fn a_key_tells_its_channel_and_the_quality_after_it() {
    let channel: ChannelName = "my_demo".parse().unwrap();
    let key = draw_key(&channel).unwrap();
    let text = key.text.expose();
    assert!(text.len() == "my_demo_".len() + 40 && key.arn.as_str().starts_with("self-hosted:"));
    let read = StreamName::read(text).unwrap();
    assert_eq!((&read.channel, read.quality.as_str(), read.public().as_str()), (&channel, "source", "my_demo"));
    assert_eq!(read.key, Some(key.text.clone()));
    let read = StreamName::read(&format!("{text}_very_high")).unwrap();
    assert_eq!((read.quality.as_str(), read.public().as_str()), ("very_high", "my_demo.very_high"));
    let inside = StreamName::read(&read.public()).unwrap();
    assert_eq!((&inside.channel, inside.quality.as_str(), inside.key), (&channel, "very_high", None));
}

#[test]
fn trap_9_names_with_slashes_dots_and_questions_are_refused() {
    let key = draw_key(&"demo".parse().unwrap()).unwrap();
    let key = key.text.expose();
    for name in ["", "../demo", "a/b", "demo?x=1", "..", ".high", "demo.", "demo.high.low", "demo.a/b", "dé mo"] {
        assert_eq!(StreamName::read(name), None, "{name}");
    }
    for after in ["/x", "?x=1", "_", "_a.b", "_../x", ".high", "x", " "] {
        let read = StreamName::read(&format!("{key}{after}"));
        assert!(read.is_none_or(|read| read.key.is_none()), "{after}");
    }
}

#[test]
fn qualities_are_one_to_eight_different_names() {
    let read = |text: &str| serde_json::from_str::<Qualities>(text).ok();
    assert_eq!(read(r#"["high", "low"]"#), Some(qualities(&["high", "low"])));
    for text in [r"[]", r#"["a", "a"]"#, r#"["a b"]"#, r#"["a.b"]"#, r#""a""#, r#"["a",1]"#] {
        assert_eq!(read(text), None, "{text}");
    }
    let names = |count: usize| (0..count).map(|n| format!("q{n}").parse().unwrap()).collect::<Vec<Quality>>();
    assert!(Qualities::try_from(names(8)).is_ok() && Qualities::try_from(names(9)).is_err());
}

proptest! {
    #[test]
    fn the_name_of_any_channel_and_quality_is_read_as_what_it_was_made_of(
        channel in "[A-Za-z0-9_-]{1,20}|[a-f]{1,4}_[0-9a-f]{40}|[0-9a-f]{40}_[a-f]{1,3}",
        quality in "[A-Za-z0-9_-]{1,32}|[0-9a-f]{32}",
    ) {
        let channel: ChannelName = channel.parse().unwrap();
        let quality: Quality = quality.parse().unwrap();
        let key = draw_key(&channel).unwrap().text;
        let read = StreamName::read(&format!("{}_{quality}", key.expose()));
        prop_assert_eq!(&read, &Some(StreamName { channel: channel.clone(), quality, key: Some(key.clone()) }));
        let bare = StreamName { channel, quality: Quality::source(), key: Some(key.clone()) };
        prop_assert_eq!(StreamName::read(key.expose()), Some(bare));
        let inside = StreamName { key: None, ..read.clone().unwrap() };
        prop_assert_eq!(StreamName::read(&inside.public()), Some(inside));
    }
}

/// A life of one channel's publishers, as nginx sees it and tells it: each with its begin and end, of which any word may
/// be lost, doubled or late.
#[derive(Debug, Clone)]
struct Life {
    number: u64,
    side: Side,
    quality: &'static str,
    from: i64,
    lasts: i64,
    tells_of_its_end: bool,
    /// By how much a word is late, in seconds.
    late: i64,
}

fn lives() -> impl Strategy<Value = Vec<Life>> {
    let life = (
        prop::sample::select(vec![(Side::Outside, "source"), (Side::Inside, "high"), (Side::Inside, "low")]),
        0i64..300,
        1i64..120,
        prop::bool::weighted(0.7),
        prop_oneof![4 => Just(0i64), 1 => 1i64..8],
    );
    prop::collection::vec(life, 1..14).prop_map(|lives| {
        let life = |(number, ((side, quality), from, lasts, tells_of_its_end, late))| Life {
            number,
            side,
            quality,
            from,
            lasts,
            tells_of_its_end,
            late,
        };
        (1u64..).zip(lives).map(life).collect()
    })
}

#[test]
fn in_any_order_of_lives_the_end_state_is_right_and_nobody_ends_another() {
    const CASES: u32 = 2000;
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(CASES) };
    let (live, refused) = (Cell::new(0), Cell::new(0));
    let checked = TestRunner::new(config).run(&(lives(), any::<u64>()), |(lives, order)| {
        let mut words: Vec<(i64, u64, News)> = Vec::new();
        for life in &lives {
            let quality: Quality = life.quality.parse().unwrap();
            let connection = Connection { run: "run".to_owned(), number: life.number };
            let mut say = |second: i64, what: What| {
                let (quality, connection) = (quality.clone(), connection.clone());
                let news = News { quality, side: life.side, has_key: true, connection, what };
                words.push((second, order.rotate_left((life.number * 7) as u32 % 64), news));
            };
            say(life.from, What::Asked);
            for second in (life.from + 5..life.from + life.lasts).step_by(5) {
                let timestamp = u64::try_from(second - life.from).unwrap() * 1000;
                say(second + life.late, What::GoesOn { since: at(life.from), timestamp });
            }
            if life.tells_of_its_end {
                say(life.from + life.lasts + life.late.min(1), What::Ended);
            }
        }
        words.sort_by_key(|(second, order, _)| (*second, *order));
        let mut channel = Channel::of(&["high", "low"]);
        let mut denied = Vec::new();
        for (second, _, news) in &words {
            // Whom the hook refuses, nginx does not let in.
            if denied.contains(&news.connection.number) {
                continue;
            }
            let before = channel.broadcast.clone();
            let answer = channel.hear(*second, news);
            let after = &channel.broadcast;
            live.set(live.get() + usize::from(channel.is_live(*second)));
            if answer != Answer::Yes {
                denied.push(news.connection.number);
                refused.set(refused.get() + 1);
            }
            // What is heard on one connection changes no other's part, but by the source's end.
            for (quality, part) in &before.parts {
                let theirs = part.publisher.connection != news.connection && part.lease_until > at(*second);
                let by_source = news.quality.is_source() || before.lease_until().is_some_and(|it| it <= at(*second));
                prop_assert!(!theirs || by_source || after.parts.get(quality) == Some(part), "{:?}", news);
            }
            // Live means that each quality showed media, since it began.
            if after.live_since.is_some() && before.live_since.is_none() {
                for quality in ["high", "low"] {
                    let part = &after.parts[&quality.parse::<Quality>().unwrap()];
                    prop_assert!(part.media.is_some() && part.lease_until > at(*second));
                }
            }
            // A source that has ended takes all with it.
            if news.quality.is_source() && news.what == What::Ended {
                let had = before.parts.get(&Quality::source());
                let was_theirs = had.is_some_and(|part| part.publisher.connection == news.connection);
                prop_assert!(!was_theirs || after.parts.is_empty());
            }
        }
        let last = words.last().map_or(0, |(second, ..)| *second);
        prop_assert!(!channel.is_live(last + 61), "live for ever");
        Ok(())
    });
    checked.unwrap_or_else(|failure| panic!("{failure}"));
    assert!(live.get() > 200 && refused.get() > 200, "{live:?} live, {refused:?} refused");
}
