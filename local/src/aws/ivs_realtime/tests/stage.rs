//! Stages, their quota, their pages, their tags.

use serde_json::{Value, json};

use super::*;

#[test]
fn names_are_not_unique() {
    let service = empty();
    let (one, other) = (stage(&service), stage(&service));
    assert_eq!(one["name"], other["name"]);
    assert_ne!(one["arn"], other["arn"]);
}

#[test]
fn a_stage_is_answered_as_it_was_created() {
    let service = empty();
    let recording = json!({"storageConfigurationArn": "", "mediaTypes": ["AUDIO_ONLY"]});
    let input = json!({"name": "demo", "tags": {"a": "b"}, "autoParticipantRecordingConfiguration": recording});
    let answer = call(&service, "CreateStage", input);
    let created = &answer["stage"];
    let id = created["arn"].as_str().unwrap().strip_prefix("arn:aws:ivs:eu-central-1:000000000000:stage/").unwrap();
    assert!(id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
    assert_eq!((&created["name"], &created["tags"]), (&json!("demo"), &json!({"a": "b"})));
    assert_eq!(created["autoParticipantRecordingConfiguration"], recording);
    let endpoints = &created["endpoints"];
    assert_eq!(endpoints["events"], "wss://global.events.live-video.net");
    assert!(endpoints["whip"].as_str().unwrap().ends_with(".global-bm.whip.live-video.net"), "{endpoints}");
    assert!(endpoints["rtmps"].as_str().unwrap().starts_with("rtmps://"), "{endpoints}");
    assert!(answer.get("participantTokens").is_none() && created.get("activeSessionId").is_none());
    assert_eq!(call(&service, "GetStage", json!({"arn": created["arn"]}))["stage"], *created);
}

#[test]
fn everything_about_a_stage_is_optional() {
    let created = call(&empty(), "CreateStage", json!({}));
    assert_eq!((&created["stage"]["name"], &created["stage"]["tags"]), (&json!(""), &json!({})));
}

#[test]
fn a_create_can_bring_tokens() {
    let service = empty();
    let configurations = json!([{"userId": "alice"}, {"capabilities": ["SUBSCRIBE"], "duration": 1}]);
    let answer = call(&service, "CreateStage", json!({"participantTokenConfigurations": configurations}));
    let tokens = answer["participantTokens"].as_array().unwrap();
    assert_eq!((&tokens[0]["userId"], &tokens[0]["duration"]), (&json!("alice"), &json!(720)));
    assert_eq!((&tokens[1]["capabilities"], &tokens[1]["duration"]), (&json!(["SUBSCRIBE"]), &json!(1)));
    for token in tokens {
        assert_eq!(service.join(token["token"].as_str().unwrap(), NOW)["joined"], true);
    }
}

#[test]
fn an_update_changes_what_it_names() {
    let service = empty();
    let arn = stage(&service)["arn"].clone();
    call(&service, "UpdateStage", json!({"arn": arn, "name": "other"}));
    let recording = json!({"storageConfigurationArn": ""});
    let updated = json!({"arn": arn, "autoParticipantRecordingConfiguration": recording});
    let updated = call(&service, "UpdateStage", updated)["stage"].clone();
    assert_eq!((&updated["name"], &updated["autoParticipantRecordingConfiguration"]), (&json!("other"), &recording));
    assert_eq!(call(&service, "GetStage", json!({"arn": arn}))["stage"], updated);
}

#[test]
fn a_storage_configuration_does_not_exist() {
    let service = empty();
    let created = stage(&service);
    let storage = "arn:aws:ivs:eu-central-1:000000000000:storage-configuration/a1";
    let recording = json!({"storageConfigurationArn": storage});
    let create = json!({"autoParticipantRecordingConfiguration": recording});
    assert_eq!(code(&service, "CreateStage", create), VALIDATION);
    let update = json!({"arn": created["arn"], "name": "other", "autoParticipantRecordingConfiguration": recording});
    assert_eq!(code(&service, "UpdateStage", update), NOT_FOUND);
    assert_eq!(call(&service, "ListStages", json!({}))["stages"].as_array().unwrap().len(), 1);
    assert_eq!(call(&service, "GetStage", json!({"arn": created["arn"]}))["stage"], created);
}

#[test]
fn a_deleted_stage_is_not_found() {
    let service = empty();
    let arn = stage(&service)["arn"].clone();
    call(&service, "DeleteStage", json!({"arn": arn}));
    for operation in ["GetStage", "UpdateStage", "DeleteStage"] {
        assert_eq!(code(&service, operation, json!({"arn": arn})), NOT_FOUND);
    }
    for operation in ["CreateParticipantToken", "DisconnectParticipant"] {
        assert_eq!(code(&service, operation, json!({"stageArn": arn, "participantId": "p"})), NOT_FOUND);
    }
    assert_eq!(code(&service, "ListTagsForResource", json!({"resourceArn": arn})), NOT_FOUND);
}

#[test]
fn the_quota_of_stages_answers_402_until_one_is_deleted() {
    let service = empty();
    set_quotas(&service, json!({"stages": 2}));
    let arn = stage(&service)["arn"].clone();
    stage(&service);
    assert_eq!(code(&service, "CreateStage", json!({})), QUOTA_EXCEEDED);
    assert_eq!(call(&service, "ListStages", json!({}))["stages"].as_array().unwrap().len(), 2);
    call(&service, "DeleteStage", json!({"arn": arn}));
    stage(&service);
}

#[test]
fn a_list_tells_tags_but_no_endpoints() {
    let service = empty();
    call(&service, "CreateStage", json!({"name": "demo", "tags": {"a": "b"}}));
    let summary = call(&service, "ListStages", json!({}))["stages"][0].clone();
    let members: Vec<_> = summary.as_object().unwrap().keys().collect();
    assert_eq!(members, ["arn", "name", "tags"]);
}

#[test]
fn a_page_has_50_stages_unless_asked_otherwise() {
    let service = empty();
    for _ in 0..51 {
        stage(&service);
    }
    let page = call(&service, "ListStages", json!({}));
    assert_eq!(page["stages"].as_array().unwrap().len(), 50);
    let token = page["nextToken"].as_str().unwrap();
    assert!(token.len() <= 1024, "{token}");
    let rest = call(&service, "ListStages", json!({"nextToken": token}));
    assert_eq!((rest["stages"].as_array().unwrap().len(), &rest["nextToken"]), (1, &Value::Null));
}

#[test]
fn a_page_token_of_another_list_is_invalid() {
    let service = empty();
    stage(&service);
    stage(&service);
    let token = call(&service, "ListStages", json!({"maxResults": 1}))["nextToken"].clone();
    assert_eq!(code(&service, "ListPublicKeys", json!({"nextToken": token})), VALIDATION);
    assert_eq!(code(&service, "ListStages", json!({"nextToken": "bm9uc2Vuc2U"})), VALIDATION);
}

#[test]
fn a_stage_that_stays_is_listed_once_while_others_come_and_go() {
    let service = empty();
    let stages: Vec<_> = (0..9).map(|_| stage(&service)["arn"].clone()).collect();
    let first = call(&service, "ListStages", json!({"maxResults": 4}));
    let seen = distinct(first["stages"].as_array().unwrap(), "arn");
    let last_seen = seen.last().unwrap().clone();
    call(&service, "DeleteStage", json!({"arn": last_seen}));
    stage(&service);
    let rest = walk(&service, "ListStages", json!({"maxResults": 4, "nextToken": first["nextToken"]}), "stages");
    let rest = distinct(&rest, "arn");
    assert!(seen.is_disjoint(&rest));
    for arn in stages {
        assert!(seen.contains(arn.as_str().unwrap()) || rest.contains(arn.as_str().unwrap()), "{arn}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(32))]
    #[test]
    fn pages_of_any_size_list_each_stage_once(stages in 0_usize..70, size in 1_usize..=100) {
        let service = empty();
        for _ in 0..stages {
            stage(&service);
        }
        let listed = walk(&service, "ListStages", json!({"maxResults": size}), "stages");
        proptest::prop_assert_eq!((listed.len(), distinct(&listed, "arn").len()), (stages, stages));
    }
}

#[test]
fn tags_come_and_go_and_show_everywhere() {
    let service = empty();
    let arn = call(&service, "CreateStage", json!({"tags": {"a": "1", "b": "2"}}))["stage"]["arn"].clone();
    call(&service, "TagResource", json!({"resourceArn": arn, "tags": {"b": "3", "c": "4"}}));
    call(&service, "UntagResource", json!({"resourceArn": arn, "tagKeys": ["a", "never"]}));
    let tags = json!({"b": "3", "c": "4"});
    assert_eq!(call(&service, "ListTagsForResource", json!({"resourceArn": arn}))["tags"], tags);
    assert_eq!(call(&service, "GetStage", json!({"arn": arn}))["stage"]["tags"], tags);
    assert_eq!(call(&service, "ListStages", json!({}))["stages"][0]["tags"], tags);
}

#[test]
fn a_resource_has_50_tags_at_most_and_none_of_awss_own() {
    let service = empty();
    let tags = |names: std::ops::Range<u8>| names.map(|name| (name.to_string(), json!(""))).collect::<Value>();
    let arn = call(&service, "CreateStage", json!({"tags": tags(0..50)}))["stage"]["arn"].clone();
    call(&service, "TagResource", json!({"resourceArn": arn, "tags": tags(0..50)}));
    assert_eq!(code(&service, "TagResource", json!({"resourceArn": arn, "tags": tags(50..51)})), VALIDATION);
    assert_eq!(code(&service, "CreateStage", json!({"tags": tags(0..51)})), VALIDATION);
    assert_eq!(code(&service, "CreateStage", json!({"tags": {"aws:cloudformation:stack-name": "x"}})), VALIDATION);
}
