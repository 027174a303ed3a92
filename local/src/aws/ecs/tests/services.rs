use serde_json::{Value, json};
use time::Duration;

use super::{Ecs, NOW, REGION, call, definition, describe, outcome, ready, refusal, request, running, tick};
use crate::template::{EcsResource, EcsResources};

fn service(changes: Value) -> Value {
    let mut service = request(changes);
    if service["serviceName"].is_null() {
        service["serviceName"] = json!("web");
    }
    service
}

/// What `DescribeServices` says of `web`.
fn web(ecs: &Ecs) -> Value {
    call(ecs, "DescribeServices", json!({"services": ["web"]}))["services"][0].clone()
}

/// Desired, running and pending count.
fn counts(ecs: &Ecs) -> [Value; 3] {
    ["desiredCount", "runningCount", "pendingCount"].map(|member| web(ecs)[member].clone())
}

/// Ids of the tasks that are to run.
fn tasks(ecs: &Ecs) -> Vec<String> {
    let listed = call(ecs, "ListTasks", json!({"serviceName": "web"}));
    let arns = listed["taskArns"].as_array().unwrap().iter().filter_map(Value::as_str);
    arns.map(|arn| arn.rsplit('/').next().unwrap().to_owned()).collect()
}

#[test]
fn a_service_starts_what_is_missing_and_stops_what_is_too_much() {
    let ecs = ready();
    let created = call(&ecs, "CreateService", service(json!({"desiredCount": 12})))["service"].clone();
    assert_eq!(created["serviceArn"], "arn:aws:ecs:eu-central-1:000000000000:service/default/web");
    assert_eq!(created["taskDefinition"], "arn:aws:ecs:eu-central-1:000000000000:task-definition/web:1");
    let events = tick(&ecs, 1);
    assert_eq!((events.len(), &events[0]["detail"]["group"]), (12, &json!("service:web")));
    assert_eq!(events[0]["detail"]["startedBy"], created["deployments"][0]["id"]);
    assert_eq!(counts(&ecs), [json!(12), json!(0), json!(12)]);
    tick(&ecs, 3);
    assert_eq!(counts(&ecs), [json!(12), json!(12), json!(0)]);
    assert!(tick(&ecs, 1).is_empty(), "it is as it is to be");
    call(&ecs, "UpdateService", json!({"service": "web", "desiredCount": 11}));
    let events = tick(&ecs, 1);
    assert_eq!((events.len(), &events[0]["detail"]["stopCode"]), (1, &json!("ServiceSchedulerInitiated")));
    tick(&ecs, 5);
    assert_eq!(counts(&ecs), [json!(11), json!(11), json!(0)]);
}

#[test]
fn a_task_that_ends_is_replaced_after_a_pause_and_a_longer_one_if_it_fails_again() {
    let ecs = ready();
    call(&ecs, "CreateService", service(json!({})));
    let at = |milliseconds| NOW + Duration::milliseconds(milliseconds);
    ecs.tick(None, 4, at(0)).unwrap();
    let lost = tasks(&ecs).remove(0);
    ecs.crash(&lost, at(20_000)).unwrap();
    ecs.tick(None, 1, at(20_000)).unwrap();
    ecs.tick(None, 1, at(21_999)).unwrap();
    assert!(tasks(&ecs).is_empty(), "the place is empty for a while");
    ecs.tick(None, 1, at(22_000)).unwrap();
    // It ran for twenty seconds; the next ones fail at once.
    let mut now = 22_000;
    for pause in [2_000, 4_000, 8_000] {
        ecs.tick(None, 3, at(now)).unwrap();
        let id = tasks(&ecs).remove(0);
        ecs.crash(&id, at(now)).unwrap();
        ecs.tick(None, 1, at(now)).unwrap();
        ecs.tick(None, 1, at(now + pause - 1)).unwrap();
        assert!(tasks(&ecs).is_empty(), "{pause}");
        now += pause;
        ecs.tick(None, 1, at(now)).unwrap();
        assert_eq!(tasks(&ecs).len(), 1, "{pause}");
    }
}

#[test]
fn an_older_deployment_runs_until_the_new_one_does() {
    let ecs = ready();
    call(&ecs, "CreateService", service(json!({})));
    tick(&ecs, 4);
    let old = tasks(&ecs).remove(0);
    call(&ecs, "RegisterTaskDefinition", definition());
    let updated = call(&ecs, "UpdateService", json!({"service": "web", "taskDefinition": "web"}));
    assert_eq!(updated["service"]["deployments"].as_array().unwrap().len(), 2);
    tick(&ecs, 2);
    assert_eq!((tasks(&ecs).len(), &describe(&ecs, &old)["desiredStatus"]), (2, &json!("RUNNING")));
    tick(&ecs, 3);
    assert_eq!(describe(&ecs, &old)["desiredStatus"], "STOPPED");
    let new = tasks(&ecs).remove(0);
    assert!(describe(&ecs, &new)["taskDefinitionArn"].as_str().unwrap().ends_with("web:2"));
    assert_eq!(web(&ecs)["deployments"][0]["rolloutState"], "COMPLETED");
    assert_eq!(web(&ecs)["deployments"].as_array().unwrap().len(), 1);
}

#[test]
fn a_deleted_service_stops_its_tasks_and_no_others() {
    let ecs = ready();
    let other = running(&ecs);
    call(&ecs, "CreateService", service(json!({})));
    tick(&ecs, 4);
    let own = tasks(&ecs).remove(0);
    let (code, said) = refusal(&ecs, "DeleteService", json!({"service": "web"}));
    assert_eq!(
        (code, said.as_str()),
        ("InvalidParameterException", "The service cannot be stopped while it is scaled above 0.")
    );
    let deleted = call(&ecs, "DeleteService", json!({"service": "web", "force": true}));
    assert_eq!(deleted["service"]["status"], "DRAINING");
    tick(&ecs, 6);
    assert_eq!((&web(&ecs)["status"], &describe(&ecs, &own)["lastStatus"]), (&json!("INACTIVE"), &json!("STOPPED")));
    assert_eq!(describe(&ecs, &other)["desiredStatus"], "RUNNING");
    assert_eq!(call(&ecs, "ListServices", json!({}))["serviceArns"], json!([]));
    assert_eq!(refusal(&ecs, "UpdateService", json!({"service": "web"})).0, "ServiceNotActiveException");
}

#[test]
fn what_is_no_service_is_refused() {
    let ecs = ready();
    call(&ecs, "CreateService", service(json!({})));
    for (operation, input, code) in [
        ("CreateService", service(json!({})), "InvalidParameterException"),
        ("CreateService", service(json!({"serviceName": "b", "taskDefinition": "none"})), "ClientException"),
        (
            "CreateService",
            service(json!({"serviceName": "b", "networkConfiguration": null})),
            "InvalidParameterException",
        ),
        ("CreateService", service(json!({"serviceName": "b", "cluster": "none"})), "ClusterNotFoundException"),
        ("UpdateService", json!({"service": "none"}), "ServiceNotFoundException"),
        ("UpdateService", json!({"service": "web", "desiredCount": -1}), "InvalidParameterException"),
        ("DeleteService", json!({"service": "none"}), "ServiceNotFoundException"),
        ("DescribeServices", json!({"services": []}), "InvalidParameterException"),
    ] {
        assert_eq!(refusal(&ecs, operation, input.clone()).0, code, "{operation} {input}");
    }
    let named = ["none", "arn:aws:ecs:eu-central-1:000000000000:service/default/web"];
    let described = call(&ecs, "DescribeServices", json!({"services": named}));
    assert_eq!(
        (&described["failures"][0]["reason"], &described["services"][0]["serviceName"]),
        (&json!("MISSING"), &json!("web"))
    );
}

#[test]
fn what_the_template_declares_changes_with_it_and_stays_as_somebody_changed_it() {
    let resource = |id: &str, input: Value| EcsResource { id: id.to_owned(), input };
    let resources = |memory: &str, count: usize| EcsResources {
        clusters: vec![resource("Cluster", json!({"clusterName": "live"}))],
        task_definitions: vec![resource("Definition", {
            let mut definition = definition();
            definition["memory"] = json!(memory);
            definition
        })],
        services: vec![resource("Service", service(json!({"cluster": "live", "desiredCount": count})))],
    };
    let ecs = Ecs::open(REGION, None).unwrap();
    let declare = |resources: &EcsResources| ecs.declare(resources, NOW).unwrap_or_else(|error| panic!("{error:?}"));
    let web = || {
        outcome(&ecs, "DescribeServices", json!({"cluster": "live", "services": ["web"]})).output["services"][0].clone()
    };
    declare(&resources("512", 1));
    call(&ecs, "UpdateService", json!({"cluster": "live", "service": "web", "desiredCount": 3}));
    declare(&resources("512", 1));
    assert_eq!((&web()["desiredCount"], web()["deployments"].as_array().unwrap().len()), (&json!(3), 1));
    declare(&resources("1024", 1));
    assert!(web()["taskDefinition"].as_str().unwrap().ends_with("web:2"), "another definition is another deployment");
    assert_eq!(web()["desiredCount"], 3);
    declare(&resources("1024", 2));
    assert_eq!(web()["desiredCount"], 2);
    declare(&EcsResources::default());
    assert_eq!(web()["status"], "DRAINING");
}

#[test]
fn a_deployment_that_is_refused_midway_changes_nothing() {
    let resource = |id: &str, input: Value| EcsResource { id: id.to_owned(), input };
    let ecs = Ecs::open(REGION, None).unwrap();
    let mut resources = EcsResources {
        clusters: vec![resource("Cluster", json!({"clusterName": "live"}))],
        task_definitions: vec![resource("Definition", definition())],
        services: vec![resource("Service", service(json!({"cluster": "live"})))],
    };
    ecs.declare(&resources, NOW).unwrap();
    let state = || ecs.state.read(|state| serde_json::to_value(state).unwrap());
    let before = state();
    resources.clusters.push(resource("Second", json!({"clusterName": "second"})));
    resources.task_definitions[0].input["memory"] = json!("1024");
    let elsewhere = service(json!({"cluster": "nowhere", "serviceName": "elsewhere"}));
    resources.services.push(resource("Elsewhere", elsewhere));
    assert_eq!(ecs.declare(&resources, NOW).unwrap_err().code, "ClusterNotFoundException");
    assert_eq!(state(), before);
    resources.services.pop();
    ecs.declare(&resources, NOW).unwrap();
    assert!(state()["definitions"]["web"][1]["definition"]["memory"] == "1024", "the next one has it to do");
}
