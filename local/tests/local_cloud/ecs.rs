//! ECS and EC2 from outside: tasks, their events, and who may see them.

use serde_json::{Value, json};

use super::{Answer, developer, door, options, post, send, until};
use local::{LocalCloud, Options, TemplateSource};

const TASK_DEFINITION: &str = "web";

/// A local cloud with the cluster `live`, a task definition, and a clock that stands still.
async fn start() -> LocalCloud {
    let template = TemplateSource::Text(include_str!("ecs.yaml").to_owned());
    let cloud = LocalCloud::start(Options { template, ..options() }).await.expect("the local cloud starts");
    assert_eq!(door(&cloud, "PUT", "ecs/clock", json!({"mode": "manual"})).await.json(), json!({"mode": "manual"}));
    for name in ["live", "other"] {
        ecs(&cloud, "CreateCluster", json!({"clusterName": name})).await;
    }
    let definition = json!({
        "family": TASK_DEFINITION, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
        "memory": "512", "containerDefinitions": [{"name": "app", "image": "app"}],
    });
    ecs(&cloud, "RegisterTaskDefinition", definition).await;
    cloud
}

/// A call of the developer's to ECS.
async fn ecs(cloud: &LocalCloud, operation: &str, input: Value) -> Value {
    let target = format!("AmazonEC2ContainerServiceV20141113.{operation}");
    let answer = developer(cloud, "ecs", &target, "/", input).await;
    assert_eq!(answer.status, 200, "{operation}: {:?}", answer.body);
    answer.json()
}

fn run_task() -> Value {
    let network = json!({"subnets": ["subnet-1"], "assignPublicIp": "ENABLED"});
    json!({
        "cluster": "live", "taskDefinition": TASK_DEFINITION, "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": network},
    })
}

/// Starts a task in the cluster `live` and answers its id.
async fn run(cloud: &LocalCloud) -> String {
    let task = ecs(cloud, "RunTask", run_task()).await["tasks"][0].clone();
    let arn = task["taskArn"].as_str().expect("a task has an ARN");
    arn.rsplit('/').next().unwrap_or_default().to_owned()
}

async fn describe(cloud: &LocalCloud, id: &str) -> Value {
    ecs(cloud, "DescribeTasks", json!({"cluster": "live", "tasks": [id]})).await["tasks"][0].clone()
}

/// A call of the developer's to EC2.
async fn ec2(cloud: &LocalCloud, form: &str) -> Answer {
    let authorization = "AWS4-HMAC-SHA256 Credential=local/20300101/us-east-1/ec2/aws4_request, Signature=0";
    send("POST", cloud.aws_url(), &[("authorization", authorization)], form.to_owned()).await
}

/// A call by the function behind `path`; a target names the operation of ECS, none a form for EC2.
async fn by_function(cloud: &LocalCloud, path: &str, operation: Option<&str>, input: Value) -> Value {
    let target = operation.map(|operation| format!("AmazonEC2ContainerServiceV20141113.{operation}"));
    let service = if target.is_some() { "ecs" } else { "ec2" };
    let order = json!({"do": "aws", "service": service, "target": target, "input": input});
    post(cloud, path, order).await.json()
}

#[tokio::test]
async fn a_task_walks_by_ticks_and_its_events_reach_the_rules() {
    let cloud = start().await;
    let id = run(&cloud).await;
    let ticked = door(&cloud, "POST", "ecs/tick?wait=true", json!({"task": id, "steps": 9})).await.json();
    let statuses: Vec<_> =
        ticked["events"].as_array().unwrap().iter().map(|event| event["detail"]["lastStatus"].clone()).collect();
    assert_eq!(statuses, ["PENDING", "RUNNING"]);
    let event = &ticked["events"][1];
    assert_eq!((&event["version"], &event["account"]), (&json!("0"), &json!("000000000000")));
    assert_eq!(ticked["deliveries"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&ticked["deliveries"][0]["rule"], &ticked["deliveries"][0]["ok"]),
        (&json!("ProbeFunction.Task"), &json!(true))
    );
    ecs(&cloud, "StopTask", json!({"cluster": "live", "task": id})).await;
    let url = format!("{}/_local/ecs/tick", cloud.api_url());
    let ticked = send("POST", url, &[], "").await.json();
    assert_eq!(
        (&ticked["events"][0]["detail"]["lastStatus"], ticked.get("deliveries")),
        (&json!("DEPROVISIONING"), None)
    );
}

#[tokio::test]
async fn the_clock_runs_by_itself() {
    let cloud = start().await;
    let id = run(&cloud).await;
    let clock = json!({"mode": "automatic", "stepMs": 1});
    assert_eq!(door(&cloud, "PUT", "ecs/clock", clock.clone()).await.json(), clock);
    until("the task runs", async || describe(&cloud, &id).await["lastStatus"] == "RUNNING").await;
    door(&cloud, "POST", "reset", json!(null)).await;
    let clock = door(&cloud, "GET", "ecs/clock", json!(null)).await.json();
    assert_eq!(clock, json!({"mode": "automatic", "stepMs": 500}));
    let clusters = ecs(&cloud, "ListClusters", json!({})).await;
    assert_eq!(clusters["clusterArns"], json!([]));
}

#[tokio::test]
async fn ec2_knows_the_public_address_once_it_is_associated() {
    let cloud = start().await;
    let id = run(&cloud).await;
    let late = door(&cloud, "PUT", &format!("ecs/tasks/{id}/public-ip"), json!({"associated": false})).await;
    assert_eq!(late.json(), json!({"associated": false}));
    door(&cloud, "POST", "ecs/tick", json!({"steps": 3})).await;
    let details = describe(&cloud, &id).await["attachments"][0]["details"].clone();
    let interface = details.as_array().unwrap().iter().find(|detail| detail["name"] == "networkInterfaceId");
    let interface = interface.unwrap()["value"].as_str().unwrap().to_owned();
    let by_id = format!("Action=DescribeNetworkInterfaces&Version=2016-11-15&NetworkInterfaceId.1={interface}");
    let without = ec2(&cloud, &by_id).await;
    let text = |answer: &Answer| String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(text(&without).contains(&interface) && !text(&without).contains("publicIp"), "{}", text(&without));
    door(&cloud, "PUT", &format!("ecs/tasks/{id}/public-ip"), json!({"associated": true})).await;
    assert!(text(&ec2(&cloud, &by_id).await).contains("<publicIp>198.18.0.1</publicIp>"));
    door(&cloud, "DELETE", &format!("ecs/tasks/{id}"), json!(null)).await;
    let gone = ec2(&cloud, &by_id).await;
    assert_eq!((gone.status, gone.header("x-amzn-errortype")), (400, "InvalidNetworkInterfaceID.NotFound"));
    assert!(text(&gone).starts_with("<Response><Errors><Error><Code>InvalidNetworkInterfaceID.NotFound</Code>"));
    let unknown = ec2(&cloud, "Action=RunInstances&Version=2016-11-15").await;
    assert_eq!((unknown.status, unknown.header("x-amzn-errortype")), (400, "InvalidAction"));
}

#[tokio::test]
async fn a_function_sees_the_tasks_of_the_cluster_that_its_policy_names() {
    let cloud = start().await;
    let id = run(&cloud).await;
    let by_probe = async |operation, input| by_function(&cloud, "/probe", Some(operation), input).await;
    let listed = by_probe("ListTasks", json!({"cluster": "live"})).await;
    assert_eq!(listed["body"]["taskArns"].as_array().unwrap().len(), 1);
    let other = by_probe("ListTasks", json!({"cluster": "other"})).await;
    assert_eq!((&other["status"], &other["body"]["__type"]), (&json!(400), &json!("AccessDeniedException")));
    assert_eq!(by_probe("DescribeTasks", json!({"cluster": "live", "tasks": [id]})).await["status"], 200);
    assert_eq!(by_probe("DescribeTasks", json!({"cluster": "other", "tasks": [id]})).await["status"], 400);
    let stopped = by_probe("StopTask", json!({"cluster": "live", "task": id})).await;
    assert_eq!(stopped["body"]["__type"], "AccessDeniedException");
    assert_eq!(describe(&cloud, &id).await["desiredStatus"], "RUNNING");
}

#[tokio::test]
async fn ec2_says_no_in_its_own_words() {
    let cloud = start().await;
    let form = json!("Action=DescribeNetworkInterfaces&Version=2016-11-15");
    assert_eq!(by_function(&cloud, "/probe", None, form.clone()).await["status"], 200);
    let denied = by_function(&cloud, "/other", None, form.clone()).await;
    let says = |answer: &Value, code: &str| answer["body"].as_str().unwrap().contains(&format!("<Code>{code}</Code>"));
    assert!(denied["status"] == 403 && says(&denied, "UnauthorizedOperation"), "{denied}");
    let order = json!({"service": "ec2", "operation": "DescribeNetworkInterfaces", "fault": {"kind": "throttle"}});
    assert_eq!(door(&cloud, "PUT", "faults", order).await.status, 200);
    let throttled = by_function(&cloud, "/probe", None, form).await;
    assert!(throttled["status"] == 503 && says(&throttled, "RequestLimitExceeded"), "{throttled}");
}

#[tokio::test]
async fn the_side_door_crashes_a_task_and_starts_those_of_a_service() {
    let cloud = start().await;
    let started = door(&cloud, "POST", "ecs/services/web/tasks", run_task()).await.json();
    assert_eq!(started["events"][0]["detail"]["group"], "service:web");
    let id = started["tasks"][0]["taskArn"].as_str().unwrap().rsplit('/').next().unwrap();
    let crash = format!("ecs/tasks/{id}/crash?wait=true");
    assert_eq!(door(&cloud, "POST", &crash, json!(null)).await.status, 409);
    door(&cloud, "POST", "ecs/tick", json!({"steps": 3})).await;
    let crashed = door(&cloud, "POST", &crash, json!(null)).await.json();
    assert_eq!(crashed["events"][0]["detail"]["stopCode"], "EssentialContainerExited");
    for (method, path, body, status) in [
        ("POST", "ecs/tick", json!({"task": "nobody"}), 404),
        ("POST", "ecs/tick", json!({"steps": 0}), 400),
        ("POST", "ecs/tick", json!({"often": 1}), 400),
        ("PUT", "ecs/clock", json!({"mode": "slow"}), 400),
        ("PUT", "ecs/tasks/nobody/public-ip", json!({"associated": true}), 404),
        ("DELETE", "ecs/tasks/nobody", json!(null), 404),
        ("GET", "ecs/nothing", json!(null), 404),
    ] {
        assert_eq!(door(&cloud, method, path, body.clone()).await.status, status, "{method} {path} {body}");
    }
}

#[tokio::test]
async fn a_task_of_the_stack_is_to_have_a_row_while_it_runs_and_its_service_none() {
    let cloud = start().await;
    let service = json!({
        "cluster": "live", "serviceName": "app", "taskDefinition": TASK_DEFINITION, "desiredCount": 1,
        "launchType": "FARGATE", "networkConfiguration": run_task()["networkConfiguration"],
        "tags": [{"key": "Stack", "value": "stack"}], "propagateTags": "SERVICE",
    });
    ecs(&cloud, "CreateService", service).await;
    let found = async |kind: &str| {
        let state = door(&cloud, "GET", "state", json!(null)).await.json();
        state["resources"]
            .as_array()
            .and_then(|all| all.iter().find(|one| one["kind"] == kind))
            .cloned()
            .unwrap_or_default()
    };
    // The clock moves the scheduler, too.
    until("the service's task runs", async || {
        let task = found("task").await;
        let is_running = task["state"] == "RUNNING";
        let differences = if is_running { json!(["no row names this task"]) } else { json!([]) };
        assert!(task.is_null() || task["differences"] == differences, "{task}");
        door(&cloud, "POST", "ecs/tick", json!({})).await;
        is_running
    })
    .await;
    let service = found("service").await;
    assert_eq!(
        (&service["name"], &service["state"], &service["differences"]),
        (&json!("app"), &json!("ACTIVE"), &json!([]))
    );
}
