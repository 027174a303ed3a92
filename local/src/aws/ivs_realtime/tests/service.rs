//! What holds for every operation: rates, constraints, permissions, persistence.

use proptest::prelude::*;
use serde_json::json;
use time::Duration;

use super::{super::operation::OPERATIONS, *};
use crate::aws::service::Requirement;
use crate::aws::video::testing::{any_json, call_near_the_model};
use crate::plumbing::state_file::tests::TemporaryDirectory;

/// Members of requests, for requests of any kind.
const MEMBERS: &[&str] = &["arn", "stageArn", "name", "tags", "tagKeys", "maxResults", "nextToken", "duration"];
const ARN: &str = "arn:aws:ivs:eu-central-1:000000000000:stage/a1b2c3d4e5f6";

#[test]
fn calls_beyond_the_rate_are_throttled_until_time_passes() {
    let service = IvsRealTime::open("eu-central-1", None).unwrap();
    for _ in 0..5 {
        call(&service, "CreateStage", json!({}));
    }
    assert_eq!(code(&service, "CreateStage", json!({})), THROTTLED);
    assert_eq!(call(&service, "ListStages", json!({}))["stages"].as_array().unwrap().len(), 5);
    service.call("CreateStage", &json!({}), NOW + Duration::milliseconds(200)).unwrap();
}

#[test]
fn a_rate_can_be_raised() {
    let service = IvsRealTime::open("eu-central-1", None).unwrap();
    set_quotas(&service, json!({"CreateStage": 20}));
    for _ in 0..20 {
        call(&service, "CreateStage", json!({}));
    }
}

#[test]
fn constraints_of_the_model_are_enforced() {
    let service = empty();
    for (operation, input, violation) in [
        ("CreateStage", json!({"name": "a b"}), "at 'name' failed to satisfy constraint: Member must satisfy regular"),
        ("CreateStage", json!({"name": "a".repeat(129)}), "Member must have length less than or equal to 128"),
        ("CreateStage", json!({"name": 1}), "Member must be a string"),
        ("CreateStage", json!({"tags": {"": "x"}}), "Map keys must satisfy constraint"),
        ("CreateStage", json!({"tags": {"k".repeat(129): "x"}}), "Map keys must satisfy constraint"),
        ("CreateStage", json!({"tags": {"k": "x".repeat(257)}}), "Map value must satisfy constraint"),
        ("CreateStage", json!({"tags": {"k": 1}}), "Map value must satisfy constraint: [Member must be a string]"),
        ("CreateStage", json!({"participantTokenConfigurations": vec![json!({}); 13]}), "less than or equal to 12"),
        (
            "CreateStage",
            json!({"participantTokenConfigurations": [{"duration": 0}]}),
            "at 'participantTokenConfigurations.1.member.duration'",
        ),
        (
            "CreateStage",
            json!({"autoParticipantRecordingConfiguration": {}}),
            "at 'autoParticipantRecordingConfiguration.storageConfigurationArn' failed to satisfy constraint: \
             Member must not be null",
        ),
        (
            "CreateStage",
            json!({"autoParticipantRecordingConfiguration": {"storageConfigurationArn": ARN}}),
            "Member must satisfy regular expression pattern: ^$|^arn",
        ),
        ("GetStage", json!({}), "Value null at 'arn' failed to satisfy constraint: Member must not be null"),
        ("GetStage", json!({"arn": "demo"}), "Value 'demo' at 'arn'"),
        ("GetStage", json!([]), "Member must be a structure"),
        ("ListStages", json!({"maxResults": 0}), "Member must have value greater than or equal to 1"),
        ("ListStages", json!({"maxResults": 101}), "Member must have value less than or equal to 100"),
        ("ListStages", json!({"nextToken": "a".repeat(1025)}), "Member must have length less than or equal to 1024"),
        ("ListStages", json!({"nextToken": "?"}), "Member must satisfy regular expression pattern"),
        ("CreateParticipantToken", json!({"stageArn": ARN, "duration": 20_161}), "less than or equal to 20160"),
        ("CreateParticipantToken", json!({"stageArn": ARN, "duration": "60"}), "Member must be an integer"),
        ("CreateParticipantToken", json!({"stageArn": ARN, "userId": "u".repeat(129)}), "less than or equal to 128"),
        ("CreateParticipantToken", json!({"stageArn": ARN, "attributes": {"a": 1}}), "Map value must satisfy"),
        (
            "CreateParticipantToken",
            json!({"stageArn": ARN, "capabilities": ["LISTEN"]}),
            "Member must satisfy enum value set: [PUBLISH, SUBSCRIBE]",
        ),
        ("DisconnectParticipant", json!({"stageArn": ARN}), "Value null at 'participantId'"),
        ("DisconnectParticipant", json!({"stageArn": ARN, "participantId": "a b"}), "at 'participantId'"),
        (
            "DisconnectParticipant",
            json!({"stageArn": ARN, "participantId": "p", "reason": "r".repeat(129)}),
            "at 'reason'",
        ),
        ("ListParticipants", json!({"stageArn": ARN, "sessionId": "st-1"}), "at 'sessionId'"),
        ("TagResource", json!({"resourceArn": "demo", "tags": {}}), "at 'resourceArn'"),
        ("UntagResource", json!({"resourceArn": ARN}), "Value null at 'tagKeys'"),
    ] {
        let error = refusal(&service, operation, input);
        assert_eq!((error.status, error.code), VALIDATION);
        assert!(error.message.contains(violation), "{operation}: {}", error.message);
        assert!(error.message.contains("validation error"), "{operation}: {}", error.message);
    }
    assert_eq!(call(&service, "ListStages", json!({}))["stages"], json!([]));
}

#[test]
fn other_operations_of_the_model_are_named_as_missing() {
    for operation in ["StartComposition", "ListParticipantEvents", "", "createStage"] {
        let error = refusal(&empty(), operation, json!({}));
        assert_eq!((error.status, error.code), (404, "UnknownOperationException"));
        assert!(error.message.contains(&format!("does not have the operation {operation}")), "{}", error.message);
    }
}

#[test]
fn a_call_requires_its_action_on_the_resource_with_its_tags() {
    let service = empty();
    let stage = call(&service, "CreateStage", json!({"tags": {"team": "live"}}))["stage"]["arn"].clone();
    let arn = stage.as_str().unwrap();
    for (operation, member) in [("GetStage", "arn"), ("DisconnectParticipant", "stageArn")] {
        let expected = Requirement {
            action: format!("ivs:{operation}"),
            resource: arn.to_owned(),
            resource_tags: [("team".to_owned(), "live".to_owned())].into(),
            ..Requirement::default()
        };
        assert_eq!(service.requirements(operation, &json!({member: arn})), [expected]);
    }
    let tagging = service.requirements("TagResource", &json!({"resourceArn": arn, "tags": {"a": "b"}}));
    assert_eq!((tagging.len(), tagging[0].action.as_str(), tagging[0].resource.as_str()), (1, "ivs:TagResource", arn));
    assert_eq!(
        (&tagging[0].request_tags["a"], &tagging[0].resource_tags["team"]),
        (&"b".to_owned(), &"live".to_owned())
    );
}

#[test]
fn to_create_with_tags_requires_tagging_too() {
    let service = empty();
    for (operation, resource) in [("CreateStage", "stage/*"), ("ImportPublicKey", "public-key/*")] {
        let resource = format!("arn:aws:ivs:eu-central-1:000000000000:{resource}");
        let required = service.requirements(operation, &json!({"tags": {"team": "live"}}));
        let actions: Vec<_> = required.iter().map(|requirement| requirement.action.as_str()).collect();
        assert_eq!(actions, [&format!("ivs:{operation}"), "ivs:TagResource"]);
        assert!(required.iter().all(|requirement| requirement.resource == resource));
        assert!(required.iter().all(|requirement| requirement.request_tags["team"] == "live"));
        assert_eq!(service.requirements(operation, &json!({})).len(), 1);
    }
    assert_eq!(service.requirements("ListStages", &json!({})).len(), 1);
}

#[test]
fn everything_survives_a_restart() {
    let directory = TemporaryDirectory::new();
    let service = IvsRealTime::open("eu-central-1", Some(directory.file())).unwrap();
    let created = call(&service, "CreateStage", json!({"name": "demo", "tags": {"a": "b"}}))["stage"].clone();
    let key = SigningKey::generate();
    let kid = import(&service, &key);
    let token =
        call(&service, "CreateParticipantToken", json!({"stageArn": created["arn"]}))["participantToken"].clone();
    let session = service.join(token["token"].as_str().unwrap(), NOW)["sessionId"].clone();
    call(&service, "DisconnectParticipant", json!({"stageArn": created["arn"], "participantId": "p1"}));

    let again = IvsRealTime::open("eu-central-1", Some(directory.file())).unwrap();
    let mut expected = created.clone();
    expected["activeSessionId"] = session.clone();
    assert_eq!(call(&again, "GetStage", json!({"arn": created["arn"]}))["stage"], expected);
    assert_eq!(again.join(token["token"].as_str().unwrap(), NOW)["sessionId"], session);
    assert_eq!(again.join(&key.sign(&header(&kid), &claims(&created, "p1")), NOW)["code"], 10);
    assert_eq!(again.join(&key.sign(&header(&kid), &claims(&created, "p2")), NOW)["sessionId"], session);
}

#[test]
fn the_state_file_holds_no_token() {
    let directory = TemporaryDirectory::new();
    let service = IvsRealTime::open("eu-central-1", Some(directory.file())).unwrap();
    let arn = call(&service, "CreateStage", json!({}))["stage"]["arn"].clone();
    let token = call(&service, "CreateParticipantToken", json!({"stageArn": arn}))["participantToken"]["token"].clone();
    let state = std::fs::read_to_string(directory.file()).unwrap();
    assert!(state.contains(arn.as_str().unwrap()));
    assert!(token.as_str().unwrap().split('.').all(|part| !state.contains(part)));
}

#[test]
fn a_reset_forgets_everything() {
    let directory = TemporaryDirectory::new();
    let service = IvsRealTime::open("eu-central-1", Some(directory.file())).unwrap();
    set_quotas(&service, json!({"CreateStage": 1, "stages": 1}));
    stage(&service);
    import(&service, &SigningKey::generate());
    service.reset();
    assert_eq!(service.lock_quotas().to_json()["stages"], 1_000);
    for service in [service, IvsRealTime::open("eu-central-1", Some(directory.file())).unwrap()] {
        assert_eq!(call(&service, "ListStages", json!({}))["stages"], json!([]));
        assert_eq!(call(&service, "ListPublicKeys", json!({}))["publicKeys"], json!([]));
        stage(&service);
    }
}

proptest! {
    #[test]
    fn any_input_gets_an_answer(input in any_json(MEMBERS, ARN), which in 0..OPERATIONS.len()) {
        let service = empty();
        let operation = OPERATIONS[which].name;
        prop_assert!(!service.requirements(operation, &input).is_empty());
        let _ = service.call(operation, &input, NOW);
    }
}

#[test]
fn every_operation_answers_whatever_is_near_its_model() {
    call_near_the_model(|| {
        let service = empty();
        let arns = vec![stage(&service)["arn"].as_str().unwrap().to_owned(), import(&service, &SigningKey::generate())];
        (service, arns)
    });
}
