//! Containers that are processes, with `examples/container.rs` as their image.
#![cfg(unix)]

use std::path::Path;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Answer, developer, door, options, send, until};
use local::{LocalCloud, Options, TemplateSource};

fn containers() -> Options {
    let template = TemplateSource::Text(include_str!("containers.yaml").to_owned());
    Options { template, local_parameters: true, ..options() }
}

/// A local cloud with the service `web` in the cluster `live`, and a quick clock.
async fn start_with(options: Options) -> LocalCloud {
    let cloud = LocalCloud::start(options).await.expect("the local cloud starts");
    door(&cloud, "PUT", "ecs/clock", json!({"mode": "automatic", "stepMs": 10})).await;
    cloud
}

/// The same with a task that listens, and its id.
async fn start() -> (LocalCloud, String) {
    let cloud = start_with(containers()).await;
    let id = only_task(&cloud, "").await;
    (cloud, id)
}

async fn ecs(cloud: &LocalCloud, operation: &str, mut input: Value) -> Value {
    let target = format!("AmazonEC2ContainerServiceV20141113.{operation}");
    input["cluster"] = json!("live");
    let answer = developer(cloud, "ecs", &target, "/", input).await;
    assert_eq!(answer.status, 200, "{operation}: {:?}", answer.body);
    answer.json()
}

async fn tasks(cloud: &LocalCloud) -> Vec<String> {
    let listed = ecs(cloud, "ListTasks", json!({"serviceName": "web"})).await;
    let arns = listed["taskArns"].as_array().expect("a list").iter().filter_map(Value::as_str);
    arns.filter_map(|arn| arn.rsplit('/').next()).map(str::to_owned).collect()
}

/// Waits for the one task of the service that answers, and is not another one.
async fn only_task(cloud: &LocalCloud, not: &str) -> String {
    until("a task of the service answers", async || match tasks(cloud).await.as_slice() {
        [id] => id != not && ask(cloud, id, "process").await.status == 200,
        _ => false,
    })
    .await;
    tasks(cloud).await.remove(0)
}

async fn describe(cloud: &LocalCloud, id: &str) -> Value {
    ecs(cloud, "DescribeTasks", json!({"tasks": [id]})).await["tasks"][0].clone()
}

async fn until_stopped(cloud: &LocalCloud, id: &str) -> Value {
    until("the task stops", async || describe(cloud, id).await["lastStatus"] == "STOPPED").await;
    describe(cloud, id).await
}

/// Asks the process of a task by the front.
async fn ask(cloud: &LocalCloud, id: &str, path: &str) -> Answer {
    send("GET", format!("{}/{id}/{path}", cloud.tasks_url()), &[], "").await
}

async fn call_aws(cloud: &LocalCloud, id: &str, operation: &str, input: Value) -> Value {
    let order = json!({"service": "dynamodb", "target": format!("DynamoDB_20120810.{operation}"), "input": input});
    send("POST", format!("{}/{id}/aws", cloud.tasks_url()), &[], order.to_string()).await.json()
}

fn lives(process: &Value) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // One that has ended and that nobody has waited for yet is a zombie.
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

#[tokio::test]
async fn a_service_of_the_template_runs_its_task_as_a_process_that_the_front_leads_to() {
    let (cloud, id) = start().await;
    let environment = ask(&cloud, &id, "environment").await.json();
    for (name, expected) in [
        ("ROWS", "stack-Rows"),
        ("COUNT", "7"),
        ("LISTEN", "inherited"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ENDPOINT_URL_DYNAMODB", &cloud.aws_url()),
    ] {
        assert_eq!(environment[name], expected, "{name}");
    }
    assert_eq!(environment["CARGO"], json!(null), "it has no more of this program's environment");
    let roots = std::fs::read_to_string(environment["SSL_CERT_FILE"].as_str().unwrap()).unwrap();
    let authority = send("GET", format!("{}/_local/ca.pem", cloud.api_url()), &[], "").await;
    assert!(roots.ends_with(str::from_utf8(&authority.body).unwrap().trim_start()), "the authority is trusted");
    let url = &cloud.template().outputs()["Url"];
    assert_eq!(*url, format!("{}/{{taskId}}", cloud.tasks_url()).replace("127.0.0.1", "{publicIp}"));
    let interfaces = developer(&cloud, "ec2", "", "/", json!(null)).await;
    assert_eq!(interfaces.status, 400);
    for (task, status) in [("0".repeat(32), 404), (String::new(), 404)] {
        assert_eq!(ask(&cloud, &task, "").await.status, status, "{task}");
    }
    until("its line is in the log", async || {
        cloud.logs().iter().any(|line| line.instance == id && line.line == "listens")
    })
    .await;
    let name = format!("web/{}", &id[..8]);
    assert!(cloud.logs().iter().any(|line| line.function == name));
}

#[tokio::test]
async fn a_container_is_told_who_it_is() {
    let (cloud, id) = start().await;
    let task = ask(&cloud, &id, "metadata/task").await.json();
    let arn = format!("arn:aws:ecs:us-east-1:000000000000:task/live/{id}");
    for (member, expected) in [
        ("TaskARN", json!(arn)),
        ("Cluster", json!("arn:aws:ecs:us-east-1:000000000000:cluster/live")),
        ("Family", json!("web")),
        ("Revision", json!("1")),
        ("KnownStatus", json!("RUNNING")),
        ("LaunchType", json!("FARGATE")),
        ("ServiceName", json!("web")),
        ("Limits", json!({"CPU": 0.25, "Memory": 512.0})),
    ] {
        assert_eq!(task[member], expected, "{member}");
    }
    let container = ask(&cloud, &id, "metadata").await.json();
    assert_eq!((&container["Name"], &task["Containers"][0]), (&json!("app"), &container));
    assert_eq!(container["Labels"]["com.amazonaws.ecs.task-arn"], arn);
    assert_eq!(ask(&cloud, &id, "metadata/nothing").await.json()["code"], "NotFound");
}

#[tokio::test]
async fn a_task_may_do_what_the_policy_of_its_role_allows() {
    let (cloud, id) = start().await;
    let credentials = ask(&cloud, &id, "credentials").await.json();
    assert_eq!(credentials["RoleArn"], "arn:aws:iam::000000000000:role/stack-Role");
    assert!(credentials["Expiration"].as_str().is_some_and(|time| time.ends_with('Z')), "{credentials}");
    assert_eq!(call_aws(&cloud, &id, "Scan", json!({"TableName": "stack-Rows"})).await["Count"], 0);
    let item = json!({"TableName": "stack-Rows", "Item": {"id": {"S": "a"}}});
    let denied = call_aws(&cloud, &id, "PutItem", item).await;
    let user = format!("User: arn:aws:sts::000000000000:assumed-role/stack-Role/{id} is not authorized to perform: ");
    let said = denied["message"].as_str().or(denied["Message"].as_str()).unwrap_or_default();
    assert!(said.starts_with(&format!("{user}dynamodb:PutItem")), "{denied}");
    let calls = door(&cloud, "GET", "calls", json!(null)).await.json();
    let of_task: Vec<_> =
        calls["calls"].as_array().unwrap().iter().filter(|call| call["task"] == id.as_str()).collect();
    assert_eq!((of_task.len(), &of_task[0]["function"]), (2, &json!(null)));
    assert_eq!(of_task[1]["deniedAction"], "dynamodb:PutItem");
}

#[tokio::test]
async fn a_process_that_ends_ends_its_task_and_the_service_starts_another() {
    let (cloud, id) = start().await;
    let child = ask(&cloud, &id, "child").await.json();
    let _ = super::try_send(
        http::Request::get(format!("{}/{id}/exit/3", cloud.tasks_url())).body(Default::default()).expect("a request"),
    )
    .await;
    let task = until_stopped(&cloud, &id).await;
    assert_eq!(task["containers"][0]["exitCode"], 3);
    assert_eq!(
        (&task["stopCode"], &task["stoppedReason"]),
        (&json!("EssentialContainerExited"), &json!("Essential container in task exited"))
    );
    until("what it started goes with it", async || !lives(&child)).await;
    let next = only_task(&cloud, &id).await;
    door(&cloud, "POST", &format!("ecs/tasks/{next}/crash"), json!(null)).await;
    assert_eq!(until_stopped(&cloud, &next).await["containers"][0]["exitCode"], 137);
    only_task(&cloud, &next).await;
}

#[tokio::test]
async fn a_task_is_stopped_by_a_signal_and_killed_if_it_is_deaf() {
    let (cloud, id) = start().await;
    ecs(&cloud, "StopTask", json!({"task": id, "reason": "enough"})).await;
    let task = until_stopped(&cloud, &id).await;
    assert_eq!((&task["containers"][0]["exitCode"], &task["stoppedReason"]), (&json!(143), &json!("enough")));
    let network = json!({"subnets": ["subnet-1"], "assignPublicIp": "ENABLED"});
    let run = json!({
        "taskDefinition": "web", "launchType": "FARGATE", "networkConfiguration": {"awsvpcConfiguration": network},
        "overrides": {"containerOverrides": [
            {"name": "app", "command": ["deaf"], "environment": [{"name": "COUNT", "value": "8"}]},
        ]},
    });
    let started = ecs(&cloud, "RunTask", run).await;
    let deaf = started["tasks"][0]["taskArn"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    until("it listens", async || ask(&cloud, &deaf, "process").await.status == 200).await;
    assert_eq!(ask(&cloud, &deaf, "environment").await.json()["COUNT"], "8");
    ecs(&cloud, "StopTask", json!({"task": deaf})).await;
    assert_eq!(until_stopped(&cloud, &deaf).await["containers"][0]["exitCode"], 137);
    assert_eq!(ask(&cloud, &deaf, "process").await.status, 404);
}

#[tokio::test]
async fn a_service_keeps_the_count_that_it_is_told() {
    let (cloud, id) = start().await;
    ecs(&cloud, "UpdateService", json!({"service": "web", "desiredCount": 3})).await;
    let service = async || ecs(&cloud, "DescribeServices", json!({"services": ["web"]})).await["services"][0].clone();
    until("three tasks run", async || service().await["runningCount"] == 3).await;
    assert!(tasks(&cloud).await.contains(&id));
    ecs(&cloud, "UpdateService", json!({"service": "web", "desiredCount": 0})).await;
    until("none runs", async || service().await["runningCount"] == 0).await;
    let task = until_stopped(&cloud, &id).await;
    assert_eq!(task["stopCode"], "ServiceSchedulerInitiated");
    let listed = ecs(&cloud, "ListServices", json!({})).await;
    assert_eq!(listed["serviceArns"], json!([cloud.template().outputs()["Service"]]));
}

#[tokio::test]
async fn a_cut_connection_neither_delivers_nor_closes_until_it_goes_on() {
    let (cloud, id) = start().await;
    let address = cloud.tasks_url().replace("http://", "");
    let mut connection = TcpStream::connect(&address).await.unwrap();
    let head = format!("GET /{id}/echo HTTP/1.1\r\nhost: x\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n");
    connection.write_all(head.as_bytes()).await.unwrap();
    let mut switched = vec![0; "HTTP/1.1 101 Switching Protocols\r\n\r\n".len()];
    connection.read_exact(&mut switched).await.unwrap();
    let mut echo = [0];
    connection.write_all(b"a").await.unwrap();
    connection.read_exact(&mut echo).await.unwrap();
    let network = format!("ecs/tasks/{id}/network");
    assert_eq!(door(&cloud, "PUT", &network, json!({"cut": true})).await.json(), json!({"cut": true}));
    connection.write_all(b"b").await.unwrap();
    let hangs = async |ask: &mut (dyn Future<Output = ()> + Unpin + Send)| {
        tokio::time::timeout(std::time::Duration::from_millis(300), ask).await.is_err()
    };
    let mut asks = Box::pin(async { drop(ask(&cloud, &id, "process").await) });
    assert!(hangs(&mut asks).await, "a new connection hangs");
    let mut reads = Box::pin(async { drop(connection.read_exact(&mut echo).await) });
    assert!(hangs(&mut reads).await, "an open one does not deliver");
    door(&cloud, "PUT", &network, json!({"cut": false})).await;
    reads.await;
    asks.await;
    assert_eq!(echo, *b"b");
    for (task, status) in [("0".repeat(32), 404), (id, 200)] {
        let answer = door(&cloud, "PUT", &format!("ecs/tasks/{task}/network"), json!({"cut": false})).await;
        assert_eq!(answer.status, status, "{task}");
    }
}

#[tokio::test]
async fn nothing_is_left_at_the_end_and_a_restart_starts_new_tasks() {
    let directory = std::env::temp_dir().join(format!("local-cloud-containers-{}", std::process::id()));
    let kept = |data_dir: &Path| Options { data_dir: Some(data_dir.to_owned()), ..containers() };
    let cloud = start_with(kept(&directory)).await;
    let id = only_task(&cloud, "").await;
    let process = ask(&cloud, &id, "process").await.json();
    assert!(lives(&process));
    cloud.shutdown().await;
    assert!(!lives(&process));
    let cloud = start_with(kept(&directory)).await;
    let task = until_stopped(&cloud, &id).await;
    assert_eq!(task["containers"][0]["exitCode"], 137);
    let next = only_task(&cloud, &id).await;
    let process = ask(&cloud, &next, "process").await.json();
    door(&cloud, "POST", "reset", json!(null)).await;
    until("a reset kills it", async || !lives(&process)).await;
    door(&cloud, "PUT", "ecs/clock", json!({"mode": "automatic", "stepMs": 10})).await;
    only_task(&cloud, &next).await;
    cloud.shutdown().await;
    // The template has no service any more.
    let cloud = start_with(Options { local_parameters: false, ..kept(&directory) }).await;
    let service = async || ecs(&cloud, "DescribeServices", json!({"services": ["web"]})).await["services"][0].clone();
    until("the service is deleted", async || service().await["status"] == "INACTIVE").await;
    cloud.shutdown().await;
    std::fs::remove_dir_all(directory).unwrap();
}

#[tokio::test]
async fn an_image_that_the_template_does_not_declare_is_a_record() {
    let cloud = start_with(Options { local_parameters: false, ..containers() }).await;
    ecs(&cloud, "CreateCluster", json!({"clusterName": "live"})).await;
    let definition = json!({
        "family": "web", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "containerDefinitions": [{"name": "app", "image": "container"}],
    });
    ecs(&cloud, "RegisterTaskDefinition", definition).await;
    let network = json!({"awsvpcConfiguration": {"subnets": ["subnet-1"]}});
    let run = json!({"taskDefinition": "web", "launchType": "FARGATE", "networkConfiguration": network});
    let started = ecs(&cloud, "RunTask", run).await;
    let id = started["tasks"][0]["taskArn"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    until("it runs", async || describe(&cloud, &id).await["lastStatus"] == "RUNNING").await;
    assert_eq!(ask(&cloud, &id, "process").await.status, 404);
}
