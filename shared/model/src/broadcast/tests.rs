//! The rules of broadcasts, one by one, and of the room of servers over any order of what may happen.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::server::Server;

/// The start of every test, and so many seconds later.
fn at(second: u64) -> Timestamp {
    "2026-03-01T12:00:00Z".parse::<Timestamp>().unwrap() + Duration::from_secs(second)
}

fn server(name: &str) -> TaskId {
    name.parse().unwrap()
}

/// A broadcast to the channel `demo`, with a ticket for the server `one`, asked for at the start.
fn waiting() -> (BroadcastRow, Ticket) {
    let id = BroadcastId::random().unwrap();
    let ticket = Ticket::draw(&id).unwrap();
    let issued = IssuedTicket { hash: ticket.hash(), expires_at: at(60), server: Some(server("one")) };
    let target = Target::Channel {
        name: "demo".parse().unwrap(),
        arn: "arn:aws:ivs:us-east-1:123456789012:channel/abc".parse().unwrap(),
    };
    (BroadcastRow::new(id, "alice".parse().unwrap(), target, false, issued, at(0)), ticket)
}

/// The same, redeemed and renewed so that the lease ends then.
fn redeemed(phase: Phase, lease_until: u64) -> BroadcastRow {
    let (mut row, _) = waiting();
    let redemption = Redemption {
        attempt: AttemptId::random().unwrap(),
        redeemed_at: at(1),
        server: server("one"),
        lease_until: at(lease_until),
    };
    (row.ticket, row.lifecycle) = (None, Lifecycle::Redeemed { redemption, phase });
    row
}

fn ended(row: &BroadcastRow, second: u64) -> Option<(Timestamp, EndReason)> {
    let shown = row.shown(at(second));
    assert_eq!(shown.state == ShownState::Ended, shown.ended_at.is_some() && shown.end_reason.is_some());
    shown.ended_at.zip(shown.end_reason)
}

#[test]
fn a_ticket_is_read_as_it_was_drawn_and_shows_its_secret_to_no_log() {
    let id = BroadcastId::random().unwrap();
    let ticket = Ticket::draw(&id).unwrap();
    let text = ticket.expose();
    assert_eq!(Ticket::parse(text), Some(ticket.clone()));
    assert_eq!(ticket.broadcast(), &id);
    let (_, secret) = text.split_once('.').unwrap();
    assert_eq!(secret.len(), 43);
    assert!(!format!("{ticket:?}").contains(secret) && !ticket.hash().to_string().contains(secret));
    assert_eq!(ticket.hash().to_string().parse(), Ok(ticket.hash()));
    assert_ne!(Ticket::draw(&id).unwrap().hash(), ticket.hash());
}

#[test]
fn what_is_no_ticket_is_not_read_as_one() {
    let ticket = Ticket::draw(&BroadcastId::random().unwrap()).unwrap();
    let text = ticket.expose();
    let (id, secret) = text.split_once('.').unwrap();
    let wrong = [
        String::new(),
        id.to_owned(),
        format!("{id}."),
        format!(".{secret}"),
        format!("{id}.{}", &secret[1..]),
        format!("{id}.{secret}A"),
        format!("{id}.{secret}="),
        format!("{id}.{secret}.{secret}"),
        format!("{id}.{}", secret.replace(|_: char| true, "ä")),
        format!("{}.{secret}", &id[3..]),
        format!(" {text}"),
        format!("{text}\n"),
    ];
    for text in wrong {
        assert_eq!(Ticket::parse(&text), None, "{text:?}");
    }
}

#[test]
fn a_ticket_is_legal_in_the_name_of_a_subprotocol() {
    let text = Ticket::draw(&BroadcastId::random().unwrap()).unwrap().expose().to_owned();
    // RFC 9110, `tchar`, without those that a URL would escape.
    assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)), "{text}");
}

#[test]
fn each_word_is_read_as_it_is_written() {
    for reason in EndReason::ALL {
        assert_eq!(EndReason::parse(reason.as_str()), Some(reason));
    }
    for phase in [Phase::Connecting, Phase::Live, Phase::Interrupted] {
        assert_eq!(Phase::parse(phase.as_str()), Some(phase));
    }
    assert_eq!((EndReason::parse("waiting"), Phase::parse("waiting")), (None, None));
}

#[test]
fn a_broadcast_waits_for_its_ticket_and_expires_with_it() {
    let (row, _) = waiting();
    assert_eq!(row.shown(at(59)).state, ShownState::Waiting);
    assert_eq!(ended(&row, 60), Some((at(60), EndReason::Expired)));
    assert!(row.is_resumable(at(119)) && !row.is_resumable(at(120)));
    assert!(!row.has_server(at(1)));
}

#[test]
fn what_its_server_says_holds_while_the_lease_does() {
    for phase in [Phase::Connecting, Phase::Live, Phase::Interrupted] {
        let row = redeemed(phase, 16);
        assert_eq!(row.shown(at(15)).state, ShownState::Redeemed(phase));
        assert_eq!(row.shown(at(15)).state.as_str(), phase.as_str());
        assert!(row.has_server(at(15)) && !row.has_server(at(16)));
    }
}

#[test]
fn a_lease_that_lapses_ends_the_broadcast_by_what_was_lost() {
    assert_eq!(ended(&redeemed(Phase::Live, 16), 16), Some((at(16), EndReason::ServerLost)));
    assert_eq!(ended(&redeemed(Phase::Connecting, 16), 99), Some((at(16), EndReason::ServerLost)));
    assert_eq!(ended(&redeemed(Phase::Interrupted, 16), 16), Some((at(16), EndReason::Lost)));
    let mut asked = redeemed(Phase::Live, 16);
    asked.end_requested = Some(EndReason::TakenOver);
    assert_eq!(ended(&asked, 15), None);
    assert_eq!(ended(&asked, 16), Some((at(16), EndReason::TakenOver)));
}

#[test]
fn a_ticket_on_its_way_keeps_a_broadcast_whose_server_is_lost() {
    let mut row = redeemed(Phase::Live, 16);
    let ticket = Ticket::draw(&row.id).unwrap();
    row.ticket = Some(IssuedTicket { hash: ticket.hash(), expires_at: at(80), server: None });
    assert_eq!(row.shown(at(15)).state, ShownState::Redeemed(Phase::Live));
    assert_eq!(row.shown(at(16)).state, ShownState::Redeemed(Phase::Interrupted));
    assert_eq!(ended(&row, 80), Some((at(80), EndReason::ServerLost)));
    // Nobody is on air, so another broadcast of its target may begin.
    assert!(!row.has_server(at(16)));
}

#[test]
fn another_ticket_may_be_had_until_a_minute_after_the_lapse_but_for_none_that_is_to_end() {
    let row = redeemed(Phase::Live, 16);
    assert!(row.is_resumable(at(3)) && row.is_resumable(at(75)) && !row.is_resumable(at(76)));
    let mut asked = row.clone();
    asked.end_requested = Some(EndReason::Deleted);
    assert!(!asked.is_resumable(at(3)));
    let over = BroadcastRow {
        lifecycle: Lifecycle::Ended { at: at(9), reason: EndReason::Stopped, redemption: row.redemption().cloned() },
        ..row
    };
    assert!(!over.is_resumable(at(10)));
    assert_eq!(ended(&over, 10), Some((at(9), EndReason::Stopped)));
}

#[test]
fn a_delete_ends_what_no_server_has_asks_the_server_of_another_and_leaves_what_is_over() {
    assert_eq!(on_delete(&waiting().0, at(1)), Delete::End);
    assert_eq!(on_delete(&redeemed(Phase::Live, 16), at(1)), Delete::Ask);
    // Its page might resume it.
    assert_eq!(on_delete(&redeemed(Phase::Live, 16), at(30)), Delete::Ask);
    assert_eq!(on_delete(&redeemed(Phase::Live, 16), at(76)), Delete::Nothing);
    assert_eq!(on_delete(&waiting().0, at(100)), Delete::End);
    assert_eq!(on_delete(&waiting().0, at(120)), Delete::Nothing);
    let mut asked = redeemed(Phase::Live, 16);
    asked.end_requested = Some(EndReason::TakenOver);
    assert_eq!(on_delete(&asked, at(1)), Delete::Nothing);
    let over = Lifecycle::Ended { at: at(9), reason: EndReason::Stopped, redemption: None };
    assert_eq!(on_delete(&BroadcastRow { lifecycle: over, ..waiting().0 }, at(10)), Delete::Nothing);
}

#[test]
fn a_ticket_is_refused_for_the_reason_that_it_has() {
    let (row, ticket) = waiting();
    let one = server("one");
    let judge = |row: &BroadcastRow, second| refusal(Some(row), &ticket, &one, at(second));
    assert_eq!(judge(&row, 59), None);
    assert_eq!(judge(&row, 60), Some(Refusal::Expired));
    assert_eq!(refusal(None, &ticket, &one, at(1)), Some(Refusal::Unknown));
    assert_eq!(refusal(Some(&row), &ticket, &server("two"), at(1)), Some(Refusal::Foreign));
    let forged = Ticket::draw(&row.id).unwrap();
    assert_eq!(refusal(Some(&row), &forged, &one, at(1)), Some(Refusal::Forged));
    assert_eq!(judge(&redeemed(Phase::Live, 16), 2), Some(Refusal::Used));
    let over = Lifecycle::Ended { at: at(1), reason: EndReason::Deleted, redemption: None };
    assert_eq!(judge(&BroadcastRow { lifecycle: over, ..row.clone() }, 2), Some(Refusal::Ended));
    assert_eq!(
        judge(&BroadcastRow { end_requested: Some(EndReason::Deleted), ..row.clone() }, 2),
        Some(Refusal::Ended)
    );
    let mut anywhere = row;
    anywhere.ticket.iter_mut().for_each(|ticket| ticket.server = None);
    assert_eq!(refusal(Some(&anywhere), &ticket, &server("two"), at(1)), None);
}

#[test]
fn the_latest_redemption_has_the_target() {
    let id = |text: &str| text.parse::<BroadcastId>().unwrap();
    let own = Redemption {
        attempt: AttemptId::random().unwrap(),
        redeemed_at: at(10),
        server: server("one"),
        lease_until: at(25),
    };
    let stand = |latest: &[(BroadcastId, Timestamp)]| standing(&id("bc-m"), &own, latest);
    assert_eq!(stand(&[]), Standing::Alone);
    assert_eq!(stand(&[(id("bc-m"), at(10))]), Standing::Alone);
    let earlier = (id("bc-x"), at(9));
    assert_eq!(stand(&[(id("bc-m"), at(10)), earlier.clone()]), Standing::TakesOver(id("bc-x")));
    // The index does not show its own row yet.
    assert_eq!(stand(std::slice::from_ref(&earlier)), Standing::TakesOver(id("bc-x")));
    assert_eq!(stand(&[(id("bc-a"), at(11)), (id("bc-m"), at(10))]), Standing::TakenOver(id("bc-a")));
    assert_eq!(stand(&[(id("bc-a"), at(11)), earlier]), Standing::TakenOver(id("bc-a")));
    assert_eq!(stand(&[(id("bc-n"), at(10))]), Standing::TakenOver(id("bc-n")));
    assert_eq!(stand(&[(id("bc-l"), at(10))]), Standing::TakesOver(id("bc-l")));
}

#[test]
fn a_target_has_one_name_for_all_broadcasts_of_it() {
    let (row, _) = waiting();
    assert_eq!(row.target.key(&row.owner), "channel#demo");
    assert_eq!(Target::Settings.key(&row.owner), "settings#alice");
}

#[test]
fn a_later_redemption_has_a_higher_priority_in_31_bits() {
    assert_eq!(priority("2026-01-01T00:00:00Z".parse().unwrap()), 0);
    assert_eq!(priority("2026-01-02T00:00:01.900Z".parse().unwrap()), 86_401);
    assert_eq!(priority("2025-01-01T00:00:00Z".parse().unwrap()), 0);
    assert_eq!(priority("2999-01-01T00:00:00Z".parse().unwrap()), (1 << 31) - 1);
}

#[test]
fn a_users_own_settings_are_not_trusted() {
    let target = |kind| IngestTarget {
        url: "rtmps://live.example.com/app/".to_owned(),
        key: crate::channel::StreamKeyText::new("sk_secret".to_owned()),
        kind,
    };
    assert!(target(IngestKind::Ivs).is_trusted() && target(IngestKind::SelfHosted).is_trusted());
    assert!(!target(IngestKind::Settings).is_trusted());
    assert!(!format!("{:?}", target(IngestKind::Ivs)).contains("sk_secret"));
}

fn candidates(places: &[u32]) -> Vec<Candidate> {
    let candidate = |(at_place, places): (usize, &u32)| Candidate {
        server: Server {
            id: server(&format!("s{at_place}")),
            public_ip: "198.51.100.7".parse().unwrap(),
            availability_zone: None,
            started_at: None,
        },
        places: *places,
        lease_until: at(20),
    };
    places.iter().enumerate().map(candidate).collect()
}

#[test]
fn of_two_candidates_the_one_with_more_room_is_chosen() {
    assert_eq!(choose(&[], Draw(1, 2)), None);
    assert_eq!(choose(&candidates(&[3]), Draw(7, 9)), Some(0));
    for random in 0..10 {
        assert_eq!(choose(&candidates(&[3, 5]), Draw(random, random)), Some(1));
    }
    let all: std::collections::BTreeSet<_> =
        (0..4).flat_map(|one| (0..3).map(move |other| choose(&candidates(&[1, 1, 1, 1]), Draw(one, other)))).collect();
    assert_eq!(all.len(), 4);
}

proptest! {
    #[test]
    fn a_choice_is_never_the_one_with_the_least_room(
        places in prop::collection::vec(1u32..100, 2..30), one in any::<u64>(), other in any::<u64>(),
    ) {
        let chosen = choose(&candidates(&places), Draw(one, other)).unwrap();
        let least = *places.iter().min().unwrap();
        let is_only_least = places.iter().filter(|many| **many == least).count() == 1;
        prop_assert!(!is_only_least || places[chosen] > least);
    }
}

#[test]
fn tickets_on_their_way_take_places_until_they_are_redeemed_or_expire() {
    let mut ledger = PromiseLedger::new();
    ledger.observe(0, at(0));
    assert_eq!(ledger.places(40, 0, at(0)), 40);
    ledger.observe(3, at(5));
    assert_eq!(ledger.places(40, 0, at(5)), 37);
    ledger.redeemed(at(4));
    assert_eq!(ledger.places(40, 1, at(6)), 37);
    assert_eq!(ledger.places(40, 1, at(64)), 37);
    assert_eq!(ledger.places(40, 1, at(65)), 39);
    // A server that has more than it can hold has no place.
    assert_eq!(ledger.places(1, 5, at(65)), 0);
}

#[test]
fn a_ticket_that_comes_before_the_counter_tells_of_it_is_counted_once() {
    let mut ledger = PromiseLedger::new();
    ledger.observe(0, at(0));
    ledger.redeemed(at(1));
    ledger.observe(2, at(5));
    assert_eq!(ledger.outstanding(), 1);
}

#[test]
fn a_clock_that_is_ahead_does_not_make_room_out_of_nothing() {
    let mut ledger = PromiseLedger::new();
    ledger.observe(0, at(0));
    ledger.observe(1, at(5));
    // By the clock of who issued it, after the counter was seen; it had told of it already.
    ledger.redeemed(at(6));
    ledger.observe(2, at(10));
    assert_eq!(ledger.outstanding(), 1);
    ledger.observe(3, at(15));
    assert_eq!(ledger.outstanding(), 2);
}

#[test]
fn a_counter_that_begins_anew_is_followed() {
    let mut ledger = PromiseLedger::new();
    ledger.observe(50, at(0));
    ledger.observe(51, at(1));
    ledger.observe(0, at(2));
    assert_eq!((ledger.outstanding(), ledger.seen()), (51, 0));
    ledger.observe(2, at(3));
    assert_eq!(ledger.outstanding(), 53);
}

#[test]
fn a_ticket_is_counted_though_the_first_heartbeat_did_not_hear_that_it_was_written() {
    let mut ledger = PromiseLedger::new();
    let lent = ledger.lend();
    ledger.take_back(lent);
    ledger.observe(1, at(5));
    assert_eq!(ledger.outstanding(), 1);
}

#[test]
fn what_a_heartbeat_has_seen_and_what_was_redeemed_meanwhile_are_both_known_afterwards() {
    let mut ledger = PromiseLedger::new();
    ledger.observe(1, at(0));
    let mut lent = ledger.lend();
    ledger.redeemed(at(0));
    // The task tracker has written the row anew: another ticket would bring the counter to where it was before.
    lent.observe(0, at(5));
    ledger.take_back(lent);
    assert_eq!((ledger.outstanding(), ledger.seen()), (0, 0));
    ledger.observe(1, at(10));
    assert_eq!(ledger.outstanding(), 1);
}

#[test]
fn a_ticket_that_comes_before_a_heartbeat_has_seen_the_counter_is_counted_once() {
    let mut ledger = PromiseLedger::new();
    let mut lent = ledger.lend();
    ledger.redeemed(at(4));
    lent.observe(1, at(5));
    ledger.take_back(lent);
    assert_eq!(ledger.outstanding(), 0);
}

/// What may happen to a server, second by second.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// A ticket is given out for it.
    Promise,
    /// The oldest, or the newest, ticket on its way is redeemed.
    Redeem { oldest: bool },
    /// A session ends.
    Leave,
    /// Its heartbeat begins.
    Begin,
    /// It writes the row, or is refused and looks at the counter.
    Write,
    /// It is over, whatever came of it.
    End,
    /// The task tracker writes the row anew.
    Track,
    /// Time passes.
    Wait(u64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        4 => Just(Event::Promise),
        3 => any::<bool>().prop_map(|oldest| Event::Redeem { oldest }),
        1 => Just(Event::Leave),
        3 => Just(Event::Begin),
        5 => Just(Event::Write),
        3 => Just(Event::End),
        1 => Just(Event::Track),
        3 => (0u64..20).prop_map(Event::Wait),
    ];
    prop::collection::vec(event, 1..200)
}

proptest! {
    #[test]
    fn a_server_never_has_more_sessions_and_tickets_than_places(events in events()) {
        const CAPACITY: u32 = 6;
        let mut ledger = PromiseLedger::new();
        // What a heartbeat has, and how many sessions there were at its beginning.
        let mut beat: Option<(PromiseLedger, u32, u64)> = None;
        let (mut now, mut sessions) = (0, 0);
        // What the row says, as the function counts it.
        let (mut places, mut promised) = (0, 0);
        let mut on_their_way: Vec<u64> = Vec::new();
        for event in events {
            on_their_way.retain(|issued| issued + 60 > now);
            match event {
                Event::Promise if places > 0 => {
                    (places, promised) = (places - 1, promised + 1);
                    on_their_way.push(now);
                }
                Event::Redeem { oldest } if !on_their_way.is_empty() => {
                    let issued = if oldest { on_their_way.remove(0) } else { on_their_way.pop().unwrap() };
                    ledger.redeemed(at(issued));
                    sessions += 1;
                }
                Event::Leave if sessions > 0 => sessions -= 1,
                Event::Begin if beat.is_none() => beat = Some((ledger.lend(), sessions, now)),
                Event::Write => if let Some((lent, sessions, begun)) = &mut beat {
                    if lent.seen() == promised {
                        places = lent.places(CAPACITY, *sessions, at(*begun));
                    }
                    lent.observe(promised, at(now));
                },
                Event::End => if let Some((lent, _, _)) = beat.take() {
                    ledger.take_back(lent);
                },
                // Tickets that no heartbeat has seen before are not known after that.
                Event::Track if beat.as_ref().map_or(&ledger, |(lent, _, _)| lent).seen() == promised => {
                    (places, promised) = (0, 0);
                }
                Event::Wait(seconds) => now += seconds,
                _ => {}
            }
            let taken = u64::from(sessions) + on_their_way.iter().filter(|issued| *issued + 60 > now).count() as u64;
            prop_assert!(taken <= u64::from(CAPACITY), "{sessions} sessions and {on_their_way:?} at {now}");
        }
        // Once all is quiet, every place is there again.
        if let Some((lent, _, _)) = beat {
            ledger.take_back(lent);
        }
        ledger.observe(promised, at(now + 1));
        prop_assert_eq!(ledger.places(CAPACITY, sessions, at(now + 62)), CAPACITY - sessions);
    }
}
