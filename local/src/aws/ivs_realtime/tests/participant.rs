//! Participant tokens by the API, participants and sessions.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::*;

fn token(service: &IvsRealTime, stage: &Value, mut options: Value) -> Value {
    options["stageArn"] = stage["arn"].clone();
    call(service, "CreateParticipantToken", options)["participantToken"].clone()
}

fn join(service: &IvsRealTime, token: &Value) -> Value {
    let answer = service.join(token["token"].as_str().unwrap(), NOW);
    assert_eq!(answer["joined"], true, "{answer}");
    answer
}

fn disconnect(service: &IvsRealTime, stage: &Value, participant: &Value) {
    let input = json!({"stageArn": stage["arn"], "participantId": participant, "reason": "bye"});
    assert_eq!(call(service, "DisconnectParticipant", input), json!({}));
}

#[test]
fn a_token_is_answered_with_its_options() {
    let service = empty();
    let stage = stage(&service);
    let options = json!({
        "duration": 60, "userId": "alice", "attributes": {"role": "host"}, "capabilities": ["PUBLISH"],
    });
    let token = token(&service, &stage, options);
    assert_eq!(token["duration"], 60);
    assert_eq!(token["userId"], "alice");
    assert_eq!(token["attributes"], json!({"role": "host"}));
    assert_eq!(token["capabilities"], json!(["PUBLISH"]));
    assert_eq!(token["expirationTime"], "2026-01-01T01:00:00Z");
    assert_eq!(token["participantId"].as_str().unwrap().len(), 12);
}

#[test]
fn a_token_is_for_12_hours_and_both_capabilities_unless_asked_otherwise() {
    let service = empty();
    let token = token(&service, &stage(&service), json!({}));
    assert_eq!((&token["duration"], &token["expirationTime"]), (&json!(720), &json!("2026-01-01T12:00:00Z")));
    assert_eq!(token["capabilities"], json!(["PUBLISH", "SUBSCRIBE"]));
    assert_eq!((&token["attributes"], token.get("userId")), (&json!({}), None));
}

#[test]
fn a_token_has_the_form_of_those_that_ivs_issues() {
    let service = empty();
    let stage = stage(&service);
    let token = token(&service, &stage, json!({"capabilities": ["SUBSCRIBE"]}));
    let parts: Vec<_> = token["token"].as_str().unwrap().split('.').collect();
    assert_eq!((parts.len(), parts[0]), (3, "eyJhbGciOiJLTVMiLCJ0eXAiOiJKV1QifQ"));
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    assert_eq!(claims["jti"], token["participantId"]);
    assert_eq!(claims["resource"], stage["arn"]);
    assert_eq!(
        (&claims["events_url"], &claims["whip_url"]),
        (&stage["endpoints"]["events"], &stage["endpoints"]["whip"])
    );
    assert_eq!(claims["capabilities"], json!({"allow_subscribe": true}));
    assert_eq!((&claims["exp"], &claims["iat"]), (&json!(1_767_268_800), &json!(1_767_225_600)));
    assert_eq!(claims["version"], "1.0");
}

#[test]
fn attributes_have_1_kb_in_all() {
    let service = empty();
    let stage = stage(&service);
    let attributes = |bytes: usize| json!({"role": "x".repeat(bytes - 4)});
    token(&service, &stage, json!({"attributes": attributes(1024)}));
    let over = attributes(1025);
    let input = json!({"stageArn": stage["arn"], "attributes": over});
    assert_eq!(code(&service, "CreateParticipantToken", input), VALIDATION);
    let configurations = json!([{"attributes": over}]);
    assert_eq!(code(&service, "CreateStage", json!({"participantTokenConfigurations": configurations})), VALIDATION);
}

#[test]
fn who_joins_is_in_the_stages_session() {
    let service = empty();
    let stage = stage(&service);
    let token = token(&service, &stage, json!({"userId": "alice", "attributes": {"role": "host"}}));
    let joined = join(&service, &token);
    let session = &joined["sessionId"];
    assert_eq!(
        (joined["participantId"].clone(), session.as_str().unwrap().len()),
        (token["participantId"].clone(), 16)
    );
    assert_eq!((&joined["userId"], &joined["attributes"]), (&json!("alice"), &json!({"role": "host"})));

    assert_eq!(call(&service, "GetStage", json!({"arn": stage["arn"]}))["stage"]["activeSessionId"], *session);
    assert_eq!(call(&service, "ListStages", json!({}))["stages"][0]["activeSessionId"], *session);
    let of_session = json!({"stageArn": stage["arn"], "sessionId": session});
    let participants = call(&service, "ListParticipants", of_session.clone())["participants"].clone();
    assert_eq!(participants[0]["participantId"], token["participantId"]);
    assert_eq!((&participants[0]["state"], &participants[0]["userId"]), (&json!("CONNECTED"), &json!("alice")));
    assert_eq!(participants[0]["firstJoinTime"], "2026-01-01T00:00:00Z");

    let mut of_participant = of_session.clone();
    of_participant["participantId"] = token["participantId"].clone();
    let participant = call(&service, "GetParticipant", of_participant)["participant"].clone();
    assert_eq!(participant["attributes"], json!({"role": "host"}));

    let expected = json!({"sessionId": session, "startTime": "2026-01-01T00:00:00Z"});
    assert_eq!(call(&service, "GetStageSession", of_session)["stageSession"], expected);
    let sessions = call(&service, "ListStageSessions", json!({"stageArn": stage["arn"]}))["stageSessions"].clone();
    assert_eq!(sessions, json!([expected]));
}

#[test]
fn participants_share_a_session_until_the_last_one_leaves() {
    let service = empty();
    let stage = stage(&service);
    let tokens: Vec<_> = (0..2).map(|_| token(&service, &stage, json!({}))).collect();
    let session = join(&service, &tokens[0])["sessionId"].clone();
    assert_eq!(join(&service, &tokens[1])["sessionId"], session);
    let of_session = json!({"stageArn": stage["arn"], "sessionId": session});

    disconnect(&service, &stage, &tokens[0]["participantId"]);
    assert_eq!(call(&service, "GetStage", json!({"arn": stage["arn"]}))["stage"]["activeSessionId"], session);
    disconnect(&service, &stage, &tokens[1]["participantId"]);
    assert_eq!(call(&service, "GetStage", json!({"arn": stage["arn"]}))["stage"].get("activeSessionId"), None);
    let ended = call(&service, "GetStageSession", of_session.clone())["stageSession"].clone();
    assert_eq!(ended["endTime"], "2026-01-01T00:00:00Z");
    assert_eq!(call(&service, "ListParticipants", of_session)["participants"][0]["state"], "DISCONNECTED");

    let next = join(&service, &token(&service, &stage, json!({})))["sessionId"].clone();
    assert_ne!(next, session);
    let sessions =
        walk(&service, "ListStageSessions", json!({"stageArn": stage["arn"], "maxResults": 1}), "stageSessions");
    assert_eq!(distinct(&sessions, "sessionId").len(), 2);
}

#[test]
fn who_comes_again_is_one_participant() {
    let service = empty();
    let stage = stage(&service);
    let token = token(&service, &stage, json!({}));
    let session = join(&service, &token)["sessionId"].clone();
    assert_eq!(join(&service, &token)["sessionId"], session);
    let participants = json!({"stageArn": stage["arn"], "sessionId": session});
    assert_eq!(call(&service, "ListParticipants", participants)["participants"].as_array().unwrap().len(), 1);
}

#[test]
fn participants_are_filtered_by_one_thing_at_a_time() {
    let service = empty();
    let stage = stage(&service);
    let tokens: Vec<_> = ["alice", "bob", "carol"].map(|user| token(&service, &stage, json!({"userId": user}))).into();
    let sessions: Vec<_> = tokens.iter().map(|token| join(&service, token)["sessionId"].clone()).collect();
    let session = &sessions[0];
    disconnect(&service, &stage, &tokens[1]["participantId"]);
    let list = |filter: Value| {
        let mut input = filter;
        input["stageArn"] = stage["arn"].clone();
        input["sessionId"] = session.clone();
        input["maxResults"] = json!(1);
        input
    };
    let users = |filter| distinct(&walk(&service, "ListParticipants", list(filter), "participants"), "userId");
    assert_eq!(users(json!({})).len(), 3);
    assert_eq!(users(json!({"filterByState": "DISCONNECTED"})), ["bob".to_owned()].into());
    assert_eq!(users(json!({"filterByUserId": "carol"})), ["carol".to_owned()].into());
    assert!(users(json!({"filterByPublished": true})).is_empty());
    let two = list(json!({"filterByPublished": false, "filterByUserId": "carol"}));
    assert_eq!(code(&service, "ListParticipants", two), VALIDATION);
}

#[test]
fn a_participant_that_never_came_can_be_disconnected_but_not_found() {
    let service = empty();
    let stage = stage(&service);
    disconnect(&service, &stage, &json!("nobody"));
    let session = join(&service, &token(&service, &stage, json!({})))["sessionId"].clone();
    let nobody = json!({"stageArn": stage["arn"], "sessionId": session, "participantId": "nobody"});
    assert_eq!(code(&service, "GetParticipant", nobody), NOT_FOUND);
}

#[test]
fn unknown_sessions_are_not_found_and_lists_of_them_empty() {
    let service = empty();
    let stage = stage(&service);
    let unknown = json!({"stageArn": stage["arn"], "sessionId": "st-0123456789abc", "participantId": "p"});
    assert_eq!(code(&service, "GetStageSession", unknown.clone()), NOT_FOUND);
    assert_eq!(code(&service, "GetParticipant", unknown.clone()), NOT_FOUND);
    assert_eq!(call(&service, "ListParticipants", unknown)["participants"], json!([]));
    let elsewhere = json!({"stageArn": "arn:aws:ivs:eu-central-1:000000000000:stage/elsewhere"});
    assert_eq!(call(&service, "ListStageSessions", elsewhere)["stageSessions"], json!([]));
}
