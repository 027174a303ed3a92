//! The local cloud from outside, with `examples/probe.rs` as its function.

#[path = "local_cloud/assumptions.rs"]
mod assumptions;
#[path = "local_cloud/chat.rs"]
mod chat;
#[path = "local_cloud/containers.rs"]
mod containers;
#[path = "local_cloud/custom_resources.rs"]
mod custom_resources;
#[path = "local_cloud/deliveries.rs"]
mod deliveries;
#[path = "local_cloud/ecs.rs"]
mod ecs;
#[path = "local_cloud/event_sources.rs"]
mod event_sources;
#[path = "local_cloud/first_contact.rs"]
mod first_contact;
#[path = "local_cloud/invoke.rs"]
mod invoke;
#[path = "local_cloud/limits.rs"]
mod limits;
#[path = "local_cloud/media.rs"]
mod media;
#[path = "local_cloud/pages.rs"]
mod pages;
#[path = "local_cloud/requests.rs"]
mod requests;
#[path = "local_cloud/sign_in.rs"]
mod sign_in;
#[path = "local_cloud/state.rs"]
mod state;

use std::path::PathBuf;
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use local::{LocalCloud, Log, Options, TemplateSource};
use serde_json::{Value, json};

const ANSWERED: &str = "the local cloud answers";

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {:?}", self.body))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// `target/<profile>/examples`, seen from `target/<profile>/deps`.
fn bin_dir() -> PathBuf {
    let this = std::env::current_exe().expect("a test has a path");
    this.parent().and_then(|deps| deps.parent()).expect("cargo's layout").join("examples")
}

fn options() -> Options {
    Options {
        template: TemplateSource::Text(include_str!("template.yaml").to_owned()),
        stack_name: "stack".to_owned(),
        bin_dir: bin_dir(),
        log: Log::Collect,
        ..Options::default()
    }
}

async fn start() -> LocalCloud {
    LocalCloud::start(options()).await.expect("the local cloud starts")
}

async fn try_send(request: Request<Full<Bytes>>) -> Option<Answer> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let answer = client.request(request).await.ok()?;
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.ok()?.to_bytes();
    Some(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
}

async fn send(method: &str, url: String, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(body.into())).expect("a test's request is well formed");
    try_send(request).await.expect(ANSWERED)
}

/// Waits for a condition, for as long as any machine should need.
async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let holds = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(300), holds).await.unwrap_or_else(|_| panic!("{what}: not in time"));
}

async fn post(cloud: &LocalCloud, path: &str, body: Value) -> Answer {
    let headers = [("content-type", "application/json")];
    send("POST", format!("{}{path}", cloud.api_url()), &headers, body.to_string()).await
}

async fn probe(cloud: &LocalCloud, order: Value) -> Answer {
    post(cloud, "/probe", order).await
}

async fn door(cloud: &LocalCloud, method: &str, path: &str, body: Value) -> Answer {
    send(method, format!("{}/_local/{path}", cloud.api_url()), &[], body.to_string()).await
}

fn put_row(id: &str) -> Value {
    let input = json!({"TableName": "stack-rows", "Item": {"id": {"S": id}}});
    json!({"do": "aws", "service": "dynamodb", "target": "DynamoDB_20120810.PutItem", "input": input})
}

/// A call of the developer's, with any key.
async fn developer(cloud: &LocalCloud, service: &str, target: &str, path: &str, input: Value) -> Answer {
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential=local/20300101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    );
    let headers = [
        ("authorization", authorization.as_str()),
        ("x-amz-date", "20300101T000000Z"),
        ("x-amz-target", target),
        ("content-type", "application/x-amz-json-1.0"),
    ];
    send("POST", format!("{}{path}", cloud.aws_url()), &headers, input.to_string()).await
}

async fn row_count(cloud: &LocalCloud) -> Value {
    let scan = developer(cloud, "dynamodb", "DynamoDB_20120810.Scan", "/", json!({"TableName": "stack-rows"})).await;
    scan.json()["Count"].clone()
}

#[tokio::test]
async fn a_request_reaches_the_function_and_its_answer_comes_back() {
    let cloud = start().await;
    let answer = probe(&cloud, json!({"do": "answer", "answer": {"statusCode": 201, "body": "made"}})).await;
    assert_eq!((answer.status, answer.body.as_ref()), (201, &b"made"[..]));
    assert!(!answer.header("apigw-requestid").is_empty());
}

#[tokio::test]
async fn an_idle_instance_is_used_again_and_a_busy_one_is_not() {
    let cloud = start().await;
    let process = |answer: &Answer| answer.json()["process"].clone();
    let first = process(&probe(&cloud, json!({})).await);
    assert_eq!(process(&probe(&cloud, json!({})).await), first);
    let gate = std::env::temp_dir().join(format!("local-cloud-gate-{}", std::process::id()));
    let meanwhile = async {
        until("the first is busy", async || cloud.logs().iter().any(|line| line.line == "waits")).await;
        let other = probe(&cloud, json!({})).await;
        std::fs::write(&gate, "").unwrap();
        other
    };
    let (one, other) = tokio::join!(probe(&cloud, json!({"do": "wait", "for": gate})), meanwhile);
    std::fs::remove_file(&gate).unwrap();
    assert_eq!(process(&one), first);
    assert_ne!(process(&other), first);
}

#[tokio::test]
async fn beyond_the_limit_requests_wait_for_an_instance() {
    let cloud = LocalCloud::start(Options { max_instances: 1, ..options() }).await.unwrap();
    let nap = json!({"do": "sleep", "ms": 50});
    let (one, other) = tokio::join!(probe(&cloud, nap.clone()), probe(&cloud, nap));
    assert_eq!(one.json()["process"], other.json()["process"]);
}

#[tokio::test]
async fn whatever_goes_wrong_in_a_function_is_a_500_at_once() {
    let cloud = start().await;
    let failure = json!({"message": "Internal Server Error"});
    for order in [json!({"do": "exit"}), json!({"do": "fail"}), json!({"do": "answer", "answer": {"statusCode": "?"}})]
    {
        let answer = probe(&cloud, order.clone()).await;
        assert_eq!((answer.status, answer.json()), (500, failure.clone()), "{order}");
    }
    let answer = post(&cloud, "/exit", json!({})).await;
    assert_eq!((answer.status, answer.json()), (500, failure));
    assert!(cloud.logs().iter().any(|line| line.function == "ExitFunction" && line.line == "cannot start"));
    assert_eq!(probe(&cloud, json!({})).await.status, 200, "the next request meets a new instance");
}

#[tokio::test]
async fn a_function_that_takes_too_long_is_killed() {
    let template = include_str!("template.yaml").replace("Timeout: 60", "Timeout: 2");
    let cloud = LocalCloud::start(Options { template: TemplateSource::Text(template), ..options() }).await.unwrap();
    assert_eq!(probe(&cloud, json!({"do": "hang"})).await.status, 500);
    assert!(cloud.logs().iter().any(|line| line.line.ends_with("Task timed out after 2.00 seconds")));
    assert_eq!(probe(&cloud, json!({})).await.status, 200);
}

#[tokio::test]
async fn the_gateway_does_not_wait_beyond_the_routes_time() {
    let cloud = start().await;
    let answer = post(&cloud, "/short", json!({"do": "sleep", "ms": 500})).await;
    assert_eq!((answer.status, answer.json()), (503, json!({"message": "Service Unavailable"})));
}

#[tokio::test]
async fn an_instance_sees_lambdas_environment_and_nothing_else() {
    let cloud = start().await;
    let environment = probe(&cloud, json!({"do": "environment"})).await.json();
    for (name, value) in [
        ("AWS_LAMBDA_FUNCTION_NAME", "stack-ProbeFunction"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ENDPOINT_URL_DYNAMODB", &cloud.aws_url()),
        ("ROWS", "stack-rows"),
        ("_HANDLER", "bootstrap"),
    ] {
        assert_eq!(environment[name], value, "{name}");
    }
    assert!(environment["AWS_ACCESS_KEY_ID"].as_str().unwrap().starts_with("ASIA"));
    assert!(environment.get("CARGO_MANIFEST_DIR").is_none());
    assert_eq!(environment["AWS_ENDPOINT_URL_IVS"], cloud.aws_url());
    let context = probe(&cloud, json!({"do": "context"})).await.json();
    assert!(context["lambda-runtime-trace-id"].as_str().unwrap().starts_with("Root=1-"));
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:stack-ProbeFunction";
    assert_eq!(context["lambda-runtime-invoked-function-arn"], arn);
}

#[tokio::test]
async fn a_service_may_be_somebody_elses() {
    let endpoints = [("IVS".to_owned(), "http://moto.test:5000".to_owned())].into();
    let cloud = LocalCloud::start(Options { endpoints, ..options() }).await.unwrap();
    let environment = probe(&cloud, json!({"do": "environment"})).await.json();
    assert_eq!(environment["AWS_ENDPOINT_URL_IVS"], "http://moto.test:5000");
    assert_eq!(environment["AWS_ENDPOINT_URL_DYNAMODB"], cloud.aws_url());
}

#[tokio::test]
async fn only_a_good_token_opens_an_authorized_route() {
    let cloud = start().await;
    let url = format!("{}/own/a%20b", cloud.api_url());
    let bearer = |token: &str| format!("Bearer {token}");
    let answer = send("PUT", url.clone(), &[("authorization", &bearer(&cloud.token("alice")))], "").await;
    let event = &answer.json()["event"];
    assert_eq!(event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"], "alice");
    assert_eq!(event["pathParameters"], json!({"name": "a b"}));

    let answer = send("PUT", url.clone(), &[], "").await;
    assert_eq!((answer.status, answer.json()), (401, json!({"message": "Unauthorized"})));
    assert_eq!(answer.header("www-authenticate"), "Bearer");
    let expired = door(&cloud, "GET", "token?sub=bob&exp=-60", json!(null)).await;
    let expired = bearer(str::from_utf8(&expired.body).unwrap().trim_end());
    let answer = send("PUT", url, &[("authorization", &expired)], "").await;
    let challenge = r#"Bearer scope="" error="invalid_token" error_description="the token has expired""#;
    assert_eq!((answer.status, answer.header("www-authenticate")), (401, challenge));
}

#[tokio::test]
async fn what_the_gateway_refuses_carries_its_own_body() {
    let cloud = start().await;
    let answer = send("GET", format!("{}/probe", cloud.api_url()), &[], "").await;
    assert_eq!((answer.status, answer.json()), (404, json!({"message": "Not Found"})));
    let long = "x".repeat(10_240);
    let answer = send("POST", format!("{}/probe", cloud.api_url()), &[("x-long", &long)], "").await;
    assert_eq!(answer.status, 431);
    for length in [(6 << 20) + 1, (10 << 20) + 1] {
        let answer = send("POST", format!("{}/probe", cloud.api_url()), &[], "x".repeat(length)).await;
        assert_eq!((answer.status, answer.json()), (413, json!({"message": "Request Entity Too Large"})));
    }
}

#[tokio::test]
async fn a_preflight_is_answered_without_the_function() {
    let cloud = start().await;
    let headers = [("origin", "http://app.test"), ("access-control-request-method", "POST")];
    let answer = send("OPTIONS", format!("{}/probe", cloud.api_url()), &headers, "").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (204, "http://app.test"));
    assert!(cloud.logs().is_empty());
}

#[tokio::test]
async fn a_function_may_do_what_its_policy_allows_and_no_more() {
    let cloud = start().await;
    assert_eq!(probe(&cloud, put_row("a")).await.json()["status"], 200);
    let scan = json!({"do": "aws", "service": "dynamodb", "target": "DynamoDB_20120810.Scan", "input": {"TableName": "stack-rows"}});
    let refused = probe(&cloud, scan).await.json();
    assert_eq!((&refused["status"], &refused["body"]["__type"]), (&json!(400), &json!("AccessDeniedException")));
    let message = refused["body"]["message"].as_str().unwrap();
    let arn = "arn:aws:dynamodb:us-east-1:000000000000:table/stack-rows";
    assert!(message.starts_with("User: arn:aws:sts::000000000000:assumed-role/ProbeFunction/"), "{message}");
    assert!(
        message.ends_with(&format!(" is not authorized to perform: dynamodb:Scan on resource: {arn}")),
        "{message}"
    );
    let stage = json!({"do": "aws", "service": "ivs", "path": "/CreateStage", "input": {}});
    let refused = probe(&cloud, stage).await.json();
    assert_eq!((&refused["status"], &refused["body"]["__type"]), (&json!(403), &json!("AccessDeniedException")));
    assert_eq!(row_count(&cloud).await, 1);
}

#[tokio::test]
async fn every_call_is_logged_with_its_caller_and_its_cost() {
    let cloud = start().await;
    let answered = probe(&cloud, put_row("a")).await.json();
    assert!(answered["body"].get("ConsumedCapacity").is_none(), "nobody asked for it");
    row_count(&cloud).await;
    let log = door(&cloud, "GET", "calls", json!(null)).await.json();
    let [put, scan] = log["calls"].as_array().unwrap().as_slice() else { panic!("{log}") };
    assert_eq!(
        (&put["function"], &put["operation"], &put["status"]),
        (&json!("ProbeFunction"), &json!("PutItem"), &json!(200))
    );
    assert_eq!((&put["consumedCapacity"], &scan["function"]), (&json!(1.0), &Value::Null));
    let rest = door(&cloud, "GET", &format!("calls?since={}", scan["seq"]), json!(null)).await.json();
    assert_eq!((rest["calls"].as_array().unwrap().len(), &rest["next"]), (1, &log["next"]));
}

#[tokio::test]
async fn faults_strike_before_or_after_the_effect() {
    let cloud = start().await;
    let fault = |fault: Value| json!({"service": "dynamodb", "operation": "PutItem", "function": "ProbeFunction", "fault": fault});
    for (order, status, rows) in [
        (json!({"kind": "throttle"}), json!(400), 0),
        (json!({"kind": "error", "status": 500, "code": "InternalServerError"}), json!(500), 0),
        (json!({"kind": "drop", "when": "before"}), Value::Null, 0),
        (json!({"kind": "drop", "when": "after"}), Value::Null, 1),
        (json!({"kind": "latency", "ms": 1}), json!(200), 2),
    ] {
        assert_eq!(door(&cloud, "PUT", "faults", fault(order.clone())).await.status, 200);
        let answered = probe(&cloud, put_row(&order.to_string())).await.json();
        assert_eq!((&answered["status"], row_count(&cloud).await), (&status, json!(rows)), "{order}");
    }
    // A latency of an hour ends when it is taken back.
    assert_eq!(door(&cloud, "PUT", "faults", fault(json!({"kind": "latency", "ms": 3_600_000}))).await.status, 200);
    let taken_back = async {
        until("the fault strikes", async || {
            door(&cloud, "GET", "faults", json!(null)).await.json()["faults"].as_array().is_some_and(|faults| {
                faults.iter().any(|fault| fault["fault"]["ms"] == 3_600_000 && fault["fired"] == 1)
            })
        })
        .await;
        door(&cloud, "DELETE", "faults", json!(null)).await
    };
    let (answered, _) = tokio::join!(probe(&cloud, put_row("late")), taken_back);
    assert_eq!((&answered.json()["status"], row_count(&cloud).await), (&json!(200), json!(3)));
    let kill = fault(json!({"kind": "kill", "when": "after"}));
    door(&cloud, "PUT", "faults", kill).await;
    assert_eq!(probe(&cloud, put_row("last")).await.status, 500);
    assert_eq!(row_count(&cloud).await, 4);
    let wrong = door(&cloud, "PUT", "faults", json!({"service": "dynamodb"})).await;
    assert_eq!(wrong.status, 400);
    let message = wrong.json()["message"].clone();
    let expected = r#"the body must be {"service", "operation", "fault": {...}}: missing field `operation`"#;
    assert!(message.as_str().unwrap().starts_with(expected), "{message}");
    let nobody =
        json!({"service": "sts", "operation": "GetCallerIdentity", "function": "Probe", "fault": {"kind": "throttle"}});
    let message = door(&cloud, "PUT", "faults", nobody).await.json()["message"].clone();
    assert_eq!(message, "unknown function `Probe`; the template has: ErrorFunction, ExitFunction, ProbeFunction");
}

#[tokio::test]
async fn an_unknown_path_of_the_side_door_lists_the_routes_and_each_is_one() {
    let cloud = start().await;
    let unknown = door(&cloud, "GET", "tokens", json!(null)).await;
    let message = unknown.json()["message"].as_str().unwrap().to_owned();
    let routes = message.strip_prefix("the side door has no GET /_local/tokens; it has: ").unwrap();
    assert_eq!((unknown.status, routes.split(", ").count()), (404, 50));
    // A stream has no end to wait for.
    for route in routes.split(", ").filter(|route| !route.ends_with("/stream")) {
        let (method, path) = route.split_once(" /_local/").unwrap();
        let answer = door(&cloud, method, path, json!({})).await;
        assert!(!str::from_utf8(&answer.body).unwrap().contains("the side door has no"), "{route}");
    }
}

#[tokio::test]
async fn what_is_assumed_of_aws_is_told_and_assumed_otherwise_until_a_reset() {
    let cloud = start().await;
    let assumed = async || door(&cloud, "GET", "assumptions", json!(null)).await.json()["earlyDisconnect"].clone();
    assert_eq!(assumed().await, "bars");
    let put = async |body| door(&cloud, "PUT", "assumptions", body).await;
    assert_eq!(put(json!({"earlyDisconnect": "notFound"})).await.json()["earlyDisconnect"], "notFound");
    for (wrong, expected) in [
        (json!({"earlyDisconnect": "late"}), "unknown variant `late`, expected `bars` or `notFound`"),
        (json!({"lateDisconnect": "bars"}), "unknown field `lateDisconnect`"),
    ] {
        let refused = put(wrong).await;
        let said = refused.json()["message"].as_str().unwrap().to_owned();
        assert!(refused.status == 400 && said.starts_with(expected), "{said}");
    }
    // What is left out stays.
    assert_eq!(put(json!({})).await.json()["earlyDisconnect"], "notFound");
    door(&cloud, "POST", "reset", json!(null)).await;
    assert_eq!(assumed().await, "bars");
}

#[tokio::test]
async fn a_browser_app_that_may_call_the_api_and_a_terminal_can_read_the_side_door() {
    let cloud = start().await;
    for path in ["token", "calls", "nothing"] {
        let url = format!("{}/_local/{path}", cloud.api_url());
        let answer = send("GET", url.clone(), &[("origin", "http://app.test")], "").await;
        assert_eq!((answer.header("access-control-allow-origin"), answer.body.last()), ("*", Some(&b'\n')), "{path}");
        let asked = [
            ("origin", "http://localhost:9999"),
            ("access-control-request-method", "PUT"),
            ("access-control-request-headers", "content-type,x-own"),
        ];
        let answer = send("OPTIONS", url, &asked, "").await;
        let headers =
            ["origin", "methods", "headers"].map(|name| answer.header(&format!("access-control-allow-{name}")));
        assert_eq!((answer.status, headers), (204, ["*", "GET,PUT,POST,DELETE", "content-type,x-own"]), "{path}");
    }
}

#[tokio::test]
async fn lambda_can_be_invoked_through_aws() {
    let cloud = start().await;
    let path = "/2015-03-31/functions/stack-ProbeFunction/invocations";
    let answer = developer(&cloud, "lambda", "", path, json!({"do": "answer", "answer": [1]})).await;
    assert_eq!((answer.status, answer.json()), (200, json!([1])));
    let answer = developer(&cloud, "lambda", "", path, json!({"do": "fail"})).await;
    assert_eq!(
        (answer.header("x-amz-function-error"), &answer.json()["errorType"]),
        ("Unhandled", &json!("Probe.Failure"))
    );
    let path = "/2015-03-31/functions/ErrorFunction/invocations";
    let answer = developer(&cloud, "lambda", "", path, json!({})).await;
    assert_eq!(answer.json(), json!({"errorType": "Probe.Init", "errorMessage": "told to"}));
    let path = "/2015-03-31/functions/Nobody/invocations";
    assert_eq!(developer(&cloud, "lambda", "", path, json!({})).await.status, 404);
}

#[tokio::test]
async fn an_event_is_delivered_to_the_rules_that_match_with_retries() {
    let cloud = start().await;
    let event = |order: &str| json!({"source": "test", "detail-type": "Test", "detail": {"do": order}, "do": order});
    let delivered = door(&cloud, "POST", "events?wait=true", event("say")).await.json();
    let expected = json!({
        "rule": "ProbeFunction.Told", "function": "ProbeFunction", "attempts": 1, "ok": true, "refused": 0,
        "deadLettered": null, "onFailure": null,
    });
    assert_eq!(delivered["deliveries"], json!([expected]));
    let failed = door(&cloud, "POST", "events?wait=true", json!([event("fail")])).await.json();
    assert_eq!((&failed["deliveries"][0]["attempts"], &failed["deliveries"][0]["ok"]), (&json!(3), &json!(false)));
    let other = json!({"source": "other", "detail-type": "Test", "detail": {}});
    assert_eq!(door(&cloud, "POST", "events?wait=true", other).await.json()["deliveries"], json!([]));
    assert_eq!(door(&cloud, "POST", "events", json!({"source": "test"})).await.status, 400);
}

/// A call of the developer's to IVS or IVS Real-Time.
async fn ivs(cloud: &LocalCloud, path: &str, input: Value) -> Answer {
    developer(cloud, "ivs", "", path, input).await
}

#[tokio::test]
async fn one_signing_name_serves_channels_and_stages() {
    let cloud = start().await;
    let created = ivs(&cloud, "/CreateChannel", json!({"name": "a"})).await.json();
    let stage = ivs(&cloud, "/CreateStage", json!({"name": "a"})).await.json()["stage"]["arn"].clone();
    let channel = created["channel"]["arn"].clone();
    for (arn, get, member) in [(&channel, "/GetChannel", "channel"), (&stage, "/GetStage", "stage")] {
        let path = format!("/tags/{}", arn.as_str().unwrap().replace(':', "%3A").replace('/', "%2F"));
        assert_eq!(ivs(&cloud, &path, json!({"tags": {"is": member}})).await.status, 200);
        assert_eq!(ivs(&cloud, get, json!({"arn": arn})).await.json()[member]["tags"], json!({"is": member}));
    }
    let offline = ivs(&cloud, "/GetStream", json!({"channelArn": channel})).await;
    assert_eq!((offline.status, offline.header("x-amzn-errortype")), (404, "ChannelNotBroadcasting"));
    assert!(offline.json()["exceptionMessage"].is_string());
    let deleted = ivs(&cloud, "/DeleteChannel", json!({"arn": channel})).await;
    assert_eq!((deleted.status, deleted.body.len()), (204, 0));
    let log = door(&cloud, "GET", "calls", json!(null)).await.json().to_string();
    assert!(log.contains("CreateChannel") && !log.contains(created["streamKey"]["value"].as_str().unwrap()));
}

#[tokio::test]
async fn quotas_of_channels_and_stages_are_set_in_one_place() {
    let cloud = start().await;
    let quotas = json!({"channels": 0, "ListStages": 0});
    let answer = door(&cloud, "PUT", "quotas", quotas).await.json();
    assert_eq!((&answer["channels"], &answer["ListStages"], &answer["stages"]), (&json!(0), &json!(0.0), &json!(1000)));
    assert_eq!(ivs(&cloud, "/CreateChannel", json!({})).await.status, 402);
    assert_eq!(ivs(&cloud, "/ListStages", json!({})).await.status, 429);
    let refused = door(&cloud, "PUT", "quotas", json!({"viewers": 1})).await;
    assert_eq!(refused.status, 400);
    door(&cloud, "POST", "reset", json!(null)).await;
    assert_eq!(ivs(&cloud, "/CreateChannel", json!({})).await.status, 200);
}

#[tokio::test]
async fn a_channel_goes_live_and_offline_by_the_side_door() {
    let cloud = start().await;
    let created = ivs(&cloud, "/CreateChannel", json!({})).await.json();
    let arn = &created["channel"]["arn"];
    let live = format!("channels/{}/live", arn.as_str().unwrap().split_once("channel/").unwrap().1);
    let url = format!("{}/_local/{live}", cloud.api_url());
    assert_eq!(send("PUT", url, &[], "").await.json()["health"], "HEALTHY");
    let answer = door(&cloud, "PUT", &live, json!({"health": "STARVING", "viewerCount": 3})).await.json();
    let stream = ivs(&cloud, "/GetStream", json!({"channelArn": arn})).await.json()["stream"].clone();
    assert_eq!((&stream, &stream["viewerCount"]), (&answer, &json!(3)));
    assert_eq!(ivs(&cloud, "/DeleteChannel", json!({"arn": arn})).await.status, 409);
    assert_eq!(door(&cloud, "PUT", &live, json!({"health": "ILL"})).await.status, 400);
    assert_eq!(door(&cloud, "DELETE", &live, json!(null)).await.status, 200);
    assert_eq!(ivs(&cloud, "/GetStream", json!({"channelArn": arn})).await.status, 404);
    assert_eq!(door(&cloud, "PUT", "channels/none/live", json!({})).await.status, 404);
    let key = &created["streamKey"]["value"];
    let ingest = door(&cloud, "POST", "ingest", json!({"streamKey": key})).await.json();
    assert_eq!(ingest, json!({"accepted": true, "channelArn": arn}));
}

#[tokio::test]
async fn a_playback_key_opens_a_private_channel() {
    let cloud = start().await;
    let (private, public) = key_pair();
    let imported =
        ivs(&cloud, "/ImportPlaybackKeyPair", json!({"name": "own", "publicKeyMaterial": public})).await.json();
    let pairs = ivs(&cloud, "/ListPlaybackKeyPairs", json!({})).await.json()["keyPairs"].clone();
    assert_eq!(pairs, json!([{"arn": imported["keyPair"]["arn"], "name": "own", "tags": {}}]));
    let channel = ivs(&cloud, "/CreateChannel", json!({"authorized": true})).await.json()["channel"].clone();
    let expires = jsonwebtoken::get_current_timestamp() + 300;
    let claims = json!({"aws:channel-arn": channel["arn"], "exp": expires});
    let signer = jsonwebtoken::EncodingKey::from_ec_der(&private);
    let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::ES384);
    let token = jsonwebtoken::encode(&header, &claims, &signer).unwrap();
    let url = channel["playbackUrl"].as_str().unwrap();
    let play = async |url: String| door(&cloud, "POST", "play", json!({"playbackUrl": url})).await.json();
    assert_eq!(play(format!("{url}?token={token}")).await, json!({"plays": true}));
    assert_eq!(play(url.to_owned()).await["plays"], false);
}

/// A P-384 pair: the private half as PKCS#8, the public one as PEM.
fn key_pair() -> (Vec<u8>, String) {
    let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).expect("a key pair");
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().expect("SPKI");
    let public = base64::prelude::BASE64_STANDARD.encode(public.as_ref());
    let public = format!("-----BEGIN PUBLIC KEY-----\n{public}\n-----END PUBLIC KEY-----\n");
    (pair.to_pkcs8v1().expect("PKCS#8").as_ref().to_vec(), public)
}

#[tokio::test]
async fn a_reset_forgets_everything_and_starts_new_processes() {
    let cloud = start().await;
    let process = probe(&cloud, json!({})).await.json()["process"].clone();
    probe(&cloud, put_row("a")).await;
    assert_eq!(door(&cloud, "POST", "reset", json!(null)).await.status, 200);
    assert_eq!(row_count(&cloud).await, 0);
    assert_ne!(probe(&cloud, json!({})).await.json()["process"], process);
}

#[tokio::test]
async fn requests_without_known_credentials_are_refused() {
    let cloud = start().await;
    let answer = send("POST", cloud.aws_url(), &[], "{}").await;
    assert_eq!((answer.status, answer.header("x-amzn-errortype")), (403, "MissingAuthenticationTokenException"));
    let answer = developer(&cloud, "s3", "", "/", json!({})).await;
    assert_eq!((answer.status, answer.header("x-amzn-errortype")), (404, "UnknownOperationException"));
}

#[tokio::test]
async fn who_am_i_is_answered_in_xml() {
    let cloud = start().await;
    let authorization = "AWS4-HMAC-SHA256 Credential=local/20300101/us-east-1/sts/aws4_request, Signature=0";
    let answer = send("POST", cloud.aws_url(), &[("authorization", authorization)], "Action=GetCallerIdentity").await;
    let body = str::from_utf8(&answer.body).unwrap();
    assert!(body.contains("<Account>000000000000</Account>"), "{body}");
}

#[tokio::test]
async fn a_data_directory_keeps_state_and_serves_one_at_a_time() {
    let directory = std::env::temp_dir().join(format!("local-cloud-{}", std::process::id()));
    let kept = Options { data_dir: Some(directory.clone()), ..options() };
    let cloud = LocalCloud::start(kept.clone()).await.unwrap();
    probe(&cloud, put_row("a")).await;
    let token = cloud.token("alice");
    let Err(refused) = LocalCloud::start(kept.clone()).await else { panic!("two at a time") };
    assert!(refused.to_string().contains("is in use by another local cloud"), "{refused}");
    cloud.shutdown().await;
    let cloud = LocalCloud::start(kept).await.unwrap();
    assert_eq!(row_count(&cloud).await, 1);
    let headers = [("authorization", token.as_str())];
    assert_eq!(send("PUT", format!("{}/own/x", cloud.api_url()), &headers, "").await.status, 200);
    cloud.shutdown().await;
    std::fs::remove_dir_all(directory).unwrap();
}

#[tokio::test]
async fn a_taken_port_names_the_option_that_helps() {
    let cloud = start().await;
    let port = cloud.api_url().rsplit(':').next().unwrap().parse().unwrap();
    let Err(error) = LocalCloud::start(Options { port, ..options() }).await else { panic!("one port, two clouds") };
    let what = format!("port {port} is taken, perhaps by another local cloud: ");
    assert!(error.to_string().starts_with(&what), "{error}");
}
