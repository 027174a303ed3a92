use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Ecs, NOBODY, call, id, ready, refusal, request, run, running, tick};

/// The ids in every page of the list.
fn list(ecs: &Ecs, filters: Value) -> BTreeSet<String> {
    let (mut ids, mut input) = (BTreeSet::new(), filters);
    loop {
        let answer = call(ecs, "ListTasks", input.clone());
        for arn in answer["taskArns"].as_array().unwrap() {
            assert!(ids.insert(arn.as_str().unwrap().rsplit('/').next().unwrap().to_owned()), "{arn} twice");
        }
        match answer.get("nextToken") {
            Some(token) => input["nextToken"] = token.clone(),
            None => return ids,
        }
    }
}

fn set(ids: &[&String]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).clone()).collect()
}

#[test]
fn the_list_is_of_one_cluster_and_of_tasks_that_are_to_run() {
    let ecs = ready();
    call(&ecs, "CreateCluster", json!({"clusterName": "live"}));
    let (one, other) = (run(&ecs), running(&ecs));
    let elsewhere = id(&call(&ecs, "RunTask", request(json!({"cluster": "live", "startedBy": "ci"})))["tasks"][0]);
    assert_eq!(list(&ecs, json!({})), set(&[&one, &other]));
    assert_eq!(
        list(&ecs, json!({"cluster": "arn:aws:ecs:eu-central-1:000000000000:cluster/live"})),
        set(&[&elsewhere])
    );
    call(&ecs, "StopTask", json!({"task": other}));
    assert_eq!(list(&ecs, json!({})), set(&[&one]));
    assert_eq!(list(&ecs, json!({"desiredStatus": "STOPPED"})), set(&[&other]));
    assert_eq!(list(&ecs, json!({"desiredStatus": "PENDING"})), set(&[]));
    assert_eq!(list(&ecs, json!({"cluster": "live", "startedBy": "ci"})), set(&[&elsewhere]));
    assert_eq!(list(&ecs, json!({"family": "web"})), set(&[&one]));
    assert_eq!(list(&ecs, json!({"family": "other"})), set(&[]));
}

#[test]
fn pages_hold_every_task_once() {
    let ecs = ready();
    call(&ecs, "CreateCluster", json!({"clusterName": "live"}));
    for _ in 0..13 {
        call(&ecs, "RunTask", request(json!({"count": 10})));
    }
    assert_eq!(list(&ecs, json!({"maxResults": 7})).len(), 130);
    let first = call(&ecs, "ListTasks", json!({}));
    assert_eq!(first["taskArns"].as_array().unwrap().len(), 100);
    let elsewhere = json!({"cluster": "live", "nextToken": first["nextToken"]});
    assert_eq!(refusal(&ecs, "ListTasks", elsewhere).0, "InvalidParameterException");
}

#[test]
fn what_the_list_cannot_answer_is_refused() {
    let ecs = ready();
    for (input, code) in [
        (json!({"cluster": "none"}), "ClusterNotFoundException"),
        (json!({"serviceName": "none"}), "ServiceNotFoundException"),
        (json!({"startedBy": "ci", "family": "web"}), "InvalidParameterException"),
        (json!({"containerInstance": "i"}), "InvalidParameterException"),
        (json!({"desiredStatus": "ILL"}), "InvalidParameterException"),
        (json!({"maxResults": 101}), "InvalidParameterException"),
        (json!({"nextToken": "demo"}), "InvalidParameterException"),
    ] {
        assert_eq!(refusal(&ecs, "ListTasks", input.clone()).0, code, "{input}");
    }
}

#[test]
fn tasks_are_described_by_id_or_arn_and_unknown_ones_are_failures() {
    let ecs = ready();
    let (one, other) = (run(&ecs), run(&ecs));
    let arn = |id: &str| format!("arn:aws:ecs:eu-central-1:000000000000:task/default/{id}");
    let answer = call(&ecs, "DescribeTasks", json!({"tasks": [one, arn(&other), NOBODY]}));
    let found: Vec<_> = answer["tasks"].as_array().unwrap().iter().map(id).collect();
    assert_eq!(found, [one, other]);
    assert_eq!(answer["failures"], json!([{"arn": arn(NOBODY), "reason": "MISSING"}]));
}

#[test]
fn tags_are_described_on_request() {
    let ecs = ready();
    let tags = json!([{"key": "app", "value": "x"}]);
    let id = id(&call(&ecs, "RunTask", request(json!({"tags": tags})))["tasks"][0]);
    assert_eq!(super::describe(&ecs, &id)["tags"], json!([]));
    let answer = call(&ecs, "DescribeTasks", json!({"tasks": [id], "include": ["TAGS"]}));
    assert_eq!(answer["tasks"][0]["tags"], tags);
}

#[test]
fn what_cannot_be_described_is_refused() {
    let ecs = ready();
    for (input, code, message) in [
        (json!({"tasks": []}), "InvalidParameterException", "Tasks cannot be empty."),
        (json!({"tasks": vec![NOBODY; 101]}), "InvalidParameterException", "Tasks cannot have more than 100 elements."),
        (json!({"tasks": ["demo"]}), "InvalidParameterException", "taskId length should be one of [32,36]"),
        (json!({"tasks": [NOBODY], "cluster": "none"}), "ClusterNotFoundException", "Cluster not found."),
        (
            json!({"tasks": [format!("arn:aws:ecs:eu-central-1:000000000000:task/live/{NOBODY}")]}),
            "InvalidParameterException",
            "Identifier is for cluster live. Your cluster is default",
        ),
    ] {
        assert_eq!(refusal(&ecs, "DescribeTasks", input), (code, message.to_owned()));
    }
}

#[test]
fn a_task_is_stopped_in_its_own_cluster_alone() {
    let ecs = ready();
    call(&ecs, "CreateCluster", json!({"clusterName": "live"}));
    let id = run(&ecs);
    for input in [json!({"task": NOBODY}), json!({"task": id, "cluster": "live"})] {
        assert_eq!(refusal(&ecs, "StopTask", input).1, "The referenced task was not found.");
    }
    assert_eq!(tick(&ecs, 1)[0]["detail"]["desiredStatus"], "RUNNING");
}

#[test]
fn an_operation_that_is_not_here_is_refused() {
    assert_eq!(refusal(&ready(), "CreateTaskSet", json!({})).0, "UnknownOperationException");
}
