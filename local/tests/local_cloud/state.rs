//! The rows of the tables beside what the services have, as the side door tells of them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use super::*;

async fn create_channel(cloud: &LocalCloud, name: &str, tags: Value) -> String {
    let created = developer(cloud, "ivs", "", "/CreateChannel", json!({"name": name, "tags": tags})).await.json();
    created["channel"]["arn"].as_str().unwrap().to_owned()
}

async fn put(cloud: &LocalCloud, item: Value) {
    let input = json!({"TableName": "stack-rows", "Item": item});
    let put = developer(cloud, "dynamodb", "DynamoDB_20120810.PutItem", "/", input).await;
    assert_eq!(put.status, 200, "{:?}", put.body);
}

async fn state(cloud: &LocalCloud, query: &str) -> Value {
    door(cloud, "GET", &format!("state{query}"), json!(null)).await.json()
}

fn resource<'a>(state: &'a Value, kind: &str, name: &str) -> &'a Value {
    let mut resources = state["resources"].as_array().unwrap().iter();
    resources.find(|one| one["kind"] == kind && one["name"] == name).unwrap_or_else(|| panic!("no {name}: {state}"))
}

#[tokio::test]
async fn rows_and_resources_that_do_not_match_are_marked() {
    let cloud = start().await;
    let kept = create_channel(&cloud, "kept", json!({"Stack": "stack"})).await;
    let orphan = create_channel(&cloud, "orphan", json!({"Stack": "stack"})).await;
    create_channel(&cloud, "of-another-stack", json!({"Stack": "other"})).await;
    let gone = kept.replace("channel/", "channel/x");
    put(&cloud, json!({"id": {"S": "a-kept"}, "arn": {"S": kept}, "count": {"N": "3"}})).await;
    put(&cloud, json!({"id": {"S": "b-gone"}, "arn": {"S": gone}, "stageArn": {"S": "arn:aws:ivs:us-east-1:000000000000:stage/a"}})).await;
    let channel_id = kept.rsplit_once('/').unwrap().1;
    door(&cloud, "PUT", &format!("channels/{channel_id}/live"), json!({})).await;

    let told = state(&cloud, "").await;
    let rows = &told["tables"][0];
    assert_eq!((&rows["name"], &rows["key"], &rows["count"]), (&json!("stack-rows"), &json!(["id"]), &json!(2)));
    let difference = format!("{gone} is in `arn`, and there is no such channel");
    let first = &rows["rows"][0];
    assert_eq!((&first["item"]["id"], &first["differences"]), (&json!("b-gone"), &json!([difference])));
    let second = &rows["rows"][1];
    assert_eq!((&second["item"]["count"], &second["differences"]), (&json!(3), &json!([])));
    assert_eq!(second["resources"], json!([kept]));

    let found = resource(&told, "channel", "kept");
    assert_eq!((&found["state"], &found["differences"]), (&json!("live"), &json!([])));
    assert_eq!(found["rows"], json!([{"table": "stack-rows", "key": {"id": "a-kept"}}]));
    assert_eq!(found["description"]["srt"]["passphrase"], "(hidden)");
    let found = resource(&told, "channel", "orphan");
    assert_eq!((&found["arn"], &found["state"]), (&json!(orphan), &json!("offline")));
    assert_eq!(found["differences"], json!(["no row names this channel"]));
    assert_eq!(resource(&told, "channel", "of-another-stack")["differences"], json!([]));
    let stream = resource(&told, "stream", "kept");
    assert_eq!((&stream["differences"], &stream["state"]), (&json!(["no row names this stream"]), &json!("HEALTHY")));
    assert_eq!(told["differences"], 3);

    put(&cloud, json!({"id": {"S": "c"}, "session": {"S": stream["description"]["streamId"]}})).await;
    put(&cloud, json!({"id": {"S": "d"}, "streamKey": {"M": {"value": {"S": "sk_secret"}}}})).await;
    let told = state(&cloud, "").await;
    assert_eq!(resource(&told, "stream", "kept")["differences"], json!([]));
    assert!(!told.to_string().contains("sk_secret"), "{told}");
    let page = state(&cloud, "?table=stack-rows&offset=1&rows=2").await;
    let ids: Vec<_> = page["tables"][0]["rows"].as_array().unwrap().iter().map(|row| &row["item"]["id"]).collect();
    assert_eq!(ids, ["a-kept", "c"]);
    for query in ["?table=other", "?rows=x"] {
        assert!(
            (400..500).contains(&door(&cloud, "GET", &format!("state{query}"), json!(null)).await.status),
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_stored_secret_is_not_shown_even_if_it_looks_like_an_arn() {
    let cloud = start().await;
    let key = "arn:aws:ivs:us-east-1:000000000000:stream-key/chosen";
    put(&cloud, json!({"id": {"S": "a"}, "streamKey": {"S": key}, "later": {"M": {"token": {"S": key}}}})).await;
    let told = state(&cloud, "").await;
    assert_eq!(told["tables"][0]["rows"][0]["item"]["streamKey"], "(hidden)");
    assert!(!told.to_string().contains(key), "{told}");
}

#[tokio::test]
async fn looking_uses_no_quota_up() {
    let cloud = start().await;
    door(&cloud, "PUT", "quotas", json!({"ListChannels": 1})).await;
    for _ in 0..5 {
        state(&cloud, "").await;
    }
    assert_eq!(developer(&cloud, "ivs", "", "/ListChannels", json!({})).await.status, 200);
}

#[tokio::test]
async fn what_runs_where_is_told_as_the_banner_does() {
    let scheduled =
        "        Hourly: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 hour)}}\n        Told:\n";
    let template = include_str!("../template.yaml").replace("        Told:\n", scheduled);
    let template = TemplateSource::Text(template);
    let cloud = LocalCloud::start(Options { template, run_schedules: false, ..options() }).await.unwrap();
    let about = door(&cloud, "GET", "about", json!(null)).await.json();
    assert_eq!((&about["stack"], &about["addresses"]["api"]), (&json!("stack"), &json!(cloud.api_url())));
    assert_eq!((&about["tables"], &about["dataDir"]), (&json!(["stack-rows"]), &Value::Null));
    let probe = about["functions"].as_array().unwrap().iter().find(|one| one["id"] == "ProbeFunction").unwrap();
    assert!(probe["routes"].as_array().unwrap().contains(&json!("PUT /own/{name}")), "{about}");
    assert!(about["faultServices"]["ivs"].as_array().unwrap().contains(&json!("CreateStage")));
    let schedule = &about["schedules"][0];
    assert_eq!((&schedule["function"], &schedule["when"]), (&json!("ProbeFunction"), &json!("every hour")));
    let run = door(&cloud, "POST", &format!("schedules/{}/run", schedule["name"].as_str().unwrap()), json!(null)).await;
    assert_eq!(run.status, 200, "{schedule}");
    assert_eq!(about["signIn"]["clientId"], "app");
}

#[tokio::test]
async fn a_table_is_named_by_its_arn_and_one_of_elsewhere_is_not_there() {
    let cloud = start().await;
    let call = async |operation: &str, input: Value| {
        developer(&cloud, "dynamodb", &format!("DynamoDB_20120810.{operation}"), "/", input).await
    };
    let arn = |region: &str, account: &str| format!("arn:aws:dynamodb:{region}:{account}:table/stack-rows");
    let here = arn("us-east-1", "000000000000");
    let described = call("DescribeTable", json!({"TableName": "stack-rows"})).await.json();
    assert_eq!(described["Table"]["TableArn"], here.as_str());
    let item = json!({"id": {"S": "a"}});
    for (operation, input) in [
        ("PutItem", json!({"TableName": here, "Item": item})),
        ("GetItem", json!({"TableName": here, "Key": item})),
        ("TransactWriteItems", json!({"TransactItems": [{"Put": {"TableName": here, "Item": item}}]})),
        ("ListTagsOfResource", json!({"ResourceArn": here})),
    ] {
        let answer = call(operation, input).await;
        assert_eq!(answer.status, 200, "{operation}: {}", answer.json());
    }
    for (foreign, code) in [
        (arn("eu-west-1", "000000000000"), "ResourceNotFoundException"),
        (arn("us-east-1", "111111111111"), "AccessDeniedException"),
    ] {
        for (operation, input) in [
            ("PutItem", json!({"TableName": foreign, "Item": item})),
            ("BatchGetItem", json!({"RequestItems": {foreign.as_str(): {"Keys": [item]}}})),
            ("TagResource", json!({"ResourceArn": foreign, "Tags": []})),
        ] {
            let answer = call(operation, input).await;
            assert_eq!((answer.status, answer.header("x-amzn-errortype")), (400, code), "{operation}");
        }
    }
}

#[tokio::test]
async fn a_call_for_another_region_is_refused_with_the_cure() {
    let cloud = LocalCloud::start(Options { region: "eu-west-1".to_owned(), ..options() }).await.unwrap();
    for service in ["ivs", "dynamodb", "ecs"] {
        let answer = developer(&cloud, service, "x.ListStages", "/ListStages", json!({})).await;
        assert_eq!((answer.status, answer.header("x-amzn-errortype")), (403, "InvalidSignatureException"));
        assert!(answer.json()["message"].as_str().unwrap().contains("--region"), "{}", answer.json());
    }
}

#[tokio::test]
async fn rows_that_are_gone_beside_what_they_were_about_keep_it_from_starting() {
    let directory = std::env::temp_dir().join(format!("local-cloud-rows-{}", std::process::id()));
    let kept = || Options { data_dir: Some(directory.clone()), ..options() };
    let lose_rows = || std::fs::remove_file(directory.join("dynamodb.sqlite")).unwrap();
    // Nothing was about nothing.
    LocalCloud::start(kept()).await.unwrap().shutdown().await;
    lose_rows();
    let cloud = LocalCloud::start(kept()).await.unwrap();
    create_channel(&cloud, "a", json!({})).await;
    cloud.shutdown().await;
    lose_rows();
    let said = LocalCloud::start(kept()).await.err().unwrap().to_string();
    assert!(said.contains("dynamodb.sqlite is missing") && said.contains("delete the whole data directory"), "{said}");
    std::fs::remove_dir_all(directory).unwrap();
}
