//! Messages of queues on their way to a function.

use super::*;

const TEMPLATE: &str = include_str!("event_sources.yaml");

async fn start_with(template: String) -> LocalCloud {
    let template = TemplateSource::Text(template);
    let cloud = LocalCloud::start(Options { template, ..options() }).await.expect("the local cloud starts");
    // A visibility timeout counts while the first instance starts, too.
    assert_eq!(probe(&cloud, json!({})).await.status, 200);
    cloud
}

/// One whose messages come again soon.
async fn start() -> LocalCloud {
    start_with(TEMPLATE.to_owned()).await
}

/// One whose messages do not come again, however slow the machine is.
async fn start_patient() -> LocalCloud {
    start_with(TEMPLATE.replace("Timeout: 3", "Timeout: 300")).await
}

async fn sqs(cloud: &LocalCloud, operation: &str, queue: &str, mut input: Value) -> Value {
    input["QueueUrl"] = format!("{}/000000000000/stack-{queue}", cloud.aws_url()).into();
    let answer = developer(cloud, "sqs", &format!("AmazonSQS.{operation}"), "/", input).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    answer.json()
}

async fn send_message(cloud: &LocalCloud, queue: &str, body: &str) -> Value {
    sqs(cloud, "SendMessage", queue, json!({"MessageBody": body})).await["MessageId"].clone()
}

/// How many messages there are, hidden ones as well.
async fn count(cloud: &LocalCloud, queue: &str) -> u64 {
    let attributes = sqs(cloud, "GetQueueAttributes", queue, json!({"AttributeNames": ["All"]})).await;
    let number = |name: &str| attributes["Attributes"][name].as_str().and_then(|text| text.parse::<u64>().ok());
    let names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
    names.map(|name| number(name).expect("a count is a number")).into_iter().sum()
}

/// The records of each invocation with messages so far.
fn invocations(cloud: &LocalCloud) -> Vec<Vec<Value>> {
    let events = cloud.logs().into_iter().filter_map(|line| serde_json::from_str::<Value>(&line.line).ok());
    events.filter_map(|event| event["Records"].as_array().cloned()).collect()
}

/// How often each message was handed over, by its body.
fn handed_over(cloud: &LocalCloud, body: &str) -> Vec<String> {
    let records = invocations(cloud).into_iter().flatten().filter(|record| record["body"] == body);
    records
        .map(|record| record["attributes"]["ApproximateReceiveCount"].as_str().unwrap_or_default().to_owned())
        .collect()
}

#[tokio::test]
async fn messages_of_a_window_are_one_invocation() {
    // Long enough for a slow machine to send more than ten.
    let window = TEMPLATE.replace("WindowInSeconds: 1", "WindowInSeconds: 5");
    let cloud = start_with(window.replace("Timeout: 3", "Timeout: 300")).await;
    let bodies: Vec<_> = (0..30).map(|number| number.to_string()).collect();
    for body in &bodies {
        send_message(&cloud, "Many", body).await;
    }
    until("all are handled", async || count(&cloud, "Many").await == 0).await;
    let invocations = invocations(&cloud);
    assert!(invocations.iter().any(|records| records.len() > 10), "{:?}", invocations.iter().map(Vec::len));
    let mut seen: Vec<_> = invocations.iter().flatten().map(|record| record["body"].as_str().unwrap()).collect();
    seen.sort_by_key(|body| body.parse::<u32>().unwrap());
    assert_eq!(seen, bodies, "each of them once");
}

#[tokio::test]
async fn a_record_is_as_lambda_has_it() {
    let cloud = start_patient().await;
    let attributes = json!({
        "kind": {"DataType": "String", "StringValue": "stage"},
        "raw": {"DataType": "Binary", "BinaryValue": "AAE="},
    });
    let sent =
        sqs(&cloud, "SendMessage", "Many", json!({"MessageBody": "hello", "MessageAttributes": attributes})).await;
    until("it is handled", async || !invocations(&cloud).is_empty() && count(&cloud, "Many").await == 0).await;
    let record = invocations(&cloud)[0][0].clone();
    let system = &record["attributes"];
    let members = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let expected = ["ApproximateFirstReceiveTimestamp", "ApproximateReceiveCount", "SenderId", "SentTimestamp"];
    assert_eq!(
        (members(system), &system["ApproximateReceiveCount"]),
        (expected.map(str::to_owned).into(), &json!("1"))
    );
    let expected = json!({
        "messageId": sent["MessageId"],
        "receiptHandle": record["receiptHandle"],
        "body": "hello",
        "attributes": system,
        "messageAttributes": {
            "kind": {"stringValue": "stage", "stringListValues": [], "binaryListValues": [], "dataType": "String"},
            "raw": {"binaryValue": "AAE=", "stringListValues": [], "binaryListValues": [], "dataType": "Binary"},
        },
        "md5OfBody": "5d41402abc4b2a76b9719d911017c592",
        "md5OfMessageAttributes": sent["MD5OfMessageAttributes"],
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:stack-Many",
        "awsRegion": "us-east-1",
    });
    assert_eq!(record, expected);
}

#[tokio::test]
async fn a_message_that_is_reported_comes_again_and_then_goes_to_the_dead_letter_queue() {
    // Time enough to delete the good one before it would come again.
    let cloud = start_with(TEMPLATE.replace("VisibilityTimeout: 3", "VisibilityTimeout: 15")).await;
    send_message(&cloud, "Many", "good").await;
    let bad = send_message(&cloud, "Many", "bad").await;
    until("it is a dead letter", async || count(&cloud, "Dead").await == 1).await;
    assert_eq!(handed_over(&cloud, "bad"), ["1", "2"]);
    assert_eq!(handed_over(&cloud, "good"), ["1"], "what was handled is not handed over again");
    assert_eq!(count(&cloud, "Many").await, 0);
    let all = json!({"MessageSystemAttributeNames": ["All"]});
    let letter = sqs(&cloud, "ReceiveMessage", "Dead", all).await["Messages"][0].clone();
    assert_eq!((&letter["MessageId"], &letter["Body"]), (&bad, &json!("bad")));
    let source = "arn:aws:sqs:us-east-1:000000000000:stack-Many";
    assert_eq!(letter["Attributes"]["DeadLetterQueueSourceArn"], source);
}

#[tokio::test]
async fn without_reports_a_batch_is_handled_or_fails_as_a_whole() {
    let cloud = start().await;
    send_message(&cloud, "Whole", "bad").await;
    until("it is handled", async || !invocations(&cloud).is_empty() && count(&cloud, "Whole").await == 0).await;
    send_message(&cloud, "Whole", r#"{"do": "fail"}"#).await;
    until("it comes again", async || handed_over(&cloud, r#"{"do": "fail"}"#).len() > 1).await;
    assert_eq!(count(&cloud, "Whole").await, 1);
}

#[tokio::test]
async fn an_answer_that_names_no_message_of_the_batch_fails_the_whole_batch() {
    let cloud = start().await;
    let order = json!({"do": "answer", "answer": {"batchItemFailures": [{"itemIdentifier": "other"}]}}).to_string();
    send_message(&cloud, "Many", &order).await;
    let said = "event source ProbeFunction.Many: the answer to 1 messages names `other`, which is not in the batch: all of \
                them have failed";
    until("the log says so", async || cloud.logs().iter().any(|line| line.line == said)).await;
    until("it is a dead letter", async || count(&cloud, "Dead").await == 1).await;
}

#[tokio::test]
async fn a_batch_that_lambda_does_not_take_is_handed_over_again() {
    let cloud = start_patient().await;
    let fault = json!({"service": "lambda", "operation": "Invoke", "times": 2, "fault": {"kind": "throttle"}});
    assert_eq!(door(&cloud, "PUT", "faults", fault).await.status, 200);
    send_message(&cloud, "Many", "late").await;
    until("it is handled", async || count(&cloud, "Many").await == 0).await;
    assert_eq!(handed_over(&cloud, "late"), ["1"], "it has not been received again");
    assert_eq!(door(&cloud, "GET", "faults", json!(null)).await.json()["faults"][0]["fired"], 2);
}

#[tokio::test]
async fn a_disabled_mapping_leaves_the_queue_alone() {
    let cloud = start_patient().await;
    send_message(&cloud, "Off", "kept").await;
    send_message(&cloud, "Whole", "handled").await;
    until("the other one is handled", async || handed_over(&cloud, "handled").len() == 1).await;
    let kept = sqs(&cloud, "ReceiveMessage", "Off", json!({"MessageSystemAttributeNames": ["All"]})).await;
    assert_eq!(kept["Messages"][0]["Attributes"]["ApproximateReceiveCount"], "1");
    let about = door(&cloud, "GET", "about", json!(null)).await.json();
    let sources = about["eventSources"].as_array().unwrap().iter();
    let told: Vec<_> = sources.map(|source| json!([source["name"], source["queue"], source["enabled"]])).collect();
    let expected = [
        json!(["ProbeFunction.Many", "stack-Many", true]),
        json!(["OffMapping", "stack-Off", false]),
        json!(["WholeMapping", "stack-Whole", true]),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_functions_queue_url_leads_to_the_endpoint() {
    let cloud = start().await;
    let environment = probe(&cloud, json!({"do": "environment"})).await.json();
    let url = format!("{}/000000000000/stack-Many", cloud.aws_url());
    assert_eq!(environment["QUEUE_URL"], url);
    let named = sqs(&cloud, "GetQueueUrl", "Many", json!({"QueueName": "stack-Many"})).await;
    assert_eq!(named["QueueUrl"], url);
}

#[tokio::test]
async fn after_a_reset_the_queues_are_empty_and_polled() {
    let cloud = start_patient().await;
    send_message(&cloud, "Many", r#"{"do": "hang"}"#).await;
    until("it is handed over", async || !invocations(&cloud).is_empty()).await;
    assert_eq!(door(&cloud, "POST", "reset", json!(null)).await.status, 200);
    assert_eq!(count(&cloud, "Many").await, 0);
    send_message(&cloud, "Many", "after").await;
    until("the next one is handled", async || handed_over(&cloud, "after").len() == 1).await;
}

#[tokio::test]
async fn what_is_under_way_at_the_end_is_there_at_the_next_start() {
    let data_dir = std::env::temp_dir().join(format!("local-cloud-sources-{}", std::process::id()));
    let open = async || {
        let template = TemplateSource::Text(TEMPLATE.replace("Timeout: 3", "Timeout: 300"));
        LocalCloud::start(Options { template, data_dir: Some(data_dir.clone()), ..options() }).await.unwrap()
    };
    let cloud = open().await;
    let hang = r#"{"do": "hang"}"#;
    send_message(&cloud, "Many", hang).await;
    until("it is handed over", async || handed_over(&cloud, hang) == ["1"]).await;
    cloud.shutdown().await;
    let cloud = open().await;
    until("it is handed over again", async || handed_over(&cloud, hang) == ["2"]).await;
    cloud.shutdown().await;
    std::fs::remove_dir_all(data_dir).unwrap();
}
