//! Channels, their settings, their quota, their pages.

use serde_json::{Value, json};

use super::*;

#[test]
fn names_are_not_unique() {
    let service = empty();
    let (one, other) = (channel(&service), channel(&service));
    assert_eq!(one["name"], other["name"]);
    assert_ne!(one["arn"], other["arn"]);
}

#[test]
fn a_channel_comes_with_its_stream_key_and_endpoints() {
    let service = empty();
    let (channel, key) = create(&service, json!({"name": "demo", "tags": {"a": "b"}}));
    let id = id(&channel);
    assert_eq!(channel["arn"], format!("arn:aws:ivs:eu-central-1:000000000000:channel/{id}"));
    assert!(id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
    assert_eq!(channel["ingestEndpoint"], "127.0.0.1:1936");
    let url = format!("http://127.0.0.1:8082/api/video/v1/eu-central-1.000000000000.channel.{id}.m3u8");
    assert_eq!(channel["playbackUrl"], url);
    assert!(channel["srt"]["endpoint"].as_str().unwrap().ends_with(".srt.live-video.net"), "{channel}");
    assert!(!channel["srt"]["passphrase"].as_str().unwrap().is_empty());
    assert_eq!((&key["channelArn"], &key["tags"]), (&channel["arn"], &json!({})));
    assert!(key["value"].as_str().unwrap().starts_with("sk_eu-central-1_"));
    assert_eq!(call(&service, "GetChannel", json!({"arn": channel["arn"]}))["channel"], channel);
    assert_eq!(call(&service, "GetStreamKey", json!({"arn": key["arn"]}))["streamKey"], key);
}

#[test]
fn everything_about_a_channel_is_optional() {
    let mut channel = create(&empty(), json!({})).0;
    for endpoint in ["arn", "ingestEndpoint", "playbackUrl", "srt"] {
        channel.as_object_mut().unwrap().remove(endpoint);
    }
    let expected = json!({
        "name": "",
        "latencyMode": "LOW",
        "type": "STANDARD",
        "authorized": false,
        "insecureIngest": false,
        "preset": "",
        "recordingConfigurationArn": "",
        "playbackRestrictionPolicyArn": "",
        "adConfigurationArn": "",
        "failoverSlateConfigurationArn": "",
        "containerFormat": "TS",
        "tags": {},
    });
    assert_eq!(channel, expected);
}

#[test]
fn settings_are_answered_as_they_were_given() {
    let service = empty();
    let settings = json!({
        "name": "demo",
        "latencyMode": "NORMAL",
        "type": "STANDARD",
        "authorized": true,
        "recordingConfigurationArn": "",
        "multitrackInputConfiguration": {"enabled": true, "policy": "ALLOW", "maximumResolution": "HD"},
        "containerFormat": "FRAGMENTED_MP4",
    });
    let channel = create(&service, settings.clone()).0;
    for (member, value) in settings.as_object().unwrap() {
        assert_eq!(channel[member], *value, "{member}");
    }
}

#[test]
fn what_would_be_attached_to_a_channel_is_not_found() {
    let service = empty();
    let channel = create(&service, json!({"name": "demo"})).0;
    for (member, kind) in [
        ("recordingConfigurationArn", "recording-configuration"),
        ("playbackRestrictionPolicyArn", "playback-restriction-policy"),
        ("adConfigurationArn", "ad-configuration"),
        ("failoverSlateConfigurationArn", "failover-slate-configuration"),
    ] {
        let arn = format!("arn:aws:ivs:eu-central-1:000000000000:{kind}/a1");
        assert_eq!(code(&service, "CreateChannel", json!({member: arn})), NOT_FOUND, "{member}");
        let update = json!({"arn": channel["arn"], "name": "other", member: arn});
        assert_eq!(code(&service, "UpdateChannel", update), NOT_FOUND, "{member}");
        let detached = json!({"arn": channel["arn"], member: ""});
        assert_eq!(call(&service, "UpdateChannel", detached)["channel"], channel);
        let filter = format!("filterBy{}{}", member[..1].to_uppercase(), &member[1..]);
        assert_eq!(call(&service, "ListChannels", json!({filter: arn}))["channels"], json!([]));
    }
    assert_eq!(call(&service, "ListChannels", json!({}))["channels"].as_array().unwrap().len(), 1);
}

#[test]
fn an_insecure_channel_has_no_srt_passphrase() {
    let channel = create(&empty(), json!({"insecureIngest": true})).0;
    assert_eq!((&channel["insecureIngest"], &channel["srt"]["passphrase"]), (&json!(true), &Value::Null));
}

#[test]
fn only_the_advanced_types_have_a_preset_and_always_one() {
    let service = empty();
    let channel = create(&service, json!({"type": "ADVANCED_SD"})).0;
    assert_eq!(channel["preset"], "HIGHER_BANDWIDTH_DELIVERY");
    let update = |changes: Value| {
        let mut input = changes;
        input["arn"] = channel["arn"].clone();
        call(&service, "UpdateChannel", input)["channel"]["preset"].clone()
    };
    assert_eq!(update(json!({"preset": "CONSTRAINED_BANDWIDTH_DELIVERY"})), "CONSTRAINED_BANDWIDTH_DELIVERY");
    assert_eq!(update(json!({"type": "ADVANCED_HD"})), "CONSTRAINED_BANDWIDTH_DELIVERY");
    assert_eq!(update(json!({"type": "BASIC"})), "");
    for kind in ["BASIC", "STANDARD"] {
        let input = json!({"type": kind, "preset": "HIGHER_BANDWIDTH_DELIVERY"});
        assert_eq!(code(&service, "CreateChannel", input), VALIDATION);
    }
}

#[test]
fn multitrack_input_asks_for_everything_that_goes_with_it() {
    let service = empty();
    let complete = json!({
        "type": "STANDARD",
        "containerFormat": "FRAGMENTED_MP4",
        "multitrackInputConfiguration": {"enabled": true, "policy": "REQUIRE", "maximumResolution": "FULL_HD"},
    });
    create(&service, complete.clone());
    for (member, value) in [
        ("/type", json!("BASIC")),
        ("/containerFormat", json!("TS")),
        ("/multitrackInputConfiguration/policy", Value::Null),
        ("/multitrackInputConfiguration/maximumResolution", Value::Null),
    ] {
        let mut input = complete.clone();
        *input.pointer_mut(member).unwrap() = value;
        assert_eq!(code(&service, "CreateChannel", input.clone()), VALIDATION, "{member}");
        input["multitrackInputConfiguration"]["enabled"] = json!(false);
        create(&service, input);
    }
}

#[test]
fn an_update_changes_what_it_names() {
    let service = empty();
    let (before, key) = create(&service, json!({"name": "demo", "latencyMode": "NORMAL", "tags": {"a": "b"}}));
    let input = json!({"arn": before["arn"], "name": "other", "authorized": true, "tags": {"c": "d"}});
    let updated = call(&service, "UpdateChannel", input)["channel"].clone();
    let mut expected = before.clone();
    (expected["name"], expected["authorized"]) = (json!("other"), json!(true));
    assert_eq!(updated, expected, "tags and endpoints stay");
    assert_eq!(call(&service, "GetChannel", json!({"arn": before["arn"]}))["channel"], expected);
    assert_eq!(call(&service, "GetStreamKey", json!({"arn": key["arn"]}))["streamKey"], key);
}

#[test]
fn a_live_channel_can_neither_be_updated_nor_deleted() {
    let service = empty();
    let channel = channel(&service);
    go_live(&service, &channel);
    for operation in ["UpdateChannel", "DeleteChannel"] {
        assert_eq!(code(&service, operation, json!({"arn": channel["arn"], "name": "other"})), CONFLICT);
    }
    assert_eq!(call(&service, "GetChannel", json!({"arn": channel["arn"]}))["channel"], channel);
    service.go_offline(id(&channel), NOW).unwrap();
    call(&service, "DeleteChannel", json!({"arn": channel["arn"]}));
}

#[test]
fn a_deleted_channel_is_not_found_and_neither_is_its_stream_key() {
    let service = empty();
    let (channel, key) = create(&service, json!({}));
    let other = create(&service, json!({})).1;
    assert_eq!(call(&service, "DeleteChannel", json!({"arn": channel["arn"]})), Value::Null);
    for operation in ["GetChannel", "UpdateChannel", "DeleteChannel"] {
        assert_eq!(code(&service, operation, json!({"arn": channel["arn"]})), NOT_FOUND);
    }
    for operation in ["CreateStreamKey", "ListStreamKeys", "GetStream", "StopStream"] {
        assert_eq!(code(&service, operation, json!({"channelArn": channel["arn"]})), NOT_FOUND);
    }
    assert_eq!(code(&service, "GetStreamKey", json!({"arn": key["arn"]})), NOT_FOUND);
    assert_eq!(call(&service, "GetStreamKey", json!({"arn": other["arn"]}))["streamKey"], other);
}

#[test]
fn a_batch_answers_what_there_is_and_names_what_there_is_not() {
    let service = empty();
    let (one, other) = (channel(&service), channel(&service));
    let missing = "arn:aws:ivs:eu-central-1:000000000000:channel/none";
    let answer = call(&service, "BatchGetChannel", json!({"arns": [one["arn"], missing, other["arn"]]}));
    assert_eq!(answer["channels"], json!([one, other]));
    let error = json!({
        "arn": missing,
        "code": "ResourceNotFoundException",
        "message": format!("Resource: {missing} not found"),
    });
    assert_eq!(answer["errors"], json!([error]));
}

#[test]
fn the_quota_of_channels_answers_402_until_one_is_deleted() {
    let service = empty();
    set_quotas(&service, json!({"channels": 1}));
    let arn = channel(&service)["arn"].clone();
    assert_eq!(code(&service, "CreateChannel", json!({})), QUOTA_EXCEEDED);
    call(&service, "DeleteChannel", json!({"arn": arn}));
    channel(&service);
}

#[test]
fn a_list_tells_settings_and_tags_but_no_endpoints() {
    let service = empty();
    create(&service, json!({"name": "demo", "tags": {"a": "b"}}));
    let summary = call(&service, "ListChannels", json!({}))["channels"][0].clone();
    let mut members: Vec<_> = summary.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    let expected = [
        "adConfigurationArn",
        "arn",
        "authorized",
        "failoverSlateConfigurationArn",
        "insecureIngest",
        "latencyMode",
        "name",
        "playbackRestrictionPolicyArn",
        "preset",
        "recordingConfigurationArn",
        "tags",
        "type",
    ];
    assert_eq!(members, expected);
}

#[test]
fn a_list_is_filtered_by_one_thing_at_a_time() {
    let service = empty();
    create(&service, json!({"name": "other"}));
    let wanted = create(&service, json!({"name": "demo"})).0;
    let listed = walk(&service, "ListChannels", json!({"filterByName": "demo", "maxResults": 1}), "channels");
    assert_eq!(distinct(&listed, "arn"), [wanted["arn"].as_str().unwrap().to_owned()].into());
    assert_eq!(call(&service, "ListChannels", json!({"filterByName": "none"}))["channels"], json!([]));
    let both = json!({"filterByName": "demo", "filterByRecordingConfigurationArn": ""});
    assert_eq!(code(&service, "ListChannels", both), CONFLICT);
}

#[test]
fn a_page_has_100_channels_unless_asked_otherwise() {
    let service = empty();
    for _ in 0..101 {
        channel(&service);
    }
    let page = call(&service, "ListChannels", json!({}));
    assert_eq!(page["channels"].as_array().unwrap().len(), 100);
    let rest = call(&service, "ListChannels", json!({"nextToken": page["nextToken"]}));
    assert_eq!((rest["channels"].as_array().unwrap().len(), &rest["nextToken"]), (1, &Value::Null));
    assert_eq!(code(&service, "ListStreams", json!({"nextToken": page["nextToken"]})), VALIDATION);
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(32))]
    #[test]
    fn pages_of_any_size_list_each_channel_once(
        names in proptest::collection::vec(proptest::bool::ANY, 0..60),
        size in 1_usize..=100,
    ) {
        let service = empty();
        for wanted in &names {
            create(&service, json!({"name": if *wanted { "wanted" } else { "other" }}));
        }
        for (filter, expected) in [
            (json!({"maxResults": size}), names.len()),
            (json!({"maxResults": size, "filterByName": "wanted"}), names.iter().filter(|wanted| **wanted).count()),
        ] {
            let listed = walk(&service, "ListChannels", filter, "channels");
            proptest::prop_assert_eq!((listed.len(), distinct(&listed, "arn").len()), (expected, expected));
        }
    }
}
