//! The rules, case by case and for any history.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::decide::MOST_TOKENS;
use super::*;
use crate::error::{Conflict, Denial, Error};
use crate::stage::{Admission, Doors, Endpoints, Stage};
use crate::{DeviceName, ParticipantId, Timestamp, UserId};

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
        issued_at: now() + left - minutes(60),
        expires_at: now() + left,
        capabilities: Capabilities::ALL,
        asked: Attributes::default(),
        attributes: Attributes::default(),
        origin: TokenOrigin::Signed { events_url: String::new(), whip_url: String::new() },
        outdated: false,
    }
}

/// The tokens of a user who names no device.
fn unnamed(token: IssuedToken) -> BTreeMap<Option<DeviceName>, IssuedToken> {
    BTreeMap::from([(None, token)])
}

fn command(held: Held) -> TokenRequest {
    TokenRequest {
        stage: "demo".parse().unwrap(),
        caller: user("guest"),
        device: None,
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
    let holding = |left| Participant { current: unnamed(token("p1", left)), ..guest(&stage(Admission::Open)) };
    assert!(is_given_again(&holding(minutes(5)), &command(Held::Reuse)));
    assert!(!is_given_again(&holding(minutes(5) - Duration::from_secs(1)), &command(Held::Reuse)));
    assert!(!is_given_again(&holding(minutes(60)), &command(Held::Renew)));
}

#[test]
fn a_short_token_is_given_again_for_half_of_its_time() {
    let lasting = |lasts, passed| {
        let current = IssuedToken { issued_at: now() - passed, ..token("p1", lasts - passed) };
        Participant { current: unnamed(current), ..guest(&stage(Admission::Open)) }
    };
    for lasts in [1, 4, 9].map(minutes) {
        assert!(is_given_again(&lasting(lasts, Duration::ZERO), &command(Held::Reuse)));
        assert!(is_given_again(&lasting(lasts, lasts / 2), &command(Held::Reuse)));
        assert!(!is_given_again(&lasting(lasts, lasts / 2 + Duration::from_secs(1)), &command(Held::Reuse)));
    }
    assert!(is_given_again(&lasting(minutes(12), minutes(7)), &command(Held::Reuse)));
}

/// What a token is issued with when the caller says nothing of attributes.
fn kept(participant: &Participant) -> Attributes {
    match decide(&stage(Admission::Open), participant, &command(Held::Renew), true, now()).unwrap() {
        Decision::Issue { attributes, .. } => attributes,
        Decision::GiveAgain(_) => panic!("given again"),
    }
}

#[test]
fn attributes_stay_until_the_user_or_the_owner_sets_others() {
    let granted = |role| Access::Granted(Grant { attributes: attributes(role), ..Grant::default() });
    let name = Attributes::try_from([("name".to_owned(), "Bob".to_owned())]).unwrap();
    // The last token has expired, and perhaps is forgotten.
    let mut holding = Participant { asked: name.clone(), ..guest(&stage(Admission::Open)) };
    assert_eq!(kept(&holding), name);
    holding.current = unnamed(IssuedToken { asked: name.clone(), ..token("p1", Duration::ZERO) });
    assert_eq!(kept(&holding), name);
    // A grant's stand over them, and take nothing away when they are taken back.
    let both = |role| name.overlaid_with(&attributes(role)).unwrap();
    for role in ["speaker", "host"] {
        holding.change_access(granted(role));
        assert_eq!(kept(&holding), both(role));
    }
    holding.change_access(Access::Granted(Grant::default()));
    assert_eq!(kept(&holding), name);
    // None are others, too.
    let none = TokenRequest { attributes: Some(Attributes::default()), ..command(Held::Renew) };
    let decision = decide(&stage(Admission::Open), &holding, &none, true, now()).unwrap();
    let nothing = Attributes::default();
    assert!(
        matches!(decision, Decision::Issue { asked, attributes, .. } if (&asked, &attributes) == (&nothing, &nothing))
    );
}

#[test]
fn attributes_that_stay_give_way_to_a_grant_that_leaves_no_room_for_them() {
    let long = |key: &str| Attributes::try_from([(key.to_owned(), "x".repeat(600))]).unwrap();
    let access = Access::Granted(Grant { attributes: long("role"), ..Grant::default() });
    let holding = Participant { asked: long("name"), access, ..guest(&stage(Admission::Open)) };
    assert_eq!(kept(&holding), long("role"));
    let asking = TokenRequest { attributes: Some(long("name")), ..command(Held::Reuse) };
    let refused = decide(&stage(Admission::Open), &holding, &asking, true, now());
    assert!(matches!(refused, Err(Error::InvalidRequest(_))));
}

#[test]
fn capabilities_that_are_left_out_are_all_that_are_allowed_whatever_was_asked_for_before() {
    let watching = IssuedToken { capabilities: Capabilities::SUBSCRIBE, ..token("p1", minutes(60)) };
    let holding = Participant { current: unnamed(watching), ..guest(&stage(Admission::Open)) };
    let decision = decide(&stage(Admission::Open), &holding, &command(Held::Reuse), true, now()).unwrap();
    assert!(matches!(decision, Decision::Issue { capabilities: Capabilities::ALL, .. }));
}

#[test]
fn a_row_is_kept_for_its_attributes_after_its_last_token() {
    let mut row = Participant { current: unnamed(token("p1", minutes(60))), ..guest(&stage(Admission::Open)) };
    assert_eq!(row.ends_at(), Some(now() + minutes(60)));
    row.asked = attributes("guest");
    assert_eq!(row.ends_at(), Some(now() + minutes(60) + minutes(30 * 24 * 60)));
}

#[test]
fn a_token_is_not_given_to_who_asks_for_something_else() {
    let current =
        IssuedToken { asked: attributes("guest"), attributes: attributes("guest"), ..token("p1", minutes(60)) };
    let holding = Participant { current: unnamed(current), ..guest(&stage(Admission::Open)) };
    let asking = |capabilities, attributes| TokenRequest { capabilities, attributes, ..command(Held::Reuse) };
    assert!(is_given_again(&holding, &asking(Some(Capabilities::ALL), Some(attributes("guest")))));
    assert!(!is_given_again(&holding, &asking(Some(PUBLISH), None)));
    assert!(!is_given_again(&holding, &asking(None, Some(attributes("host")))));
}

#[test]
fn a_token_of_before_a_changed_grant_is_not_given_again() {
    let mut holding = Participant { current: unnamed(token("p1", minutes(60))), ..guest(&stage(Admission::Open)) };
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
    let promoted = Participant { current: unnamed(current.clone()), access: Access::Granted(grant), ..guest(&hosted) };
    assert_eq!(
        decide(&hosted, &promoted, &command(Held::Exchange), true, now()).unwrap(),
        Decision::Issue {
            capabilities: Capabilities::ALL,
            asked: Attributes::default(),
            attributes: attributes("speaker"),
            replaces: Some(current),
        }
    );
}

#[test]
fn an_exchange_needs_a_valid_token_that_was_signed_here() {
    let open = stage(Admission::Open);
    let by_ivs = TokenOrigin::Ivs(ParticipantToken::new("ey".to_owned()));
    let holding = |token: Option<_>| Participant { current: token.map(unnamed).unwrap_or_default(), ..guest(&open) };
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
    let holding = Participant { current: unnamed(token("p1", minutes(60))), ..guest(&open) };
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
    holding.current = unnamed(token("p0", minutes(60)));
    let refused = decide(&open, &holding, &command(Held::Renew), true, now());
    assert!(matches!(refused, Err(Error::Conflict(Conflict::TooManyTokens))));
    assert!(decide(&open, &holding, &command(Held::Exchange), true, now()).is_ok());
    // The participant of a token that has expired would be one more.
    holding.earlier.push(EarlierToken { participant_id: "p10".parse().unwrap(), expires_at: now() + minutes(60) });
    holding.current = unnamed(token("p0", Duration::ZERO));
    let refused = decide(&open, &holding, &command(Held::Reuse), true, now());
    assert!(matches!(refused, Err(Error::Conflict(Conflict::TooManyTokens))));
}

#[test]
fn each_device_has_a_token_of_its_own_and_all_share_the_ten_places() {
    let open = stage(Admission::Open);
    let device = |name: &str| Some(name.parse::<DeviceName>().unwrap());
    let asking = |name: &str, held| TokenRequest { device: device(name), ..command(held) };
    let mut holding = guest(&open);
    for name in ["phone", "desk"] {
        let issued = decide(&open, &holding, &asking(name, Held::Reuse), true, now()).unwrap();
        assert!(matches!(issued, Decision::Issue { replaces: None, .. }));
        holding.issue(device(name), token(name, minutes(60)), now());
    }
    let given = |name, held| decide(&open, &holding, &asking(name, held), true, now()).unwrap();
    for name in ["phone", "desk"] {
        assert!(
            matches!(given(name, Held::Reuse), Decision::GiveAgain(token) if token.participant_id.as_str() == name)
        );
        let Decision::Issue { replaces: Some(replaced), .. } = given(name, Held::Exchange) else { panic!("{name}") };
        assert_eq!(replaced.participant_id.as_str(), name);
    }
    // One that has none exchanges nobody else's.
    for command in [command(Held::Exchange), asking("tv", Held::Exchange)] {
        let refused = decide(&open, &holding, &command, true, now());
        assert!(matches!(refused, Err(Error::Conflict(Conflict::NothingToExchange))));
    }
    for n in 2..MOST_TOKENS {
        holding.issue(device(&format!("tab{n}")), token(&format!("p{n}"), minutes(60)), now());
    }
    let refused = decide(&open, &holding, &asking("tv", Held::Reuse), true, now());
    assert!(matches!(refused, Err(Error::Conflict(Conflict::TooManyTokens))));
    // A grant is news to each of them, and a removal knows all.
    holding.change_access(Access::Granted(Grant { attributes: attributes("speaker"), ..Grant::default() }));
    assert!(holding.current.values().all(|token| token.outdated));
    holding.retire_current(now());
    assert_eq!((holding.current.len(), holding.earlier.len()), (0, MOST_TOKENS));
}

#[test]
fn attributes_stay_with_their_device_and_a_new_one_begins_with_the_last() {
    let open = stage(Admission::Open);
    let device = |name: &str| Some(name.parse::<DeviceName>().unwrap());
    let mut holding = guest(&open);
    for (name, role) in [("phone", "guest"), ("desk", "host")] {
        let asked = attributes(role);
        holding.issue(device(name), IssuedToken { asked, ..token(name, minutes(60)) }, now());
    }
    for (name, role) in [("phone", "guest"), ("desk", "host"), ("tv", "host")] {
        let asking = TokenRequest { device: device(name), ..command(Held::Renew) };
        let Decision::Issue { asked, .. } = decide(&open, &holding, &asking, true, now()).unwrap() else { panic!() };
        assert_eq!(asked, attributes(role), "{name}");
    }
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
        steps in prop::collection::vec((0u8..5, 1u64..300, 0u64..60, prop::option::of(0u8..3)), 1..30)
    ) {
        let mut participant = guest(&stage(Admission::Open));
        let mut given: Vec<(ParticipantId, Timestamp)> = Vec::new();
        let mut at = now();
        for (id, lasts, passes, device) in steps {
            at = at + minutes(passes);
            let issued = IssuedToken { expires_at: at + minutes(lasts), ..token(&format!("p{id}"), minutes(0)) };
            given.push((issued.participant_id.clone(), issued.expires_at));
            participant.issue(device.map(|n| format!("d{n}").parse().unwrap()), issued, at);
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
        let current = if publish { unnamed(token("p1", minutes(60))) } else { BTreeMap::new() };
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
