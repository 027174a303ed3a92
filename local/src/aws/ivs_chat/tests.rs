//! The service as its callers meet it.

use serde_json::{Value, json};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::*;
use crate::aws::assumptions::Assumptions;
use crate::plumbing::state_file::SaveError;

const NOW: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

fn service() -> IvsChat {
    IvsChat::open("eu-central-1", None, Assumed::new(Assumptions::default())).unwrap()
}

fn call(service: &IvsChat, operation: &str, input: Value) -> Value {
    service.call(operation, &input, NOW).unwrap_or_else(|error| panic!("{operation} {input}: {error:?}"))
}

fn refusal(service: &IvsChat, operation: &str, input: Value) -> &'static str {
    service.call(operation, &input, NOW).unwrap_err().code
}

fn room(service: &IvsChat) -> String {
    call(service, "CreateRoom", json!({"name": "demo", "tags": {"a": "b"}}))["arn"].as_str().unwrap().to_owned()
}

#[test]
fn a_room_is_made_each_time_and_shown_with_what_it_was_made_with() {
    let service = service();
    let (one, other) = (room(&service), room(&service));
    assert_ne!(one, other);
    let got = call(&service, "GetRoom", json!({"identifier": one}));
    assert_eq!((&got["name"], &got["tags"]["a"]), (&json!("demo"), &json!("b")));
    assert_eq!((&got["maximumMessageRatePerSecond"], &got["maximumMessageLength"]), (&json!(10), &json!(500)));
    assert_eq!(got["id"].as_str().unwrap().len(), 12);
    let listed = call(&service, "ListRooms", json!({"name": "demo"}));
    assert_eq!(listed["rooms"].as_array().unwrap().len(), 2);
    assert_eq!(call(&service, "ListRooms", json!({"name": "other"}))["rooms"], json!([]));
}

#[test]
fn a_token_opens_one_connection_within_a_minute() {
    let service = service();
    let room = room(&service);
    let mint = || {
        let input = json!({"roomIdentifier": room, "userId": "alice", "capabilities": ["SEND_MESSAGE"]});
        call(&service, "CreateChatToken", input)["token"].as_str().unwrap().to_owned()
    };
    let redeem = |text: &str, at| {
        service.rooms.change(|state| Ok::<_, SaveError>(token::redeem(state, text, at))).ok().flatten()
    };
    let text = mint();
    assert_eq!(redeem(&text, NOW).unwrap().user_id, "alice");
    assert!(redeem(&text, NOW).is_none());
    assert!(redeem(&mint(), NOW + Duration::minutes(1)).is_none());
    let text = mint();
    call(&service, "DeleteRoom", json!({"identifier": room}));
    assert!(redeem(&text, NOW).is_none());
}

#[test]
fn what_the_model_does_not_allow_is_refused() {
    let service = service();
    let room = room(&service);
    for (operation, input) in [
        ("CreateRoom", json!({"name": "a/b"})),
        ("CreateRoom", json!({"maximumMessageLength": 501})),
        ("CreateRoom", json!({"messageReviewHandler": {"uri": "demo"}})),
        ("CreateChatToken", json!({"roomIdentifier": room})),
        ("CreateChatToken", json!({"roomIdentifier": room, "userId": ""})),
        ("CreateChatToken", json!({"roomIdentifier": room, "userId": "a", "sessionDurationInMinutes": 181})),
        ("CreateChatToken", json!({"roomIdentifier": room, "userId": "a", "capabilities": ["SPEAK"]})),
        ("CreateChatToken", json!({"roomIdentifier": room, "userId": "a", "attributes": {"a": "b".repeat(1024)}})),
        ("SendEvent", json!({"roomIdentifier": room, "eventName": "e".repeat(101)})),
        ("DeleteMessage", json!({"roomIdentifier": room, "id": "short"})),
        ("GetRoom", json!({"identifier": "arn:aws:ivs:eu-central-1:0:room/abc"})),
    ] {
        assert_eq!(refusal(&service, operation, input.clone()), "ValidationException", "{operation} {input}");
    }
    let gone = "arn:aws:ivschat:eu-central-1:000000000000:room/abcdefghijkl";
    for (operation, input) in [
        ("GetRoom", json!({"identifier": gone})),
        ("DeleteRoom", json!({"identifier": gone})),
        ("CreateChatToken", json!({"roomIdentifier": gone, "userId": "a"})),
        ("SendEvent", json!({"roomIdentifier": gone, "eventName": "e"})),
        ("DisconnectUser", json!({"roomIdentifier": gone, "userId": "a"})),
        ("ListTagsForResource", json!({"resourceArn": gone})),
    ] {
        assert_eq!(refusal(&service, operation, input), "ResourceNotFoundException", "{operation}");
    }
}

#[test]
fn a_refusal_has_the_members_of_the_model_and_no_user() {
    let service = service();
    let room = room(&service);
    let refused = |operation: &str, input: Value| service.call(operation, &input, NOW).unwrap_err();
    let invalid = refused("CreateChatToken", json!({"roomIdentifier": room, "userId": "secret".repeat(30)}));
    assert_eq!(invalid.members["reason"], "FIELD_VALIDATION_FAILED");
    assert!(!invalid.message.contains("secret"), "{}", invalid.message);
    let gone = refused("GetRoom", json!({"identifier": "arn:aws:ivschat:eu-central-1:000000000000:room/abcdefghijkl"}));
    assert_eq!(gone.members, json!({"resourceId": "abcdefghijkl", "resourceType": "ROOM"}));
    service.set_quotas(json!({"rooms": 1, "SendEvent": 0}).as_object().unwrap()).unwrap();
    assert_eq!(refused("CreateRoom", json!({})).members["limit"], 1);
    let often = refused("SendEvent", json!({"roomIdentifier": room, "eventName": "e"}));
    assert_eq!((&often.members["limit"], &often.members["resourceType"]), (&json!(0), &json!("ROOM")));
}

#[test]
fn rates_and_quotas_are_those_of_the_service() {
    let service = service();
    let room = room(&service);
    let mint = || service.call("CreateChatToken", &json!({"roomIdentifier": room, "userId": "a"}), NOW);
    assert_eq!((0..300).filter(|_| mint().is_ok()).count(), 200);
    assert_eq!(mint().unwrap_err().code, "ThrottlingException");
    service.set_quotas(json!({"rooms": 1}).as_object().unwrap()).unwrap();
    assert_eq!(refusal(&service, "CreateRoom", json!({})), "ServiceQuotaExceededException");
}

#[test]
fn a_call_needs_the_action_of_its_name_on_the_room() {
    let service = service();
    let room = room(&service);
    let needed = service.requirements("CreateChatToken", &json!({"roomIdentifier": room, "userId": "a"}));
    assert_eq!((needed[0].action.as_str(), &needed[0].resource), ("ivschat:CreateChatToken", &room));
    assert_eq!(needed[0].resource_tags["a"], "b");
    let needed = service.requirements("CreateRoom", &json!({"tags": {"a": "b"}}));
    assert_eq!(
        needed.iter().map(|one| one.action.as_str()).collect::<Vec<_>>(),
        ["ivschat:CreateRoom", "ivschat:TagResource"]
    );
    assert!(needed[0].resource.starts_with("arn:aws:ivschat:eu-central-1:"));
}
