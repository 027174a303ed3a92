//! Live and offline channels.

use serde_json::{Value, json};
use time::Duration;

use super::*;

#[test]
fn an_offline_channel_is_not_broadcasting() {
    let service = empty();
    let arn = channel(&service)["arn"].clone();
    for operation in ["GetStream", "StopStream", "PutMetadata"] {
        assert_eq!(code(&service, operation, json!({"channelArn": arn, "metadata": "x"})), NOT_BROADCASTING);
    }
    assert_eq!(call(&service, "ListStreams", json!({}))["streams"], json!([]));
}

#[test]
fn a_live_channel_has_a_stream() {
    let service = empty();
    let channel = channel(&service);
    let stream = go_live(&service, &channel);
    let id = stream["streamId"].as_str().unwrap();
    assert!(id.len() == 26 && id.starts_with("st-"), "{id}");
    let mut expected = json!({
        "channelArn": channel["arn"],
        "streamId": id,
        "playbackUrl": channel["playbackUrl"],
        "startTime": "2026-01-01T00:00:00Z",
        "state": "LIVE",
        "health": "HEALTHY",
        "viewerCount": 0,
    });
    assert_eq!(stream, expected);
    assert_eq!(call(&service, "GetStream", json!({"channelArn": channel["arn"]}))["stream"], expected);
    expected.as_object_mut().unwrap().remove("playbackUrl");
    assert_eq!(call(&service, "ListStreams", json!({}))["streams"], json!([expected]));
}

#[test]
fn a_live_stream_changes_without_a_new_one_starting() {
    let service = empty();
    let channel = channel(&service);
    let first = go_live(&service, &channel);
    let change = json!({"health": "STARVING", "viewerCount": 7});
    let changed = service.go_live(id(&channel), &change, NOW + Duration::hours(1)).unwrap();
    assert_eq!((&changed["streamId"], &changed["startTime"]), (&first["streamId"], &first["startTime"]));
    assert_eq!((&changed["health"], &changed["viewerCount"]), (&json!("STARVING"), &json!(7)));
    let unchanged = go_live(&service, &channel);
    assert_eq!(unchanged, changed);
}

#[test]
fn each_broadcast_is_a_stream_of_its_own() {
    let service = empty();
    let channel = channel(&service);
    let first = go_live(&service, &channel);
    assert_eq!(call(&service, "StopStream", json!({"channelArn": channel["arn"]})), json!({}));
    assert_eq!(code(&service, "GetStream", json!({"channelArn": channel["arn"]})), NOT_BROADCASTING);
    assert_ne!(go_live(&service, &channel)["streamId"], first["streamId"]);
    for _ in 0..2 {
        service.go_offline(id(&channel), NOW).unwrap();
    }
    assert_eq!(code(&service, "GetStream", json!({"channelArn": channel["arn"]})), NOT_BROADCASTING);
}

#[test]
fn a_broadcast_survives_the_deletion_of_its_key() {
    let service = empty();
    let (channel, key) = create(&service, json!({}));
    let stream = go_live(&service, &channel);
    call(&service, "DeleteStreamKey", json!({"arn": key["arn"]}));
    assert_eq!(call(&service, "GetStream", json!({"channelArn": channel["arn"]}))["stream"], stream);
}

#[test]
fn streams_are_listed_by_health_and_in_pages() {
    let service = empty();
    for health in ["HEALTHY", "STARVING", "STARVING"] {
        service.go_live(id(&channel(&service)), &json!({"health": health}), NOW).unwrap();
    }
    channel(&service);
    for (health, expected) in [("HEALTHY", 1), ("STARVING", 2), ("UNKNOWN", 0)] {
        let input = json!({"filterBy": {"health": health}, "maxResults": 1});
        let streams = walk(&service, "ListStreams", input, "streams");
        assert_eq!(distinct(&streams, "channelArn").len(), expected, "{health}");
    }
    assert_eq!(walk(&service, "ListStreams", json!({"filterBy": {}, "maxResults": 2}), "streams").len(), 3);
}

#[test]
fn metadata_has_at_most_1_kb() {
    let service = empty();
    let channel = channel(&service);
    go_live(&service, &channel);
    let put = |metadata: String| json!({"channelArn": channel["arn"], "metadata": metadata});
    assert_eq!(call(&service, "PutMetadata", put("x".repeat(1024))), Value::Null);
    for metadata in [String::new(), "x".repeat(1025), "ö".repeat(513)] {
        assert_eq!(code(&service, "PutMetadata", put(metadata)), VALIDATION);
    }
}

#[test]
fn only_a_channel_that_exists_goes_live_and_only_in_a_state_that_exists() {
    let service = empty();
    let channel = channel(&service);
    assert_eq!(service.go_live("none", &json!({}), NOW).unwrap_err().status, 404);
    assert_eq!(service.go_offline("none", NOW).unwrap_err().status, 404);
    for body in [json!({"health": "ILL"}), json!({"viewerCount": -2}), json!({"viewerCount": "7"}), json!([])] {
        assert_eq!(service.go_live(id(&channel), &body, NOW).unwrap_err().status, 400, "{body}");
    }
    assert_eq!(code(&service, "GetStream", json!({"channelArn": channel["arn"]})), NOT_BROADCASTING);
}
