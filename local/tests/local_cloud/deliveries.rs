//! What becomes of events on their way to a function, and of those that never arrive.

use super::*;

fn options() -> Options {
    Options { template: TemplateSource::Text(include_str!("deliveries.yaml").to_owned()), ..super::options() }
}

async fn start() -> LocalCloud {
    LocalCloud::start(options()).await.expect("the local cloud starts")
}

/// An event that has the function do this.
fn event(order: Value) -> Value {
    let mut event = json!({"source": "test", "detail-type": "Test", "detail": {}});
    for (key, value) in order.as_object().expect("an order is a mapping") {
        event[key] = value.clone();
    }
    event
}

fn say(line: &str) -> Value {
    event(json!({"do": "say", "line": line}))
}

/// Puts the event and answers its deliveries.
async fn deliver(cloud: &LocalCloud, event: Value) -> Value {
    door(cloud, "POST", "events?wait=true", event).await.json()["deliveries"].clone()
}

/// Has the next handovers to Lambda fail so.
async fn fail_handovers(cloud: &LocalCloud, times: u32, fault: Value) {
    let order = json!({"service": "lambda", "operation": "Invoke", "times": times, "fault": fault});
    assert_eq!(door(cloud, "PUT", "faults", order).await.status, 200);
}

async fn sqs(cloud: &LocalCloud, operation: &str, queue: &str, mut input: Value) -> Value {
    input["QueueUrl"] = format!("https://sqs.us-east-1.amazonaws.com/000000000000/stack-{queue}").into();
    let answer = developer(cloud, "sqs", &format!("AmazonSQS.{operation}"), "/", input).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    answer.json()
}

/// The messages that are in the queue now, with everything that there is to know of them.
async fn messages(cloud: &LocalCloud, queue: &str) -> Vec<Value> {
    let input = json!({"MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"], "VisibilityTimeout": 0});
    sqs(cloud, "ReceiveMessage", queue, input).await["Messages"].as_array().cloned().unwrap_or_default()
}

fn body(message: &Value) -> Value {
    serde_json::from_str(message["Body"].as_str().expect("a message has a body")).expect("the body is JSON")
}

/// What the function was told to say.
fn said(cloud: &LocalCloud) -> Vec<String> {
    cloud.logs().into_iter().filter(|line| !line.instance.is_empty()).map(|line| line.line).collect()
}

#[tokio::test]
async fn an_event_that_the_function_fails_to_handle_ends_at_its_destination() {
    let cloud = start().await;
    let failed = deliver(&cloud, event(json!({"do": "fail"}))).await;
    let expected = json!({
        "rule": "ProbeFunction.Told", "function": "ProbeFunction", "attempts": 2, "ok": false, "refused": 0,
        "deadLettered": null, "onFailure": "stack-Failed",
    });
    assert_eq!(failed, json!([expected]));
    let [message] = messages(&cloud, "Failed").await.try_into().expect("one message");
    let record = body(&message);
    assert_eq!((&record["version"], &record["requestPayload"]["do"]), (&json!("1.0"), &json!("fail")));
    assert_eq!(record["responsePayload"], json!({"errorType": "Probe.Failure", "errorMessage": "told to"}));
    let context = &record["requestContext"];
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:stack-ProbeFunction:$LATEST";
    assert_eq!((&context["condition"], &context["functionArn"]), (&json!("RetriesExhausted"), &json!(arn)));
    assert_eq!(context["approximateInvokeCount"], 2);
    let expected = json!({"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"});
    assert_eq!(record["responseContext"], expected);
    assert!(messages(&cloud, "Undelivered").await.is_empty());
    door(&cloud, "POST", "reset", json!(null)).await;
    assert!(messages(&cloud, "Failed").await.is_empty());
}

#[tokio::test]
async fn an_event_that_is_older_than_its_function_wants_is_given_up() {
    let limits = "MaximumRetryAttempts: 2\n        MaximumEventAgeInSeconds: 120\n";
    let template = include_str!("deliveries.yaml").replace("MaximumRetryAttempts: 1\n", limits);
    let options = Options { template: TemplateSource::Text(template), ..options() };
    let cloud = LocalCloud::start(options).await.unwrap();
    let failed = deliver(&cloud, event(json!({"do": "fail"}))).await;
    assert_eq!(failed[0]["attempts"], 2, "AWS would try the third time after three minutes");
    let record = body(&messages(&cloud, "Failed").await[0]);
    assert_eq!(record["requestContext"]["condition"], "EventAgeExceeded");
}

#[tokio::test]
async fn an_event_that_lambda_does_not_accept_ends_in_the_rules_dead_letter_queue() {
    let cloud = start().await;
    fail_handovers(&cloud, 3, json!({"kind": "throttle"})).await;
    let delivery = deliver(&cloud, say("never")).await[0].clone();
    assert_eq!(
        (
            &delivery["attempts"],
            &delivery["ok"],
            &delivery["refused"],
            &delivery["deadLettered"],
            &delivery["onFailure"]
        ),
        (&json!(0), &json!(false), &json!(3), &json!("stack-Undelivered"), &Value::Null)
    );
    let [message] = messages(&cloud, "Undelivered").await.try_into().expect("one message");
    assert_eq!(body(&message)["line"], "never");
    for (name, expected) in [
        ("RULE_ARN", "arn:aws:events:us-east-1:000000000000:rule/stack-ProbeFunctionTold"),
        ("TARGET_ARN", "arn:aws:lambda:us-east-1:000000000000:function:stack-ProbeFunction"),
        ("ERROR_CODE", "THROTTLING"),
        ("ERROR_MESSAGE", "TooManyRequestsException: Rate exceeded"),
        ("EXHAUSTED_RETRY_CONDITION", "MaximumRetryAttempts"),
        ("RETRY_ATTEMPTS", "2"),
    ] {
        let expected = json!({"DataType": "String", "StringValue": expected});
        assert_eq!(message["MessageAttributes"][name], expected, "{name}");
    }
    let delivered = deliver(&cloud, say("now")).await[0].clone();
    assert_eq!((&delivered["attempts"], &delivered["refused"]), (&json!(1), &json!(0)));
    assert_eq!(said(&cloud), ["now"]);
}

#[tokio::test]
async fn a_refusal_that_will_not_change_is_not_tried_again() {
    let cloud = start().await;
    fail_handovers(&cloud, 1, json!({"kind": "error", "status": 403, "code": "AccessDeniedException"})).await;
    assert_eq!(deliver(&cloud, say("never")).await[0]["refused"], 1);
    let message = messages(&cloud, "Undelivered").await[0].clone();
    let attributes = &message["MessageAttributes"];
    assert_eq!(attributes["ERROR_CODE"]["StringValue"], "NO_PERMISSIONS");
    assert!(attributes.get("EXHAUSTED_RETRY_CONDITION").is_none());
}

#[tokio::test]
async fn an_acceptance_that_is_not_heard_of_doubles_the_event() {
    let cloud = start().await;
    fail_handovers(&cloud, 1, json!({"kind": "drop", "when": "after"})).await;
    let delivery = deliver(&cloud, say("twice")).await[0].clone();
    assert_eq!((&delivery["ok"], &delivery["refused"]), (&json!(true), &json!(1)));
    until("the function is invoked twice", async || said(&cloud).len() >= 2).await;
}

#[tokio::test]
async fn a_record_for_a_queue_that_is_not_there_is_lost_and_the_log_says_so() {
    let arn = "arn:aws:sqs:us-east-1:000000000000:elsewhere";
    let template = include_str!("deliveries.yaml").replace("!GetAtt Failed.Arn", arn);
    let cloud = LocalCloud::start(Options { template: TemplateSource::Text(template), ..options() }).await.unwrap();
    assert_eq!(deliver(&cloud, event(json!({"do": "fail"}))).await[0]["onFailure"], Value::Null);
    let expected = format!("the record of a failed event is lost: there is no queue {arn}");
    assert!(cloud.logs().iter().any(|line| line.line == expected), "{:?}", cloud.logs());
}

#[tokio::test]
async fn an_asynchronous_invocation_goes_through_the_same_queue() {
    let cloud = start().await;
    let authorization = "AWS4-HMAC-SHA256 Credential=local/20300101/us-east-1/lambda/aws4_request, Signature=0";
    let headers = [("authorization", authorization), ("x-amz-invocation-type", "Event")];
    let url = format!("{}/2015-03-31/functions/ProbeFunction/invocations", cloud.aws_url());
    assert_eq!(send("POST", url, &headers, r#"{"do":"fail"}"#).await.status, 202);
    let received = sqs(&cloud, "ReceiveMessage", "Failed", json!({"WaitTimeSeconds": 20})).await;
    assert_eq!(body(&received["Messages"][0])["requestPayload"], json!({"do": "fail"}));
}

#[tokio::test]
async fn a_lost_event_can_be_replayed_from_the_log() {
    let cloud = start().await;
    let lose = json!({"pattern": {"source": ["test"]}, "times": null, "fault": {"kind": "lose"}});
    assert_eq!(door(&cloud, "PUT", "events/faults", lose).await.json()["id"], 1);
    for line in ["one", "two"] {
        assert_eq!(deliver(&cloud, say(line)).await, json!([]));
    }
    assert_eq!(door(&cloud, "GET", "events/faults", json!(null)).await.json()["faults"][0]["fired"], 2);
    assert_eq!(door(&cloud, "DELETE", "events/faults", json!(null)).await.json(), json!({"deliveries": []}));
    let log = door(&cloud, "GET", "events?since=1", json!(null)).await.json();
    let [one, two] = log["events"].as_array().unwrap().as_slice() else { panic!("{log}") };
    assert_eq!((&one["fault"], &two["seq"], &log["next"]), (&json!("lose"), &json!(2), &json!(3)));
    let replayed = door(&cloud, "POST", "events?wait=true", json!([two["event"], one["event"]])).await.json();
    assert_eq!(replayed["deliveries"].as_array().map(Vec::len), Some(2));
    assert_eq!(said(&cloud), ["two", "one"]);
    let again = door(&cloud, "GET", "events?since=3", json!(null)).await.json();
    assert_eq!(again["events"][0]["event"]["id"], two["event"]["id"], "a replayed event keeps its id");
    door(&cloud, "POST", "reset", json!(null)).await;
    assert_eq!(door(&cloud, "GET", "events", json!(null)).await.json(), json!({"events": [], "next": 5}));
}

#[tokio::test]
async fn events_are_doubled_delayed_and_reordered_on_demand() {
    let cloud = start().await;
    let fault = async |fault: Value| {
        assert_eq!(door(&cloud, "PUT", "events/faults", json!({"fault": fault})).await.status, 200);
    };
    fault(json!({"kind": "duplicate", "copies": 3})).await;
    assert_eq!(deliver(&cloud, say("x")).await.as_array().map(Vec::len), Some(3));
    fault(json!({"kind": "delay", "ms": 1})).await;
    assert_eq!(deliver(&cloud, say("x")).await[0]["ok"], true);
    assert_eq!(said(&cloud), ["x"; 4]);
    fault(json!({"kind": "reorder", "among": 3})).await;
    let deliveries = deliver(&cloud, json!([say("a"), say("b"), say("c")])).await;
    assert_eq!(deliveries.as_array().map(Vec::len), Some(3));
    assert_eq!(said(&cloud)[4..], ["c", "b", "a"]);
    fault(json!({"kind": "reorder", "among": 3})).await;
    assert_eq!(deliver(&cloud, json!([say("d"), say("e")])).await, json!([]));
    let flushed = door(&cloud, "POST", "events/flush", json!(null)).await.json();
    assert_eq!(flushed["deliveries"].as_array().map(Vec::len), Some(2));
    assert_eq!(said(&cloud)[7..], ["e", "d"]);
    assert_eq!(door(&cloud, "PUT", "events/faults", json!({"fault": {"kind": "explode"}})).await.status, 400);
}

#[tokio::test]
async fn a_schedule_runs_when_the_side_door_says_so() {
    let cloud = start().await;
    let failed = door(&cloud, "POST", "schedules/ProbeFunction.Sweep/run", json!(null)).await.json();
    let expected = json!({
        "schedule": "ProbeFunction.Sweep", "function": "ProbeFunction", "attempts": 2, "ok": false, "refused": 0,
        "deadLettered": null, "onFailure": "stack-Failed",
    });
    assert_eq!(failed, expected);
    assert_eq!(body(&messages(&cloud, "Failed").await[0])["requestPayload"], json!({"do": "fail"}));
    let nightly = door(&cloud, "POST", "schedules/ProbeFunction.Nightly/run", json!(null)).await.json();
    assert_eq!((&nightly["attempts"], &nightly["ok"]), (&json!(1), &json!(true)));
    let unclear = door(&cloud, "POST", "schedules/ProbeFunction/run", json!(null)).await;
    let expected = "`ProbeFunction` is not one schedule; the template has: ProbeFunction.Nightly, ProbeFunction.Sweep";
    assert_eq!((unclear.status, &unclear.json()["message"]), (404, &json!(expected)));
    let said = "the schedule ProbeFunction.Nightly is not run here, since cron(0 3 * * ? *) is no rate; ";
    assert!(cloud.logs().iter().any(|line| line.line.starts_with(said)), "{:?}", cloud.logs());
}

#[tokio::test]
async fn a_disabled_schedule_runs_when_the_side_door_says_so_and_is_said_to_be_disabled() {
    let enabled = "Properties: {Schedule: cron(0 3 * * ? *)}";
    let template = include_str!("deliveries.yaml");
    assert!(template.contains(enabled));
    let template = template.replace(enabled, "Properties: {Schedule: cron(0 3 * * ? *), Enabled: false}");
    let cloud = LocalCloud::start(Options { template: TemplateSource::Text(template), ..options() }).await.unwrap();
    let run = async |name: &str| door(&cloud, "POST", &format!("schedules/{name}/run"), json!(null)).await.json();
    let nightly = run("ProbeFunction.Nightly").await;
    assert_eq!((&nightly["disabled"], &nightly["attempts"]), (&json!(true), &json!(1)));
    assert!(run("ProbeFunction.Sweep").await.get("disabled").is_none());
}

#[tokio::test]
async fn a_function_may_use_a_queue_as_its_policy_says() {
    let cloud = start().await;
    let call = async |operation: &str, queue: &str| {
        let url = format!("https://sqs.us-east-1.amazonaws.com/000000000000/stack-{queue}");
        let input = json!({"QueueUrl": url, "MessageBody": "hello"});
        let target = format!("AmazonSQS.{operation}");
        probe(&cloud, json!({"do": "aws", "service": "sqs", "target": target, "input": input})).await.json()
    };
    assert_eq!(call("SendMessage", "Failed").await["status"], 200, "SAM gives the permission with the destination");
    for (operation, queue) in [("SendMessage", "Undelivered"), ("ReceiveMessage", "Failed")] {
        let refused = call(operation, queue).await;
        assert_eq!(refused["body"]["__type"], "AccessDeniedException", "{operation} on {queue}");
    }
    let unknown = json!({"QueueUrl": "nobody"});
    let unknown = developer(&cloud, "sqs", "AmazonSQS.ReceiveMessage", "/", unknown).await;
    let codes = (unknown.header("x-amzn-errortype"), unknown.header("x-amzn-query-error"));
    assert_eq!((unknown.status, codes), (400, ("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue;Sender")));
}

#[tokio::test]
async fn a_receiver_that_waits_gets_the_next_message_and_holds_nobody_up() {
    let cloud = start().await;
    let receive = sqs(&cloud, "ReceiveMessage", "Failed", json!({"WaitTimeSeconds": 20}));
    let send = async {
        assert_eq!(door(&cloud, "POST", "reset", json!(null)).await.status, 200);
        sqs(&cloud, "SendMessage", "Failed", json!({"MessageBody": "hello"})).await
    };
    let (received, sent) = tokio::join!(receive, send);
    assert_eq!(received["Messages"][0]["MessageId"], sent["MessageId"]);
}
