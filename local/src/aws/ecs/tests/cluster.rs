use serde_json::json;

use super::{call, ready, refusal, run, running};
use crate::aws::ecs::Ecs;

#[test]
fn a_cluster_is_made_once() {
    let ecs = Ecs::open("eu-central-1", None).unwrap();
    let tags = json!([{"key": "app", "value": "x"}]);
    let made = call(&ecs, "CreateCluster", json!({"clusterName": "live", "tags": tags}))["cluster"].clone();
    assert_eq!(made["clusterArn"], "arn:aws:ecs:eu-central-1:000000000000:cluster/live");
    assert_eq!(call(&ecs, "CreateCluster", json!({"clusterName": "live"}))["cluster"], made);
    let named = call(&ecs, "DescribeClusters", json!({"clusters": [made["clusterArn"], "none"], "include": ["TAGS"]}));
    assert_eq!(named["clusters"], json!([made]));
    let missing = json!([{"arn": "arn:aws:ecs:eu-central-1:000000000000:cluster/none", "reason": "MISSING"}]);
    assert_eq!(named["failures"], missing);
    assert_eq!(refusal(&ecs, "CreateCluster", json!({"clusterName": "a b"})).0, "InvalidParameterException");
}

#[test]
fn a_cluster_counts_its_tasks() {
    let ecs = ready();
    run(&ecs);
    running(&ecs);
    running(&ecs);
    let cluster = call(&ecs, "DescribeClusters", json!({}))["clusters"][0].clone();
    assert_eq!((&cluster["pendingTasksCount"], &cluster["runningTasksCount"]), (&json!(1), &json!(2)));
}

#[test]
fn clusters_are_listed_in_pages() {
    let ecs = ready();
    for name in ["a", "b"] {
        call(&ecs, "CreateCluster", json!({"clusterName": name}));
    }
    let first = call(&ecs, "ListClusters", json!({"maxResults": 2}));
    let second = call(&ecs, "ListClusters", json!({"maxResults": 2, "nextToken": first["nextToken"]}));
    assert_eq!(first["taskArns"], json!(null));
    assert_eq!(first["clusterArns"].as_array().unwrap().len(), 2);
    assert_eq!(second, json!({"clusterArns": ["arn:aws:ecs:eu-central-1:000000000000:cluster/default"]}));
}

#[test]
fn a_family_counts_its_revisions() {
    let ecs = ready();
    let again = call(&ecs, "RegisterTaskDefinition", super::definition())["taskDefinition"].clone();
    assert_eq!((&again["revision"], &again["status"]), (&json!(2), &json!("ACTIVE")));
    assert_eq!(again["containerDefinitions"][0]["essential"], true);
    for (reference, revision) in [("web", 2), ("web:1", 1)] {
        let found = call(&ecs, "DescribeTaskDefinition", json!({"taskDefinition": reference}));
        assert_eq!(found["taskDefinition"]["revision"], revision, "{reference}");
    }
    for reference in ["web:3", "web:0", "none"] {
        let refused = refusal(&ecs, "DescribeTaskDefinition", json!({"taskDefinition": reference}));
        assert_eq!(refused, ("ClientException", "Unable to describe task definition.".to_owned()));
    }
}

#[test]
fn a_definition_that_fargate_cannot_run_is_refused() {
    let ecs = ready();
    for (member, value) in [
        ("networkMode", json!("bridge")),
        ("cpu", json!(null)),
        ("memory", json!(null)),
        ("containerDefinitions", json!([{"name": "a", "image": "a", "essential": false}])),
    ] {
        let mut definition = super::definition();
        definition[member] = value;
        assert_eq!(refusal(&ecs, "RegisterTaskDefinition", definition).0, "ClientException", "{member}");
    }
}
