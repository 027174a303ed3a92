//! Who may join.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use time::Duration;

use super::*;
use crate::aws::assumptions::{Assumed, Assumptions};

/// A service with a stage, and a key that the account has imported.
struct Studio {
    service: IvsRealTime,
    stage: Value,
    key: SigningKey,
    kid: String,
}

impl Studio {
    fn new() -> Self {
        let service = empty();
        let (stage, key) = (stage(&service), SigningKey::generate());
        let kid = import(&service, &key);
        Self { service, stage, key, kid }
    }

    fn token(&self, participant: &str) -> String {
        self.key.sign(&header(&self.kid), &claims(&self.stage, participant))
    }

    /// A token with these claims changed; null takes one away.
    fn token_with(&self, changes: Value) -> String {
        let mut claims = claims(&self.stage, "p1");
        for (claim, value) in changes.as_object().unwrap() {
            claims[claim] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        self.key.sign(&header(&self.kid), &claims)
    }

    fn refusal(&self, token: &str) -> (u64, String) {
        self.refusal_at(token, NOW)
    }

    fn refusal_at(&self, token: &str, now: OffsetDateTime) -> (u64, String) {
        let answer = self.service.join(token, now);
        assert_eq!(answer["joined"], false, "{answer}");
        assert!(!answer["reason"].as_str().unwrap().is_empty());
        (answer["code"].as_u64().unwrap(), answer["name"].as_str().unwrap().to_owned())
    }

    fn delete_key(&self) {
        call(&self.service, "DeletePublicKey", json!({"arn": self.kid}));
    }

    fn disconnect(&self, participant: &str) {
        let input = json!({"stageArn": self.stage["arn"], "participantId": participant});
        call(&self.service, "DisconnectParticipant", input);
    }
}

fn malformed() -> (u64, String) {
    (1, "TOKEN_MALFORMED".to_owned())
}

fn expired() -> (u64, String) {
    (2, "TOKEN_EXPIRED".to_owned())
}

fn not_allowed() -> (u64, String) {
    (8, "TOKEN_NOT_ALLOWED".to_owned())
}

fn stage_deleted() -> (u64, String) {
    (9, "STAGE_DELETED".to_owned())
}

fn participant_disconnected() -> (u64, String) {
    (10, "PARTICIPANT_DISCONNECTED".to_owned())
}

#[test]
fn a_token_of_an_imported_key_joins() {
    let studio = Studio::new();
    let answer = studio.service.join(&studio.token("p1"), NOW);
    let session = answer["sessionId"].clone();
    let expected = json!({
        "joined": true, "participantId": "p1", "userId": "alice", "capabilities": ["PUBLISH", "SUBSCRIBE"],
        "attributes": {"role": "host"}, "sessionId": session, "connection": answer["connection"],
    });
    assert_eq!(answer, expected);
    let input = json!({"stageArn": studio.stage["arn"], "sessionId": session});
    let participants = call(&studio.service, "ListParticipants", input)["participants"].clone();
    assert_eq!((&participants[0]["participantId"], &participants[0]["state"]), (&json!("p1"), &json!("CONNECTED")));
}

#[test]
fn what_is_optional_may_be_missing() {
    let studio = Studio::new();
    let changes = json!({"user_id": null, "attributes": null, "capabilities": {"allow_subscribe": true}});
    let answer = studio.service.join(&studio.token_with(changes), NOW);
    assert_eq!((&answer["joined"], &answer["capabilities"]), (&json!(true), &json!(["SUBSCRIBE"])));
    assert_eq!((&answer["userId"], &answer["attributes"]), (&Value::Null, &json!({})));
}

#[test]
fn claims_that_are_missing_or_wrong_are_malformed() {
    let studio = Studio::new();
    let mandatory = ["exp", "iat", "jti", "resource", "topic", "events_url", "whip_url", "capabilities", "version"];
    let missing = mandatory.map(|claim| json!({claim: null}));
    let iat = NOW.unix_timestamp();
    let wrong = [
        json!({"exp": (iat + 60).to_string()}),
        json!({"exp": 1_767_229_200.5}),
        json!({"exp": iat + 14 * 86_400 + 1}),
        json!({"exp": i64::MAX, "iat": i64::MIN}),
        json!({"jti": ""}),
        json!({"jti": "p".repeat(65)}),
        json!({"jti": "p 1"}),
        json!({"topic": "another"}),
        json!({"resource": "demo"}),
        json!({"events_url": "wss://example.com"}),
        json!({"whip_url": "https://0123456789ab.global-bm.whip.live-video.net"}),
        json!({"version": "2.0"}),
        json!({"version": 1.0}),
        json!({"capabilities": ["PUBLISH"]}),
        json!({"capabilities": {"allow_publish": "yes"}}),
        json!({"attributes": {"age": 7}}),
        json!({"attributes": {"role": "x".repeat(1_021)}}),
        json!({"user_id": "u".repeat(129)}),
    ];
    for changes in missing.into_iter().chain(wrong) {
        assert_eq!(studio.refusal(&studio.token_with(changes.clone())), malformed(), "{changes}");
    }
}

#[test]
fn a_token_may_last_14_days_to_the_second() {
    let studio = Studio::new();
    let token = studio.token_with(json!({"exp": NOW.unix_timestamp() + 14 * 86_400}));
    assert_eq!(studio.service.join(&token, NOW)["joined"], true);
}

#[test]
fn headers_that_are_wrong_are_malformed() {
    let studio = Studio::new();
    let claims = claims(&studio.stage, "p1");
    for header in [
        json!({"typ": "JWT", "kid": studio.kid}),
        json!({"alg": "ES384", "kid": studio.kid}),
        json!({"alg": "ES384", "typ": "JWT"}),
        json!({"alg": "none", "typ": "JWT", "kid": studio.kid}),
        json!({"alg": "ES256", "typ": "JWT", "kid": studio.kid}),
        json!({"alg": "ES384", "typ": "at+jwt", "kid": studio.kid}),
        json!([]),
    ] {
        assert_eq!(studio.refusal(&studio.key.sign(&header, &claims)), malformed(), "{header}");
    }
}

#[test]
fn what_is_no_token_is_malformed() {
    let studio = Studio::new();
    for text in ["", ".", "..", "a.b", "a.b.c", "....", "eyJhbGciOiJLTVMiLCJ0eXAiOiJKV1QifQ.e30.", "ä.ö.ü"] {
        assert_eq!(studio.refusal(text), malformed(), "{text}");
    }
}

#[test]
fn an_expired_token_is_refused_from_its_last_second_on() {
    let studio = Studio::new();
    let token = studio.token("p1");
    assert_eq!(studio.refusal_at(&token, NOW + Duration::seconds(3_600)), expired());
    assert_eq!(studio.service.join(&token, NOW + Duration::seconds(3_599))["joined"], true);
}

#[test]
fn a_token_that_another_key_signed_is_not_allowed() {
    let studio = Studio::new();
    let forged = SigningKey::generate().sign(&header(&studio.kid), &claims(&studio.stage, "p1"));
    assert_eq!(studio.refusal(&forged), not_allowed());
}

#[test]
fn a_changed_token_is_not_allowed() {
    let studio = Studio::new();
    let token = studio.token("p1");
    let (message, signature) = token.rsplit_once('.').unwrap();
    let (header, _) = message.split_once('.').unwrap();
    let promoted = URL_SAFE_NO_PAD.encode(claims(&studio.stage, "p2").to_string());
    assert_eq!(studio.refusal(&format!("{header}.{promoted}.{signature}")), not_allowed());
    assert_eq!(studio.refusal(&format!("{message}.")), not_allowed());
}

#[test]
fn a_key_that_was_never_imported_or_is_deleted_vouches_for_nobody() {
    let studio = Studio::new();
    let unknown =
        studio.key.sign(&header(&studio.kid.replace("public-key/", "public-key/x")), &claims(&studio.stage, "p1"));
    assert_eq!(studio.refusal(&unknown), not_allowed());
    let token = studio.token("p1");
    studio.delete_key();
    assert_eq!(studio.refusal(&token), not_allowed());
}

#[test]
fn keys_rotate_with_overlap() {
    let studio = Studio::new();
    let next = SigningKey::generate();
    let kid = import(&studio.service, &next);
    let (old, new) = (studio.token("p1"), next.sign(&header(&kid), &claims(&studio.stage, "p2")));
    assert_eq!(studio.service.join(&old, NOW)["joined"], true);
    assert_eq!(studio.service.join(&new, NOW)["joined"], true);
    // The kid must name the key that signed, not just some key of the account.
    let mixed_up = next.sign(&header(&studio.kid), &claims(&studio.stage, "p3"));
    assert_eq!(studio.refusal(&mixed_up), not_allowed());
    studio.delete_key();
    assert_eq!(studio.refusal(&old), not_allowed());
    assert_eq!(studio.service.join(&new, NOW)["joined"], true);
}

#[test]
fn nobody_joins_a_deleted_stage() {
    let studio = Studio::new();
    let signed = studio.token("p1");
    let issued = call(&studio.service, "CreateParticipantToken", json!({"stageArn": studio.stage["arn"]}));
    call(&studio.service, "DeleteStage", json!({"arn": studio.stage["arn"]}));
    assert_eq!(studio.refusal(&signed), stage_deleted());
    assert_eq!(studio.refusal(issued["participantToken"]["token"].as_str().unwrap()), stage_deleted());
}

#[test]
fn who_was_disconnected_cannot_come_back() {
    let studio = Studio::new();
    let token = studio.token("p1");
    assert_eq!(studio.service.join(&token, NOW)["joined"], true);
    studio.disconnect("p1");
    assert_eq!(studio.refusal(&token), participant_disconnected());
    assert_eq!(studio.refusal(&studio.token("p1")), participant_disconnected());
    assert_eq!(studio.service.join(&studio.token("p2"), NOW)["joined"], true);
}

#[test]
fn who_is_disconnected_beforehand_cannot_come() {
    let studio = Studio::new();
    studio.disconnect("p1");
    assert_eq!(studio.refusal(&studio.token("p1")), participant_disconnected());
}

#[test]
fn who_is_disconnected_beforehand_may_be_unknown_and_come() {
    let mut studio = Studio::new();
    studio.service.assume(Assumed::new(Assumptions::UNKIND));
    let input = json!({"stageArn": studio.stage["arn"], "participantId": "p1"});
    assert_eq!(code(&studio.service, "DisconnectParticipant", input), NOT_FOUND);
    assert_eq!(studio.service.join(&studio.token("p1"), NOW)["joined"], true);
    // Who has come can be disconnected for good, and so can who has left.
    studio.disconnect("p1");
    studio.disconnect("p1");
    assert_eq!(studio.refusal(&studio.token("p1")), participant_disconnected());
}

#[test]
fn a_new_token_of_a_participant_brings_its_new_attributes() {
    let studio = Studio::new();
    let session = studio.service.join(&studio.token("p1"), NOW)["sessionId"].clone();
    let promoted = studio.token_with(json!({"attributes": {"role": "guest"}}));
    assert_eq!(studio.service.join(&promoted, NOW)["sessionId"], session);
    let participant = json!({"stageArn": studio.stage["arn"], "sessionId": session, "participantId": "p1"});
    let participant = call(&studio.service, "GetParticipant", participant)["participant"].clone();
    assert_eq!(participant["attributes"], json!({"role": "guest"}));
}

#[test]
fn only_the_very_token_that_ivs_issued_joins() {
    let studio = Studio::new();
    let issued = call(&studio.service, "CreateParticipantToken", json!({"stageArn": studio.stage["arn"]}));
    let issued = issued["participantToken"]["token"].as_str().unwrap();
    let (message, _) = issued.rsplit_once('.').unwrap();
    assert_eq!(studio.refusal(&format!("{message}.AAAA")), not_allowed());
    let made_up = studio.key.sign(&json!({"alg": "KMS", "typ": "JWT"}), &claims(&studio.stage, "p1"));
    assert_eq!(studio.refusal(&made_up), not_allowed());
    assert_eq!(studio.service.join(issued, NOW)["joined"], true);
    assert_eq!(studio.refusal_at(issued, NOW + Duration::hours(12)), expired());
}

#[test]
fn a_refused_join_leaves_no_trace() {
    let studio = Studio::new();
    studio.refusal_at(&studio.token("p1"), NOW + Duration::hours(1));
    let sessions = call(&studio.service, "ListStageSessions", json!({"stageArn": studio.stage["arn"]}));
    assert_eq!(sessions["stageSessions"], json!([]));
}

#[test]
fn no_reason_quotes_the_token() {
    let studio = Studio::new();
    for token in [studio.token_with(json!({"exp": "soon"})), studio.token_with(json!({"version": "9"}))] {
        let answer = studio.service.join(&token, NOW).to_string();
        assert!(token.split('.').all(|part| !answer.contains(part)), "{answer}");
    }
}

proptest! {
    #[test]
    fn any_text_gets_an_answer(text in ".{0,60}") {
        let service = empty();
        prop_assert_eq!(&service.join(&text, NOW)["joined"], &json!(false));
    }

    #[test]
    fn any_json_in_a_token_gets_an_answer(header in "[\\[{\"a-z:,}\\]]{0,20}", claims in "[\\[{\"a-z0-9:,}\\]]{0,40}") {
        let service = empty();
        let text = format!("{}.{}.AA", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        prop_assert_eq!(&service.join(&text, NOW)["joined"], &json!(false));
    }
}

const PARTS: [&str; 14] = [
    "alg",
    "typ",
    "kid",
    "exp",
    "iat",
    "jti",
    "resource",
    "topic",
    "events_url",
    "whip_url",
    "user_id",
    "capabilities",
    "attributes",
    "version",
];

/// Which part of a good token is changed, and to what; null takes it away.
fn change() -> impl Strategy<Value = Option<(&'static str, Value)>> {
    let value = prop_oneof![
        2 => Just(Value::Null),
        2 => Just(json!(0)),
        3 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        4 => "\\PC{0,9}".prop_map(Value::from),
        1 => Just(json!([])),
        1 => Just(json!({"allow_publish": "yes"})),
        1 => Just(json!({"role": 1})),
    ];
    let any = (prop::sample::select(&PARTS[..]), value);
    // By chance, hardly any of the others would be of a time that has just passed, or of a key that might exist.
    let end = (-3_600_i64..3_600).prop_map(|seconds| ("exp", json!(NOW.unix_timestamp() + seconds)));
    let key = "[A-Za-z0-9]{1,12}"
        .prop_map(|id| ("kid", json!(format!("arn:aws:ivs:eu-central-1:000000000000:public-key/{id}"))));
    prop::option::weighted(0.8, prop_oneof![8 => any, 1 => end, 1 => key])
}

#[test]
fn a_signed_token_with_any_part_changed_gets_an_answer() {
    const CASES: u32 = 1024;
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(CASES) };
    let (studio, seen) = (Studio::new(), std::cell::RefCell::new(BTreeMap::<String, u32>::new()));
    let checked = TestRunner::new(config).run(&(change(), any::<u64>()), |(change, participant)| {
        let mut header = header(&studio.kid);
        let mut claims = claims(&studio.stage, &format!("p{participant}"));
        if let Some((part, value)) = &change {
            let of = if header.get(part).is_some() { &mut header } else { &mut claims };
            of[*part] = value.clone();
            of.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        }
        let answer = studio.service.join(&studio.key.sign(&header, &claims), NOW);
        prop_assert!(change.is_some() || answer["joined"] == true, "{}", answer);
        let outcome = answer["name"].as_str().unwrap_or("joined").to_owned();
        prop_assert_eq!(outcome == "joined", answer["joined"] == true, "{}", answer);
        *seen.borrow_mut().entry(outcome).or_default() += 1;
        Ok(())
    });
    checked.unwrap_or_else(|failure| panic!("{failure}"));
    let seen = seen.into_inner();
    for outcome in ["TOKEN_MALFORMED", "TOKEN_EXPIRED", "TOKEN_NOT_ALLOWED"] {
        assert!(seen.contains_key(outcome), "no case was {outcome}: {seen:?}");
    }
    assert!(seen["joined"] > CASES / 10, "{seen:?}");
}
