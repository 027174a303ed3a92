//! Limits that the template sets: a route's rate, a function's concurrency, and tables that must not be deleted.

use local::{LocalCloud, Options, TemplateSource};
use serde_json::{Value, json};

use crate::{developer, options, probe};

/// The local cloud with another text in its template.
fn changed(from: &str, to: &str) -> Options {
    let template = include_str!("../template.yaml");
    assert!(template.contains(from), "{from}");
    Options { template: TemplateSource::Text(template.replace(from, to)), ..options() }
}

#[tokio::test]
async fn a_route_above_its_rate_is_api_gateways_429() {
    let limits =
        "      DefaultRouteSettings: {ThrottlingRateLimit: 0.001, ThrottlingBurstLimit: 2}\n      CorsConfiguration";
    let cloud = LocalCloud::start(changed("      CorsConfiguration", limits)).await.unwrap();
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(probe(&cloud, json!({})).await.status);
    }
    assert_eq!(statuses, [200, 200, 429, 429]);
    let refused = probe(&cloud, json!({})).await;
    assert_eq!(refused.json(), json!({"message": "Too Many Requests"}));
    assert!(!refused.header("apigw-requestid").is_empty());
    // Another route has tokens of its own.
    let other = crate::post(&cloud, "/short", json!({})).await;
    assert_ne!(other.status, 429);
}

#[tokio::test]
async fn beyond_a_functions_own_concurrency_requests_wait() {
    let own = "CodeUri: functions/probe\n      ReservedConcurrentExecutions: 1";
    let cloud = LocalCloud::start(changed("CodeUri: functions/probe", own)).await.unwrap();
    let nap = json!({"do": "sleep", "ms": 50});
    let (one, other) = tokio::join!(probe(&cloud, nap.clone()), probe(&cloud, nap));
    assert_eq!(one.json()["process"], other.json()["process"]);
}

async fn delete_rows(cloud: &LocalCloud) -> Value {
    developer(cloud, "dynamodb", "DynamoDB_20120810.DeleteTable", "/", json!({"TableName": "stack-rows"})).await.json()
}

#[tokio::test]
async fn a_protected_table_is_deleted_once_its_protection_is_off_also_after_a_restart() {
    let directory = std::env::temp_dir().join(format!("local-cloud-limits-{}", std::process::id()));
    let protected = || Options {
        data_dir: Some(directory.clone()),
        ..changed("BillingMode:", "DeletionProtectionEnabled: true\n      BillingMode:")
    };
    let free = || Options { data_dir: Some(directory.clone()), ..options() };
    // Made without, then protected, then not any more, as deployments would have it.
    for (options, deleted) in [(free(), None), (protected(), Some(false)), (free(), Some(true))] {
        let cloud = LocalCloud::start(options).await.unwrap();
        if let Some(deleted) = deleted {
            let answer = delete_rows(&cloud).await;
            assert_eq!(answer["TableDescription"]["TableName"] == "stack-rows", deleted, "{answer}");
            let said = answer["message"].as_str().unwrap_or_default();
            assert_eq!(said.contains("protected against deletion"), !deleted, "{answer}");
        }
        // The local cloud's own reset is nobody's accident.
        assert_eq!(crate::door(&cloud, "POST", "reset", Value::Null).await.status, 200);
        cloud.shutdown().await;
    }
    std::fs::remove_dir_all(directory).unwrap();
}
