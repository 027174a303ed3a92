//! What holds for every operation: rates, constraints, permissions, tags, secrets, persistence.

use proptest::prelude::*;
use serde_json::{Value, json};
use time::Duration;

use super::{
    super::{operation::OPERATIONS, state::Addresses},
    *,
};
use crate::aws::video::testing::{any_json, call_near_the_model};
use crate::plumbing::state_file::tests::TemporaryDirectory;

/// Members of requests, for requests of any kind.
const MEMBERS: &[&str] = &[
    "arn",
    "arns",
    "channelArn",
    "name",
    "tags",
    "metadata",
    "filterBy",
    "health",
    "maxResults",
    "nextToken",
    "publicKeyMaterial",
    "viewerId",
    "streamKey",
    "playbackUrl",
    "token",
];
const ARN: &str = "arn:aws:ivs:eu-central-1:000000000000:channel/a1b2c3d4e5f6";

#[test]
fn calls_beyond_the_rate_are_throttled_until_time_passes() {
    let service = Ivs::open("eu-central-1", None).unwrap();
    for (operation, rate) in [
        ("ListChannels", 5),
        ("BatchGetChannel", 5),
        ("ListPlaybackKeyPairs", 3),
        ("StartViewerSessionRevocation", 10),
        ("ListTagsForResource", 10),
        ("PutMetadata", 155),
    ] {
        let throttled = |now| {
            let answer = service.call(operation, &json!({}), now);
            answer.is_err_and(|error| (error.status, error.code) == THROTTLED)
        };
        assert_eq!((0..rate + 1).filter(|_| throttled(NOW)).count(), 1, "{operation}");
        assert!(!throttled(NOW + Duration::seconds(1)), "{operation}");
    }
}

#[test]
fn constraints_of_the_model_are_enforced() {
    let service = empty();
    for (operation, input, violation) in [
        (
            "CreateChannel",
            json!({"name": "a b"}),
            "at 'name' failed to satisfy constraint: Member must satisfy regular",
        ),
        ("CreateChannel", json!({"name": "a".repeat(129)}), "Member must have length less than or equal to 128"),
        ("CreateChannel", json!({"type": "PREMIUM"}), "enum value set: [BASIC, STANDARD, ADVANCED_SD, ADVANCED_HD]"),
        ("CreateChannel", json!({"latencyMode": "low"}), "Member must satisfy enum value set: [NORMAL, LOW]"),
        ("CreateChannel", json!({"authorized": "yes"}), "Member must be a boolean"),
        ("CreateChannel", json!({"recordingConfigurationArn": ARN}), "recording-configuration/[a-zA-Z0-9-]+$"),
        ("CreateChannel", json!({"containerFormat": "MP4"}), "[TS, FRAGMENTED_MP4]"),
        (
            "CreateChannel",
            json!({"multitrackInputConfiguration": {"policy": "DENY"}}),
            "at 'multitrackInputConfiguration.policy'",
        ),
        ("CreateChannel", json!({"tags": {"a!": ""}}), "Map keys must satisfy constraint"),
        ("GetChannel", json!({"arn": "demo"}), "Value 'demo' at 'arn'"),
        ("GetStreamKey", json!({"arn": ARN}), "stream-key/[a-zA-Z0-9-]+"),
        ("BatchGetChannel", json!({"arns": []}), "Member must have length greater than or equal to 1"),
        ("BatchGetStreamKey", json!({"arns": [ARN]}), "at 'arns'"),
        ("ListChannels", json!({"maxResults": 101}), "Member must have value less than or equal to 100"),
        ("ListStreams", json!({"filterBy": {"health": "ILL"}}), "at 'filterBy.health'"),
        ("PutMetadata", json!({"channelArn": ARN}), "Value null at 'metadata'"),
        ("PutMetadata", json!({"channelArn": ARN, "metadata": 7}), "Value '***' at 'metadata'"),
        (
            "StartViewerSessionRevocation",
            json!({"channelArn": ARN, "viewerId": "v".repeat(41)}),
            "Member must have length less than or equal to 40",
        ),
        (
            "StartViewerSessionRevocation",
            json!({"channelArn": ARN, "viewerId": "v", "viewerSessionVersionsLessThanOrEqualTo": -1}),
            "Member must have value greater than or equal to 0",
        ),
        ("UntagResource", json!({"resourceArn": ARN}), "Value null at 'tagKeys'"),
    ] {
        let error = refusal(&service, operation, input);
        assert_eq!((error.status, error.code), VALIDATION);
        assert!(error.message.contains(violation), "{operation}: {}", error.message);
    }
    let many = json!({"arns": (0..51).map(|n| format!("{ARN}{n}")).collect::<Vec<_>>()});
    assert_eq!(code(&service, "BatchGetChannel", many), VALIDATION);
    assert_eq!(call(&service, "ListChannels", json!({}))["channels"], json!([]));
}

/// The actions and resources that a call requires, the resources without what every ARN starts with.
fn required(service: &Ivs, operation: &str, input: Value) -> Vec<(String, String)> {
    let requirements = service.requirements(operation, &input).into_iter();
    let short = |arn: String| arn.trim_start_matches("arn:aws:ivs:eu-central-1:000000000000:").to_owned();
    requirements.map(|requirement| (requirement.action, short(requirement.resource))).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(action, resource)| ((*action).to_owned(), (*resource).to_owned())).collect()
}

#[test]
fn to_create_a_channel_is_to_create_a_stream_key_too() {
    let service = empty();
    let create = [("ivs:CreateChannel", "channel/*"), ("ivs:CreateChannel", "stream-key/*")];
    assert_eq!(required(&service, "CreateChannel", json!({})), pairs(&create));
    let tagged = json!({"tags": {"team": "live"}});
    let expected = pairs(&[create[0], create[1], ("ivs:TagResource", "channel/*")]);
    assert_eq!(required(&service, "CreateChannel", tagged.clone()), expected);
    let requirements = service.requirements("CreateChannel", &tagged);
    assert!(requirements.iter().all(|requirement| requirement.request_tags["team"] == "live"));
}

#[test]
fn a_call_requires_its_action_on_what_it_names() {
    let service = empty();
    let stream_key = "arn:aws:ivs:eu-central-1:000000000000:stream-key/k1";
    for (operation, input, expected) in [
        ("CreateStreamKey", json!({"channelArn": ARN}), "stream-key/*"),
        ("GetStreamKey", json!({"arn": stream_key}), "stream-key/k1"),
        ("DeleteStreamKey", json!({"arn": stream_key}), "stream-key/k1"),
        ("GetStream", json!({"channelArn": ARN}), "channel/a1b2c3d4e5f6"),
        ("ListChannels", json!({}), "channel/*"),
        ("ListStreams", json!({}), "channel/*"),
        ("ImportPlaybackKeyPair", json!({}), "playback-key/*"),
        ("GetChannel", json!({}), "*"),
        ("BatchGetChannel", json!({}), "*"),
    ] {
        let action = format!("ivs:{operation}");
        assert_eq!(required(&service, operation, input), pairs(&[(&action, expected)]));
    }
    for (operation, input) in [("DeleteChannel", json!({"arn": ARN})), ("ListStreamKeys", json!({"channelArn": ARN}))] {
        let action = format!("ivs:{operation}");
        let both = [(action.as_str(), "channel/a1b2c3d4e5f6"), (action.as_str(), "stream-key/*")];
        assert_eq!(required(&service, operation, input), pairs(&both));
    }
    let batch = required(&service, "BatchGetChannel", json!({"arns": [ARN, stream_key]}));
    let action = "ivs:BatchGetChannel";
    assert_eq!(batch, pairs(&[(action, "channel/a1b2c3d4e5f6"), (action, "stream-key/k1")]));
}

#[test]
fn tags_of_a_resource_are_its_own() {
    let service = empty();
    let (channel, key) = create(&service, json!({"tags": {"team": "live"}}));
    let pair = import(&service, &SigningKey::generate());
    let tags = |arn: &Value| call(&service, "ListTagsForResource", json!({"resourceArn": arn}))["tags"].clone();
    assert_eq!((tags(&channel["arn"]), tags(&key["arn"])), (json!({"team": "live"}), json!({})));
    for arn in [&channel["arn"], &key["arn"], &pair["arn"]] {
        call(&service, "TagResource", json!({"resourceArn": arn, "tags": {"a": "1", "b": "2"}}));
        call(&service, "UntagResource", json!({"resourceArn": arn, "tagKeys": ["a", "never"]}));
        assert_eq!(tags(arn)["b"], "2");
        let required = service.requirements("UntagResource", &json!({"resourceArn": arn}));
        assert_eq!((&required[0].resource_tags["b"], required[0].resource_tags.get("a")), (&"2".to_owned(), None));
    }
    assert_eq!(tags(&channel["arn"]), json!({"team": "live", "b": "2"}));
    assert_eq!(call(&service, "GetStreamKey", json!({"arn": key["arn"]}))["streamKey"]["tags"], json!({"b": "2"}));
    assert_eq!(code(&service, "ListTagsForResource", json!({"resourceArn": ARN})), NOT_FOUND);
    assert_eq!(code(&service, "CreateChannel", json!({"tags": {"aws:x": "y"}})), VALIDATION);
}

#[test]
fn no_error_quotes_a_secret() {
    let service = empty();
    let (channel, key) = create(&service, json!({}));
    let value = key["value"].as_str().unwrap();
    let quota = refusal(&service, "CreateStreamKey", json!({"channelArn": channel["arn"]}));
    assert!(!format!("{quota:?}").contains(value));
    for body in [json!({"streamKey": [value]}), json!([value])] {
        assert!(!format!("{:?}", service.ingest(&body).unwrap_err()).contains(value));
    }
    let endpoint = service.ingest(&json!({"streamKey": value, "ingestEndpoint": "other"})).unwrap();
    assert!(!endpoint.to_string().contains(value));
}

#[test]
fn everything_survives_a_restart() {
    let directory = TemporaryDirectory::new();
    let service = Ivs::open("eu-central-1", Some(directory.file())).unwrap();
    let (channel, key) = create(&service, json!({"name": "demo", "tags": {"a": "b"}}));
    go_live(&service, &channel);
    let pair = import(&service, &SigningKey::generate());

    let again = Ivs::open("eu-central-1", Some(directory.file())).unwrap();
    assert_eq!(call(&again, "GetChannel", json!({"arn": channel["arn"]}))["channel"], channel);
    assert_eq!(call(&again, "GetStreamKey", json!({"arn": key["arn"]}))["streamKey"], key);
    let on_air = code(&again, "GetStream", json!({"channelArn": channel["arn"]}));
    assert_eq!(on_air, NOT_BROADCASTING, "nobody sends any more");
    assert_eq!(call(&again, "GetPlaybackKeyPair", json!({"arn": pair["arn"]}))["keyPair"], pair);
}

#[test]
fn endpoints_are_those_of_the_present_ports_and_no_stored_stream_is_on_air() {
    let directory = TemporaryDirectory::new();
    let service = Ivs::open("eu-central-1", Some(directory.file())).unwrap();
    let (channel, _) = create(&service, json!({}));
    // As states were written that held endpoints and streams.
    let mut state: Value = serde_json::from_slice(&std::fs::read(directory.file()).unwrap()).unwrap();
    let stored = state["channels"][channel["arn"].as_str().unwrap()].as_object_mut().unwrap();
    stored.insert("stream".to_owned(), json!({"id": "st-1", "start": "", "health": "HEALTHY", "viewer_count": 0}));
    stored["endpoints"]["ingest"] = json!("abc.global-contribute.live-video.net");
    stored["endpoints"]["playback_url"] = json!("https://abc.playback.live-video.net/a.m3u8");
    std::fs::write(directory.file(), state.to_string()).unwrap();

    let again = Ivs::open("eu-central-1", Some(directory.file())).unwrap();
    let addresses = Addresses { ingest: "127.0.0.1:5".to_owned(), playback: "http://127.0.0.1:6".to_owned() };
    again.set_addresses(addresses).unwrap();
    let seen = || call(&again, "GetChannel", json!({"arn": channel["arn"]}))["channel"].clone();
    assert_eq!(seen()["ingestEndpoint"], "127.0.0.1:5");
    let path = format!("/api/video/v1/eu-central-1.000000000000.channel.{}.m3u8", id(&channel));
    assert_eq!(seen()["playbackUrl"], format!("http://127.0.0.1:6{path}"));
    assert_eq!(code(&again, "GetStream", json!({"channelArn": channel["arn"]})), NOT_BROADCASTING);
    again.reset();
    assert_eq!(create(&again, json!({})).0["ingestEndpoint"], "127.0.0.1:5");
}

#[test]
fn a_reset_forgets_everything() {
    let directory = TemporaryDirectory::new();
    let service = Ivs::open("eu-central-1", Some(directory.file())).unwrap();
    set_quotas(&service, json!({"channels": 1}));
    let key = create(&service, json!({})).1;
    import(&service, &SigningKey::generate());
    service.reset();
    for service in [service, Ivs::open("eu-central-1", Some(directory.file())).unwrap()] {
        assert_eq!(call(&service, "ListChannels", json!({}))["channels"], json!([]));
        assert_eq!(call(&service, "ListPlaybackKeyPairs", json!({}))["keyPairs"], json!([]));
        assert_eq!(code(&service, "GetStreamKey", json!({"arn": key["arn"]})), NOT_FOUND);
        assert_eq!(service.lock_quotas().to_json()["channels"], 5_000);
    }
}

proptest! {
    #[test]
    fn any_input_gets_an_answer(input in any_json(MEMBERS, ARN), which in 0..OPERATIONS.len()) {
        let service = empty();
        let operation = OPERATIONS[which].name;
        prop_assert!(!service.requirements(operation, &input).is_empty());
        let _ = service.call(operation, &input, NOW);
        let _ = service.ingest(&input);
        let _ = service.play(&input, NOW);
        let _ = service.go_live("none", &input, NOW);
    }
}

#[test]
fn every_operation_answers_whatever_is_near_its_model() {
    let text = |arn: &Value| arn.as_str().unwrap().to_owned();
    call_near_the_model(|| {
        let service = empty();
        let (channel, key) = create(&service, json!({}));
        let pair = import(&service, &SigningKey::generate());
        let arns = [channel, key, pair].map(|resource| text(&resource["arn"])).to_vec();
        (service, arns)
    });
}
