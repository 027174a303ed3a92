use serde_json::{Value, json};
use time::Duration;

use super::{NOW, call, describe, id, outcome, ready, refusal, request, run, tick};

#[test]
fn a_task_is_described_as_fargate_does() {
    let ecs = ready();
    let overrides = json!({"containerOverrides": [{"name": "app", "command": ["serve"]}]});
    let changes = json!({"startedBy": "ci", "tags": [{"key": "app", "value": "x"}], "overrides": overrides});
    let task = call(&ecs, "RunTask", request(changes))["tasks"][0].clone();
    let id = id(&task);
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    assert_eq!(task["taskArn"], format!("arn:aws:ecs:eu-central-1:000000000000:task/default/{id}"));
    for (member, expected) in [
        ("clusterArn", json!("arn:aws:ecs:eu-central-1:000000000000:cluster/default")),
        ("taskDefinitionArn", json!("arn:aws:ecs:eu-central-1:000000000000:task-definition/web:1")),
        ("group", json!("family:web")),
        ("startedBy", json!("ci")),
        ("launchType", json!("FARGATE")),
        ("lastStatus", json!("PROVISIONING")),
        ("desiredStatus", json!("RUNNING")),
        ("cpu", json!("256")),
        ("memory", json!("512")),
        ("platformVersion", json!("1.4.0")),
        ("version", json!(1)),
        ("tags", json!([{"key": "app", "value": "x"}])),
        ("overrides", json!({"containerOverrides": [{"name": "app", "command": ["serve"]}, {"name": "log"}]})),
    ] {
        assert_eq!(task[member], expected, "{member}");
    }
    let containers: Vec<_> = [0, 1].map(|number| task["containers"][number]["name"].clone()).to_vec();
    assert_eq!((containers, &task["containers"][0]["cpu"]), (vec![json!("app"), json!("log")], &json!("10")));
    assert!(task["availabilityZone"].as_str().unwrap().starts_with("eu-central-1"));
}

#[test]
fn several_tasks_take_turns_with_the_subnets() {
    let ecs = ready();
    let network = json!({"awsvpcConfiguration": {"subnets": ["subnet-1", "subnet-2"]}});
    let changes = json!({"count": 3, "networkConfiguration": network});
    let started = outcome(&ecs, "RunTask", request(changes));
    let tasks = started.output["tasks"].as_array().unwrap().clone();
    let subnets: Vec<_> = tasks.iter().map(|task| &task["attachments"][0]["details"][0]["value"]).collect();
    assert_eq!(subnets, ["subnet-1", "subnet-2", "subnet-1"]);
    assert_eq!(started.events.len(), 3);
    assert_ne!(tasks[0]["availabilityZone"], tasks[1]["availabilityZone"]);
}

#[test]
fn a_client_token_starts_once() {
    let ecs = ready();
    let first = outcome(&ecs, "RunTask", request(json!({"clientToken": "a"})));
    tick(&ecs, 3);
    let again = outcome(&ecs, "RunTask", request(json!({"clientToken": "a"})));
    assert_eq!(id(&again.output["tasks"][0]), id(&first.output["tasks"][0]));
    assert_eq!(again.output["tasks"][0]["lastStatus"], "RUNNING");
    assert!(again.events.is_empty());
    let other = request(json!({"clientToken": "a", "count": 2}));
    assert_eq!(refusal(&ecs, "RunTask", other).0, "ConflictException");
    let tomorrow = NOW + Duration::days(1);
    let anew = ecs.call("RunTask", &request(json!({"clientToken": "a"})), tomorrow);
    assert_eq!(anew.unwrap_or_else(|error| panic!("{error:?}")).events.len(), 1);
}

#[test]
fn a_task_definition_is_named_by_family_revision_or_arn() {
    let ecs = ready();
    call(&ecs, "RegisterTaskDefinition", super::definition());
    let arn = "arn:aws:ecs:eu-central-1:000000000000:task-definition/web:";
    for (reference, revision) in [("web", 2), ("web:1", 1), (&format!("{arn}1"), 1), (&format!("{arn}2"), 2)] {
        let task = call(&ecs, "RunTask", request(json!({"taskDefinition": reference})))["tasks"][0].clone();
        assert_eq!(task["taskDefinitionArn"], format!("{arn}{revision}"), "{reference}");
    }
}

#[test]
fn a_capacity_provider_may_be_named_in_place_of_the_launch_type() {
    let ecs = ready();
    let item = |provider: &str| json!({"capacityProvider": provider, "weight": 1});
    let strategy = json!([item("FARGATE")]);
    let providers = json!(["FARGATE", "FARGATE_SPOT"]);
    let cluster =
        json!({"clusterName": "live", "capacityProviders": providers, "defaultCapacityProviderStrategy": strategy});
    call(&ecs, "CreateCluster", cluster);
    let spot = json!({"launchType": null, "cluster": "live", "capacityProviderStrategy": [item("FARGATE_SPOT")]});
    assert_eq!(call(&ecs, "RunTask", request(spot))["tasks"][0]["capacityProviderName"], "FARGATE_SPOT");
    let by_default = request(json!({"launchType": null, "cluster": "live"}));
    assert_eq!(call(&ecs, "RunTask", by_default)["tasks"][0]["capacityProviderName"], "FARGATE");
}

#[test]
fn what_fargate_cannot_run_is_refused() {
    let ecs = ready();
    let for_ec2 = json!({"family": "old", "containerDefinitions": [{"name": "a", "image": "a"}]});
    call(&ecs, "RegisterTaskDefinition", for_ec2);
    for (changes, code, message) in [
        (json!({"cluster": "none"}), "ClusterNotFoundException", "Cluster not found."),
        (json!({"taskDefinition": "none"}), "InvalidParameterException", "TaskDefinition not found."),
        (json!({"taskDefinition": "web:7"}), "InvalidParameterException", "TaskDefinition not found."),
        (json!({"taskDefinition": "old"}), "InvalidParameterException", "Task definition does not support"),
        (json!({"launchType": null}), "InvalidParameterException", "No Container Instances were found"),
        (json!({"launchType": "EC2"}), "InvalidParameterException", "No Container Instances were found"),
        (
            json!({"capacityProviderStrategy": [{"capacityProvider": "FARGATE"}]}),
            "InvalidParameterException",
            "Specifying both a launch type and capacity provider strategy",
        ),
        (json!({"networkConfiguration": null}), "InvalidParameterException", "Network Configuration must be provided"),
        (
            json!({"networkConfiguration": {"awsvpcConfiguration": {"subnets": []}}}),
            "InvalidParameterException",
            "subnets can not be empty.",
        ),
        (json!({"group": "service:web"}), "InvalidParameterException", "Invalid namespace for group."),
        (json!({"count": 0}), "InvalidParameterException", "1 validation error detected: Value '0' at 'count'"),
        (json!({"count": 11}), "InvalidParameterException", "1 validation error detected: Value '11' at 'count'"),
        (json!({"startedBy": "a b"}), "InvalidParameterException", "1 validation error detected: Value 'a b'"),
        (json!({"propagateTags": "SERVICE"}), "InvalidParameterException", "propagateTags SERVICE"),
    ] {
        let (said_code, said) = refusal(&ecs, "RunTask", request(changes));
        assert!(said_code == code && said.starts_with(message), "{said_code}: {said}");
    }
    assert_eq!(call(&ecs, "ListTasks", json!({}))["taskArns"], json!([]));
}

#[test]
fn a_service_starts_tasks_in_its_group() {
    let ecs = ready();
    let input = request(json!({"count": 2, "startedBy": "ecs-svc/1234567890123456789"}));
    let started = ecs.run_service("web", &input, NOW).unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(started.events[0]["detail"]["group"], "service:web");
    run(&ecs);
    let listed = call(&ecs, "ListTasks", json!({"serviceName": "web"}));
    assert_eq!(listed["taskArns"].as_array().unwrap().len(), 2);
    assert_eq!(describe(&ecs, &id(&started.output["tasks"][0]))["startedBy"], "ecs-svc/1234567890123456789");
}

#[test]
fn sizes_compatibilities_and_weights_are_those_of_fargate() {
    let ecs = ready();
    let with = |member: &str, value: Value| {
        let mut definition = super::definition();
        definition[member] = value;
        refusal(&ecs, "RegisterTaskDefinition", definition)
    };
    assert_eq!(with("memory", json!("4096")).0, "ClientException");
    assert_eq!(with("requiresCompatibilities", json!(["FARGAT"])).0, "InvalidParameterException");
    for strategy in [json!({"capacityProvider": "FARGATE", "weight": 1_001}), json!({"weight": 1})] {
        let changes = json!({"launchType": null, "capacityProviderStrategy": [strategy]});
        assert_eq!(refusal(&ecs, "RunTask", request(changes)).0, "InvalidParameterException");
    }
}
