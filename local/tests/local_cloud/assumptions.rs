//! What is assumed of AWS where it does not say.

use local::{LocalCloud, Options, TemplateSource};
use serde_json::{Value, json};

use crate::{developer, door, options, probe, start};

#[tokio::test]
async fn the_side_door_assumes_otherwise_until_a_reset() {
    for is_unkind in [false, true] {
        let cloud = LocalCloud::start(Options { assume_unkind: is_unkind, ..options() }).await.unwrap();
        let first = door(&cloud, "GET", "assumptions", Value::Null).await.json();
        let assumed: Vec<_> = first.as_object().unwrap().values().filter_map(Value::as_bool).collect();
        assert_eq!(assumed, [is_unkind; 4], "{first}");
        assert_eq!(first["earlyDisconnect"], if is_unkind { "notFound" } else { "bars" });
        let other = json!({"lateListings": !is_unkind, "earlyDisconnect": if is_unkind { "bars" } else { "notFound" }});
        let set = door(&cloud, "PUT", "assumptions", other.clone()).await.json();
        assert_eq!(set["earlyDisconnect"], other["earlyDisconnect"]);
        assert_eq!((&set["lateListings"], &set["longTaskLife"]), (&json!(!is_unkind), &json!(is_unkind)));
        assert_eq!(door(&cloud, "PUT", "assumptions", json!({"late": true})).await.status, 400);
        assert_eq!(door(&cloud, "POST", "reset", Value::Null).await.status, 200);
        assert_eq!(door(&cloud, "GET", "assumptions", Value::Null).await.json(), first);
    }
}

#[tokio::test]
async fn lists_are_late_where_that_is_assumed() {
    let cloud = LocalCloud::start(Options { assume_unkind: true, ..options() }).await.unwrap();
    developer(&cloud, "ivs", "", "/CreateStage", json!({})).await;
    let listed = async || developer(&cloud, "ivs", "", "/ListStages", json!({})).await.json()["stages"].clone();
    assert_eq!(listed().await, json!([]));
    // Asked too often, it is throttled.
    crate::until("the stage is listed", async || listed().await.as_array().is_some_and(|stages| stages.len() == 1))
        .await;
}

#[tokio::test]
async fn the_old_item_may_need_a_permission_of_its_own() {
    let template =
        include_str!("../template.yaml").replace(r#""dynamodb:PutItem", "dynamodb:GetItem""#, r#""dynamodb:PutItem""#);
    let without = LocalCloud::start(Options { template: TemplateSource::Text(template), ..options() }).await.unwrap();
    let put = json!({"TableName": "stack-rows", "Item": {"id": {"S": "a"}}, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"});
    let order = json!({"do": "aws", "service": "dynamodb", "target": "DynamoDB_20120810.PutItem", "input": put});
    for (cloud, is_assumed, status) in [(&without, false, 200), (&without, true, 400), (&start().await, true, 200)] {
        door(cloud, "PUT", "assumptions", json!({"oldItemNeedsRead": is_assumed})).await;
        assert_eq!(probe(cloud, order.clone()).await.json()["status"], status, "{is_assumed}");
    }
}
