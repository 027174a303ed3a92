//! The rules, case by case and for any history.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::decide::MOST_TOKENS;
use super::*;
use crate::error::{Conflict, Denial, Error};
use crate::stage::{Admission, Doors, Endpoints, Stage};
use crate::{ParticipantId, Timestamp, UserId};

const PUBLISH: Capabilities = Capabilities::PUBLISH;

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

fn user(id: &str) -> UserId {
    id.parse().unwrap()
}

fn stage(admission: Admission) -> Stage {
    Stage {
        name: "demo".parse().unwrap(),
        arn: "arn:aws:ivs:us-east-1:000000000000:stage/abc".parse().unwrap(),
        owner: user("owner"),
        doors: Doors::Open,
        admission,
        endpoints: Endpoints { events: String::new(), whip: String::new(), fetched_at: now() },
        created_at: now(),
    }
}

fn guest(stage: &Stage) -> Participant {
    Participant::unknown(stage, user("guest"))
}

fn token(id: &str, left: Duration) -> IssuedToken {
    IssuedToken {
        participant_id: id.parse().unwrap(),
        issued_at: now(),
        expires_at: now() + left,
        capabilities: Capabilities::ALL,
        attributes: Attributes::default(),
        origin: TokenOrigin::Signed { events_url: String::new(), whip_url: String::new() },
        outdated: false,
    }
}

fn command(held: Held) -> TokenRequest {
    TokenRequest {
        stage: "demo".parse().unwrap(),
        caller: user("guest"),
        duration: TokenDuration::default(),
        capabilities: None,
        attributes: None,
        held,
        participant_id: "new".parse().unwrap(),
    }
}

fn attributes(role: &str) -> Attributes {
    Attributes::try_from([("role".to_owned(), role.to_owned())]).unwrap()
}

fn is_given_again(participant: &Participant, command: &TokenRequest) -> bool {
    let decision = decide(&stage(Admission::Open), participant, command, true, now()).unwrap();
    matches!(decision, Decision::GiveAgain(_))
}

#[test]
fn admission_decides_until_the_owner_speaks() {
    let (open, hosted) = (stage(Admission::Open), stage(Admission::Hosted));
    let owner = Participant::unknown(&hosted, user("owner"));
    assert_eq!(guest(&open).allowed(&open), Ok(Capabilities::ALL));
    assert_eq!(guest(&hosted).allowed(&hosted), Ok(Capabilities::SUBSCRIBE));
    assert_eq!(owner.allowed(&hosted), Ok(Capabilities::ALL));
    let grant = Grant { capabilities: Some(PUBLISH), attributes: Attributes::default() };
    let granted = Participant { access: Access::Granted(grant), ..guest(&hosted) };
    assert_eq!(granted.allowed(&hosted), Ok(PUBLISH));
    let removed = Participant { access: Access::Removed, ..guest(&open) };
    assert_eq!(removed.allowed(&open), Err(Denial::Removed));
}

#[test]
fn a_closed_stage_lets_only_its_owner_in() {
    let closed = Stage { doors: Doors::Closed, ..stage(Admission::Open) };
    let invited = Participant { access: Access::Granted(Grant::default()), ..guest(&closed) };
    assert_eq!(invited.allowed(&closed), Err(Denial::StageClosed));
    assert_eq!(Participant::unknown(&closed, user("owner")).allowed(&closed), Ok(Capabilities::ALL));
}

#[test]
fn fewer_capabilities_may_be_asked_for_and_more_may_not() {
    let hosted = stage(Admission::Hosted);
    let asking = |capabilities| TokenRequest { capabilities: Some(capabilities), ..command(Held::Reuse) };
    let decide = |command| decide(&hosted, &guest(&hosted), &command, true, now());
    assert!(decide(asking(Capabilities::SUBSCRIBE)).is_ok());
    for more in [Capabilities::ALL, PUBLISH] {
        assert!(matches!(decide(asking(more)), Err(Error::Forbidden(Denial::Capabilities))));
    }
}

#[test]
fn a_token_is_given_again_while_it_has_five_minutes_left() {
    let holding = |left| Participant { current: Some(token("p1", left)), ..guest(&stage(Admission::Open)) };
    assert!(is_given_again(&holding(minutes(5)), &command(Held::Reuse)));
    assert!(!is_given_again(&holding(minutes(5) - Duration::from_secs(1)), &command(Held::Reuse)));
    assert!(!is_given_again(&holding(minutes(60)), &command(Held::Renew)));
}

#[test]
fn a_token_is_not_given_to_who_asks_for_something_else() {
    let current = IssuedToken { attributes: attributes("guest"), ..token("p1", minutes(60)) };
    let holding = Participant { current: Some(current), ..guest(&stage(Admission::Open)) };
    let asking = |capabilities, attributes| TokenRequest { capabilities, attributes, ..command(Held::Reuse) };
    assert!(is_given_again(&holding, &asking(Some(Capabilities::ALL), Some(attributes("guest")))));
    assert!(!is_given_again(&holding, &asking(Some(PUBLISH), None)));
    assert!(!is_given_again(&holding, &asking(None, Some(attributes("host")))));
}

#[test]
fn a_token_of_before_a_changed_grant_is_not_given_again() {
    let mut holding = Participant { current: Some(token("p1", minutes(60))), ..guest(&stage(Admission::Open)) };
    holding.change_access(Access::ByAdmission);
    assert!(is_given_again(&holding, &command(Held::Reuse)));
    holding.change_access(Access::Granted(Grant { attributes: attributes("speaker"), ..Grant::default() }));
    assert!(!is_given_again(&holding, &command(Held::Reuse)));
}

#[test]
fn an_exchange_keeps_the_participant_and_takes_the_present_grant() {
    let hosted = stage(Admission::Hosted);
    let current = IssuedToken { capabilities: Capabilities::SUBSCRIBE, ..token("p1", minutes(60)) };
    let grant = Grant { capabilities: Some(Capabilities::ALL), attributes: attributes("speaker") };
    let promoted = Participant { current: Some(current.clone()), access: Access::Granted(grant), ..guest(&hosted) };
    assert_eq!(
        decide(&hosted, &promoted, &command(Held::Exchange), true, now()).unwrap(),
        Decision::Issue { capabilities: Capabilities::ALL, attributes: attributes("speaker"), replaces: Some(current) }
    );
}

#[test]
fn an_exchange_needs_a_valid_token_that_was_signed_here() {
    let open = stage(Admission::Open);
    let by_ivs = TokenOrigin::Ivs(ParticipantToken::new("ey".to_owned()));
    let holding = |token| Participant { current: token, ..guest(&open) };
    let refusal = |token, can_sign| match decide(&open, &holding(token), &command(Held::Exchange), can_sign, now()) {
        Err(Error::Conflict(conflict)) => Some(conflict),
        _ => None,
    };
    assert_eq!(refusal(None, true), Some(Conflict::NothingToExchange));
    assert_eq!(refusal(Some(token("p1", Duration::ZERO)), true), Some(Conflict::NothingToExchange));
    let ivs = IssuedToken { origin: by_ivs, ..token("p1", minutes(60)) };
    assert_eq!(refusal(Some(ivs), true), Some(Conflict::ExchangeNotSupported));
    assert_eq!(refusal(Some(token("p1", minutes(60))), false), Some(Conflict::ExchangeNotSupported));
}

#[test]
fn a_signed_token_cannot_be_given_again_without_a_key() {
    let open = stage(Admission::Open);
    let holding = Participant { current: Some(token("p1", minutes(60))), ..guest(&open) };
    let decision = decide(&open, &holding, &command(Held::Reuse), false, now()).unwrap();
    assert!(matches!(decision, Decision::Issue { replaces: None, .. }));
}

#[test]
fn what_the_owner_grants_comes_over_what_the_user_asks_for() {
    let open = stage(Admission::Open);
    let grant = Grant { capabilities: None, attributes: attributes("guest") };
    let granted = Participant { access: Access::Granted(grant), ..guest(&open) };
    let asking = TokenRequest { attributes: Some(attributes("host")), ..command(Held::Reuse) };
    let Decision::Issue { attributes: given, .. } = decide(&open, &granted, &asking, true, now()).unwrap() else {
        panic!("given again");
    };
    assert_eq!(given, attributes("guest"));
}

#[test]
fn nobody_hoards_tokens() {
    let open = stage(Admission::Open);
    let earlier = (1..MOST_TOKENS)
        .map(|n| EarlierToken { participant_id: format!("p{n}").parse().unwrap(), expires_at: now() + minutes(60) });
    let mut holding = Participant { earlier: earlier.collect(), ..guest(&open) };
    assert!(decide(&open, &holding, &command(Held::Renew), true, now()).is_ok());
    holding.current = Some(token("p0", minutes(60)));
    let refused = decide(&open, &holding, &command(Held::Renew), true, now());
    assert!(matches!(refused, Err(Error::Conflict(Conflict::TooManyTokens))));
    assert!(decide(&open, &holding, &command(Held::Exchange), true, now()).is_ok());
}

#[test]
fn a_row_of_an_earlier_stage_of_that_name_counts_for_nothing() {
    let before =
        Participant { access: Access::Removed, version: Some("v3".parse().unwrap()), ..guest(&stage(Admission::Open)) };
    let again =
        Stage { arn: "arn:aws:ivs:us-east-1:000000000000:stage/def".parse().unwrap(), ..stage(Admission::Open) };
    let read = Participant::of(&again, user("guest"), Some(before));
    assert_eq!(read.version.unwrap().as_str(), "v3");
    assert_eq!((&read.access, &read.stage_arn), (&Access::ByAdmission, &again.arn));
}

proptest! {
    /// Whatever order tokens were issued, exchanged and expired in: a removal disconnects each that can still join.
    #[test]
    fn every_token_that_can_still_join_is_known(
        steps in prop::collection::vec((0u8..5, 1u64..300, 0u64..60), 1..30)
    ) {
        let mut participant = guest(&stage(Admission::Open));
        let mut given: Vec<(ParticipantId, Timestamp)> = Vec::new();
        let mut at = now();
        for (id, lasts, passes) in steps {
            at = at + minutes(passes);
            let issued = IssuedToken { expires_at: at + minutes(lasts), ..token(&format!("p{id}"), minutes(0)) };
            given.push((issued.participant_id.clone(), issued.expires_at));
            participant.retire_current(at);
            participant.current = Some(issued);
            let alive: BTreeSet<&ParticipantId> =
                given.iter().filter(|(_, end)| *end > at).map(|(id, _)| id).collect();
            prop_assert_eq!(participant.unexpired(at), alive);
        }
    }

    #[test]
    fn nothing_beyond_what_is_allowed_is_ever_issued(
        publish in any::<bool>(), ask in prop::option::of(0u8..3), hosted in any::<bool>(), closed in any::<bool>()
    ) {
        let ask = ask.map(|n| [PUBLISH, Capabilities::SUBSCRIBE, Capabilities::ALL][usize::from(n)]);
        let doors = if closed { Doors::Closed } else { Doors::Open };
        let stage = Stage { doors, ..stage(if hosted { Admission::Hosted } else { Admission::Open }) };
        let current = if publish { Some(token("p1", minutes(60))) } else { None };
        let participant = Participant { current, ..guest(&stage) };
        let command = TokenRequest { capabilities: ask, ..command(Held::Reuse) };
        match (decide(&stage, &participant, &command, true, now()), participant.allowed(&stage)) {
            (Ok(Decision::GiveAgain(token)), Ok(allowed)) => prop_assert!(token.capabilities.within(allowed)),
            (Ok(Decision::Issue { capabilities, .. }), Ok(allowed)) => prop_assert!(capabilities.within(allowed)),
            (decision, allowed) => prop_assert!(decision.is_err(), "{:?} {:?}", decision, allowed),
        }
    }
}

#[test]
fn limits_are_those_of_ivs() {
    assert!(TokenDuration::try_from(20160.0).is_ok() && TokenDuration::try_from(1.0).is_ok());
    for minutes in [0.0, -1.0, 0.5, 1.5, 20161.0, 65_596.0, 1e300, f64::NAN] {
        assert_eq!(TokenDuration::try_from(minutes), Err(InvalidDuration));
    }
    assert!(Attributes::try_from([("k".to_owned(), "v".repeat(1023))]).is_ok());
    assert!(Attributes::try_from([("k".to_owned(), "v".repeat(1024))]).is_err());
    assert!(Capabilities::try_from(Vec::new()).is_err());
}
