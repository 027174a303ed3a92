use serde_json::{Value, json};

use super::{Ecs, NOBODY, call, id, ready, request};

/// Action, resource and cluster of each requirement, without what they all start with.
fn needs(ecs: &Ecs, operation: &str, input: Value) -> Vec<String> {
    let short = |arn: &str| arn.replace("arn:aws:ecs:eu-central-1:000000000000:", "");
    let of = ecs.requirements(operation, &input).into_iter().map(|needed| {
        let cluster = needed.service_keys.get("ecs:cluster").map(|values| short(&values[0]));
        format!("{} {} {}", needed.action, short(&needed.resource), cluster.unwrap_or_default()).trim().to_owned()
    });
    of.collect()
}

#[test]
fn calls_on_tasks_need_the_cluster_and_the_task() {
    let ecs = ready();
    for (operation, input, expected) in [
        ("ListTasks", json!({}), vec!["ecs:ListTasks * cluster/default".to_owned()]),
        ("ListTasks", json!({"cluster": "live"}), vec!["ecs:ListTasks * cluster/live".to_owned()]),
        (
            "DescribeTasks",
            json!({"cluster": "live", "tasks": [NOBODY, "arn:aws:ecs:eu-central-1:000000000000:task/live/a"]}),
            vec![
                format!("ecs:DescribeTasks task/live/{NOBODY} cluster/live"),
                "ecs:DescribeTasks task/live/a cluster/live".to_owned(),
            ],
        ),
        ("DescribeTasks", json!({}), vec!["ecs:DescribeTasks * cluster/default".to_owned()]),
        ("StopTask", json!({"task": NOBODY}), vec![format!("ecs:StopTask task/default/{NOBODY} cluster/default")]),
    ] {
        assert_eq!(needs(&ecs, operation, input), expected);
    }
}

#[test]
fn to_run_a_task_needs_the_revision_that_will_run() {
    let ecs = ready();
    for reference in ["web", "web:1", "arn:aws:ecs:eu-central-1:000000000000:task-definition/web:1"] {
        let input = request(json!({"taskDefinition": reference}));
        assert_eq!(needs(&ecs, "RunTask", input), ["ecs:RunTask task-definition/web:1 cluster/default"]);
    }
    let tagged = request(json!({"cluster": "live", "tags": [{"key": "app", "value": "x"}]}));
    let expected = ["ecs:RunTask task-definition/web:1 cluster/live", "ecs:TagResource task/live/* cluster/live"];
    assert_eq!(needs(&ecs, "RunTask", tagged), expected);
}

#[test]
fn calls_on_clusters_and_definitions_need_those() {
    let ecs = ready();
    for (operation, input, expected) in [
        ("CreateCluster", json!({"clusterName": "a"}), &["ecs:CreateCluster *"][..]),
        ("ListClusters", json!({}), &["ecs:ListClusters *"]),
        ("DescribeClusters", json!({}), &["ecs:DescribeClusters cluster/default"]),
        (
            "DescribeClusters",
            json!({"clusters": ["a", "b"]}),
            &["ecs:DescribeClusters cluster/a", "ecs:DescribeClusters cluster/b"],
        ),
        ("RegisterTaskDefinition", json!({"family": "web"}), &["ecs:RegisterTaskDefinition task-definition/web:*"]),
        ("DescribeTaskDefinition", json!({"taskDefinition": "web"}), &["ecs:DescribeTaskDefinition *"]),
    ] {
        assert_eq!(needs(&ecs, operation, input), expected);
    }
}

#[test]
fn the_tags_of_a_task_are_those_of_the_resource() {
    let ecs = ready();
    let tags = json!([{"key": "app", "value": "x"}]);
    let id = id(&call(&ecs, "RunTask", request(json!({"tags": tags})))["tasks"][0]);
    let requirements = ecs.requirements("StopTask", &json!({"task": id}));
    assert_eq!(requirements[0].resource_tags["app"], "x");
}
