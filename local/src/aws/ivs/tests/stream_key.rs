//! Stream keys and their rotation.

use serde_json::{Value, json};

use super::*;

#[test]
fn a_value_names_the_region_and_is_new_each_time() {
    let service = empty();
    let values: Vec<_> = (0..2).map(|_| create(&service, json!({})).1["value"].as_str().unwrap().to_owned()).collect();
    assert_ne!(values[0], values[1]);
    for value in values {
        let parts: Vec<_> = value.split('_').collect();
        let [sk, region, one, other] = parts.as_slice() else { panic!("four parts") };
        assert_eq!((*sk, *region), ("sk", "eu-central-1"));
        assert!([one, other].iter().all(|part| part.len() >= 12 && part.bytes().all(|b| b.is_ascii_alphanumeric())));
    }
}

#[test]
fn a_second_key_for_a_channel_is_one_too_many() {
    let service = empty();
    let channel = channel(&service)["arn"].clone();
    assert_eq!(code(&service, "CreateStreamKey", json!({"channelArn": channel})), QUOTA_EXCEEDED);
    set_quotas(&service, json!({"streamKeysPerChannel": 2}));
    call(&service, "CreateStreamKey", json!({"channelArn": channel}));
    assert_eq!(code(&service, "CreateStreamKey", json!({"channelArn": channel})), QUOTA_EXCEEDED);
}

#[test]
fn to_rotate_is_to_delete_and_to_create() {
    let service = empty();
    let (channel, old) = create(&service, json!({"tags": {"a": "b"}}));
    assert_eq!(call(&service, "DeleteStreamKey", json!({"arn": old["arn"]})), Value::Null);
    assert_eq!(code(&service, "GetStreamKey", json!({"arn": old["arn"]})), NOT_FOUND);
    assert_eq!(code(&service, "DeleteStreamKey", json!({"arn": old["arn"]})), NOT_FOUND);
    assert_eq!(call(&service, "ListStreamKeys", json!({"channelArn": channel["arn"]}))["streamKeys"], json!([]));
    let input = json!({"channelArn": channel["arn"], "tags": {"c": "d"}});
    let new = call(&service, "CreateStreamKey", input)["streamKey"].clone();
    assert_eq!((&new["channelArn"], &new["tags"]), (&channel["arn"], &json!({"c": "d"})));
    assert_ne!((&new["arn"], &new["value"]), (&old["arn"], &old["value"]));
    assert_eq!(call(&service, "GetStreamKey", json!({"arn": new["arn"]}))["streamKey"], new);
}

#[test]
fn a_list_is_of_one_channel_and_tells_no_value() {
    let service = empty();
    set_quotas(&service, json!({"streamKeysPerChannel": 3}));
    let (channel, key) = create(&service, json!({}));
    create(&service, json!({}));
    let expected = json!([{"arn": key["arn"], "channelArn": channel["arn"], "tags": {}}]);
    assert_eq!(call(&service, "ListStreamKeys", json!({"channelArn": channel["arn"]}))["streamKeys"], expected);
    for _ in 0..2 {
        call(&service, "CreateStreamKey", json!({"channelArn": channel["arn"]}));
    }
    let page = call(&service, "ListStreamKeys", json!({"channelArn": channel["arn"]}));
    assert_eq!(page["streamKeys"].as_array().unwrap().len(), 1, "one is the default");
    let all = walk(&service, "ListStreamKeys", json!({"channelArn": channel["arn"], "maxResults": 2}), "streamKeys");
    assert_eq!(distinct(&all, "arn").len(), 3);
    assert_eq!(code(&service, "ListStreamKeys", json!({"channelArn": channel["arn"], "maxResults": 51})), VALIDATION);
}

#[test]
fn a_batch_answers_values_and_names_what_there_is_not() {
    let service = empty();
    let key = create(&service, json!({})).1;
    let missing = "arn:aws:ivs:eu-central-1:000000000000:stream-key/none";
    let answer = call(&service, "BatchGetStreamKey", json!({"arns": [missing, key["arn"]]}));
    assert_eq!(answer["streamKeys"], json!([key]));
    assert_eq!((&answer["errors"][0]["arn"], answer["errors"].as_array().unwrap().len()), (&json!(missing), 1));
}
