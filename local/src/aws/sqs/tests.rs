mod event_source;
mod fifo;

use std::time::Duration;

use serde_json::{Value, json};

use std::path::PathBuf;

use super::attribute::Attributes;
use super::*;
use crate::plumbing::state_file::tests::TemporaryDirectory;
use crate::template;

const URL: &str = "http://127.0.0.1:4566/000000000000/dead";

fn settings(name: &str) -> template::Queue {
    template::Queue {
        name: name.to_owned(),
        retention: Duration::from_secs(345_600),
        visibility_timeout: Duration::from_secs(30),
        delay: Duration::ZERO,
        receive_wait: Duration::ZERO,
        maximum_message_size: 1_024,
        redrive: None,
        fifo: None,
    }
}

fn open(state_file: Option<PathBuf>) -> Sqs {
    Sqs::open("us-east-1", "http://127.0.0.1:4566", &[settings("dead"), settings("other")], state_file).unwrap()
}

/// A time so many seconds after the others of the test.
fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_900_000_000 + seconds).unwrap()
}

/// A call at that time; `QueueUrl` is filled in.
fn call_at(sqs: &Sqs, seconds: i64, operation: &str, mut input: Value) -> Result<Value, ServiceError> {
    if input.get("QueueUrl").is_none() {
        input["QueueUrl"] = URL.into();
    }
    sqs.call(operation, &input, at(seconds))
}

fn call(sqs: &Sqs, operation: &str, input: Value) -> Result<Value, ServiceError> {
    call_at(sqs, 0, operation, input)
}

fn send(sqs: &Sqs, body: &str) -> Value {
    call(sqs, "SendMessage", json!({"MessageBody": body})).unwrap()
}

/// The bodies that can be received at that time.
fn bodies_at(sqs: &Sqs, seconds: i64) -> Vec<String> {
    let received = call_at(sqs, seconds, "ReceiveMessage", json!({"MaxNumberOfMessages": 10})).unwrap();
    let messages = received["Messages"].as_array().cloned().unwrap_or_default();
    messages.iter().map(|message| message["Body"].as_str().unwrap().to_owned()).collect()
}

fn code(result: Result<Value, ServiceError>) -> &'static str {
    result.unwrap_err().code
}

#[test]
fn a_queue_is_found_by_its_name_and_by_either_of_its_urls() {
    let sqs = open(None);
    let named = sqs.call("GetQueueUrl", &json!({"QueueName": "dead"}), at(0)).unwrap();
    assert_eq!(named, json!({"QueueUrl": URL}));
    for url in [URL, "https://sqs.us-east-1.amazonaws.com/000000000000/dead", "dead"] {
        assert!(call(&sqs, "SendMessage", json!({"QueueUrl": url, "MessageBody": "a"})).is_ok(), "{url}");
    }
    assert_eq!(bodies_at(&sqs, 0), ["a", "a", "a"]);
    let unknown = sqs.call("GetQueueUrl", &json!({"QueueName": "nobody"}), at(0)).unwrap_err();
    assert_eq!(error::query_error(&unknown), "AWS.SimpleQueueService.NonExistentQueue;Sender");
    assert_eq!(code(call(&sqs, "PurgeQueue", json!({"QueueUrl": "nobody"}))), "QueueDoesNotExist");
}

#[test]
fn queues_are_listed_by_pages_and_prefix() {
    let sqs = open(None);
    let list = |input: Value| sqs.call("ListQueues", &input, at(0)).unwrap();
    assert_eq!(list(json!({"QueueNamePrefix": "de"})), json!({"QueueUrls": [URL]}));
    assert_eq!(list(json!({"QueueNamePrefix": "x"})), json!({}));
    let first = list(json!({"MaxResults": 1}));
    let second = list(json!({"MaxResults": 1, "NextToken": first["NextToken"]}));
    assert_eq!((&first["QueueUrls"], &second["QueueUrls"][0]), (&json!([URL]), &json!(sqs.url("other"))));
    assert!(second.get("NextToken").is_none());
}

#[test]
fn a_received_message_is_hidden_until_it_is_deleted_or_its_timeout_is_over() {
    let sqs = open(None);
    let sent = send(&sqs, "hello");
    assert_eq!(sent["MD5OfMessageBody"], "5d41402abc4b2a76b9719d911017c592");
    let first = call(&sqs, "ReceiveMessage", json!({"MessageSystemAttributeNames": ["All"]})).unwrap();
    let first = &first["Messages"][0];
    assert_eq!((&first["MessageId"], &first["MD5OfBody"]), (&sent["MessageId"], &sent["MD5OfMessageBody"]));
    assert_eq!((&first["Attributes"]["ApproximateReceiveCount"], first.get("MessageAttributes")), (&json!("1"), None));
    assert_eq!(call_at(&sqs, 29, "ReceiveMessage", json!({})).unwrap(), json!({}));
    let again = call_at(&sqs, 30, "ReceiveMessage", json!({"AttributeNames": ["ApproximateReceiveCount"]})).unwrap();
    assert_eq!(again["Messages"][0]["Attributes"], json!({"ApproximateReceiveCount": "2"}));
    // The handle of an earlier reception does not delete.
    call_at(&sqs, 31, "DeleteMessage", json!({"ReceiptHandle": first["ReceiptHandle"]})).unwrap();
    assert_eq!(bodies_at(&sqs, 60), ["hello"]);
    let handle = &call_at(&sqs, 90, "ReceiveMessage", json!({})).unwrap()["Messages"][0]["ReceiptHandle"];
    for _ in 0..2 {
        assert_eq!(call_at(&sqs, 91, "DeleteMessage", json!({"ReceiptHandle": handle})).unwrap(), json!({}));
    }
    assert_eq!(bodies_at(&sqs, 1_000), [""; 0]);
    assert_eq!(code(call(&sqs, "DeleteMessage", json!({"ReceiptHandle": "?"}))), "ReceiptHandleIsInvalid");
}

#[test]
fn a_receiver_may_change_how_long_its_message_is_hidden() {
    let sqs = open(None);
    send(&sqs, "a");
    let received = call(&sqs, "ReceiveMessage", json!({"VisibilityTimeout": 100})).unwrap();
    let change = |seconds: i64, timeout: u32| {
        let handle = &received["Messages"][0]["ReceiptHandle"];
        let input = json!({"ReceiptHandle": handle, "VisibilityTimeout": timeout});
        call_at(&sqs, seconds, "ChangeMessageVisibility", input)
    };
    change(50, 200).unwrap();
    assert_eq!(bodies_at(&sqs, 249), [""; 0]);
    change(249, 0).unwrap();
    assert_eq!(code(change(249, 10)), "MessageNotInflight");
    assert_eq!(bodies_at(&sqs, 249), ["a"]);
}

#[test]
fn attributes_are_answered_where_they_are_asked_for() {
    let sqs = open(None);
    let attributes = json!({
        "ERROR_CODE": {"DataType": "String", "StringValue": "THROTTLING"},
        "order.id": {"DataType": "Number", "StringValue": "7"},
        "raw": {"DataType": "Binary", "BinaryValue": "AQI="},
    });
    let sent = call(&sqs, "SendMessage", json!({"MessageBody": "a", "MessageAttributes": attributes})).unwrap();
    for (names, expected) in [
        (json!(["All"]), vec!["ERROR_CODE", "order.id", "raw"]),
        (json!([".*"]), vec!["ERROR_CODE", "order.id", "raw"]),
        (json!(["order.*", "raw"]), vec!["order.id", "raw"]),
        (json!(["ord.*"]), vec![]),
    ] {
        let input = json!({"MessageAttributeNames": names, "VisibilityTimeout": 0});
        let message = call(&sqs, "ReceiveMessage", input).unwrap()["Messages"][0].clone();
        let answered: Vec<_> = message["MessageAttributes"].as_object().into_iter().flatten().map(|(k, _)| k).collect();
        assert_eq!(answered, expected, "{names}");
        if expected.len() == 3 {
            assert_eq!(message["MessageAttributes"], attributes);
            assert_eq!(message["MD5OfMessageAttributes"], sent["MD5OfMessageAttributes"]);
        }
    }
}

#[test]
fn the_sum_of_attributes_is_that_of_the_sdks() {
    // Made with the algorithm of the developer guide by hand: 4-byte lengths, a marker before each value.
    let attributes = Attributes::of_texts(&[("a", "b".to_owned())]);
    let bytes = b"\0\0\0\x01a\0\0\0\x06String\x01\0\0\0\x01b";
    assert_eq!(attributes.md5(), Some(format!("{:x}", md5::compute(bytes))));
}

#[test]
fn a_batch_deletes_what_it_can() {
    let sqs = open(None);
    send(&sqs, "a");
    let handle = call(&sqs, "ReceiveMessage", json!({})).unwrap()["Messages"][0]["ReceiptHandle"].clone();
    let entry = |id: &str, handle: Value| json!({"Id": id, "ReceiptHandle": handle});
    let delete = |entries: Value| call(&sqs, "DeleteMessageBatch", json!({"Entries": entries}));
    let answer = delete(json!([entry("x", handle.clone()), entry("y", json!("?"))])).unwrap();
    assert_eq!(answer["Successful"], json!([{"Id": "x"}]));
    assert_eq!(
        (&answer["Failed"][0]["Id"], &answer["Failed"][0]["Code"]),
        (&json!("y"), &json!("ReceiptHandleIsInvalid"))
    );
    assert_eq!(code(delete(json!([]))), "EmptyBatchRequest");
    assert_eq!(
        code(delete(json!([entry("x", handle.clone()), entry("x", handle.clone())]))),
        "BatchEntryIdsNotDistinct"
    );
    let many: Value = (0..11).map(|id| entry(&id.to_string(), handle.clone())).collect();
    assert_eq!(code(delete(many)), "TooManyEntriesInBatchRequest");
}

#[test]
fn the_attributes_of_a_queue_count_its_messages() {
    let sqs = open(None);
    send(&sqs, "a");
    send(&sqs, "b");
    call(&sqs, "SendMessage", json!({"MessageBody": "c", "DelaySeconds": 10})).unwrap();
    call(&sqs, "ReceiveMessage", json!({})).unwrap();
    let get = |names: Value| call(&sqs, "GetQueueAttributes", json!({"AttributeNames": names}));
    let all = get(json!(["All"])).unwrap()["Attributes"].clone();
    for (name, expected) in [
        ("ApproximateNumberOfMessages", "1"),
        ("ApproximateNumberOfMessagesNotVisible", "1"),
        ("ApproximateNumberOfMessagesDelayed", "1"),
        ("QueueArn", "arn:aws:sqs:us-east-1:000000000000:dead"),
        ("VisibilityTimeout", "30"),
    ] {
        assert_eq!(all[name], expected, "{name}");
        assert_eq!(get(json!([name])).unwrap(), json!({"Attributes": {name: expected}}));
    }
    assert_eq!(get(json!([])).unwrap(), json!({}));
    assert_eq!(code(get(json!(["Size"]))), "InvalidAttributeName");
    call(&sqs, "PurgeQueue", json!({})).unwrap();
    assert_eq!(
        get(json!(["ApproximateNumberOfMessagesDelayed"])).unwrap()["Attributes"]["ApproximateNumberOfMessagesDelayed"],
        "0"
    );
}

#[test]
fn a_message_is_kept_for_as_long_as_the_queue_keeps_its_messages() {
    let sqs = open(None);
    send(&sqs, "a");
    assert_eq!(bodies_at(&sqs, 345_599), ["a"]);
    assert_eq!(bodies_at(&sqs, 345_640), [""; 0]);
}

#[test]
fn what_cannot_be_a_message_is_refused() {
    let sqs = open(None);
    for (input, expected) in [
        (json!({"MessageBody": ""}), "InvalidParameterValueException"),
        (json!({}), "InvalidParameterValueException"),
        (json!({"MessageBody": "x".repeat(1_025)}), "InvalidParameterValueException"),
        (json!({"MessageBody": "\u{0}"}), "InvalidMessageContents"),
        (json!({"MessageBody": "a", "DelaySeconds": 901}), "InvalidParameterValueException"),
        (
            json!({"MessageBody": "a", "MessageAttributes": {"a": {"DataType": "String"}}}),
            "InvalidParameterValueException",
        ),
    ] {
        assert_eq!(code(call(&sqs, "SendMessage", input.clone())), expected, "{input}");
    }
    assert_eq!(
        code(call(&sqs, "ReceiveMessage", json!({"MaxNumberOfMessages": 11}))),
        "InvalidParameterValueException"
    );
    assert_eq!(code(call(&sqs, "SendMessages", json!({}))), "UnknownOperationException");
}

#[test]
fn services_send_to_a_queue_that_is_there() {
    let sqs = open(None);
    let text = [("ERROR_CODE", "THROTTLING".to_owned())];
    assert_eq!(sqs.send("arn:aws:sqs:us-east-1:000000000000:dead", "a", &text).unwrap(), "dead");
    for arn in ["arn:aws:sqs:us-east-1:000000000000:none", "arn:aws:sqs:eu-west-1:000000000000:dead"] {
        assert_eq!(sqs.send(arn, "a", &[]), Err(SendError(format!("there is no queue {arn}"))));
    }
    let long = sqs.send("arn:aws:sqs:us-east-1:000000000000:dead", &"x".repeat(2_000), &[]).unwrap_err();
    assert!(long.0.contains("does not take the message: "), "{}", long.0);
}

#[test]
fn messages_survive_a_restart_and_not_a_reset() {
    let directory = TemporaryDirectory::new();
    send(&open(Some(directory.file())), "a");
    let again = open(Some(directory.file()));
    assert_eq!(bodies_at(&again, 0), ["a"]);
    again.reset();
    assert_eq!(bodies_at(&open(Some(directory.file())), 1_000), [""; 0]);
}

#[test]
fn a_call_needs_the_permission_for_its_queue() {
    let sqs = open(None);
    let arn = "arn:aws:sqs:us-east-1:000000000000:dead";
    for (operation, input, expected) in [
        ("SendMessage", json!({"QueueUrl": URL}), ("sqs:SendMessage", arn)),
        ("DeleteMessageBatch", json!({"QueueUrl": URL}), ("sqs:DeleteMessage", arn)),
        ("GetQueueUrl", json!({"QueueName": "dead"}), ("sqs:GetQueueUrl", arn)),
        ("ListQueues", json!({}), ("sqs:ListQueues", "*")),
    ] {
        let needed = sqs.requirements(operation, &input);
        assert_eq!((needed[0].action.as_str(), needed[0].resource.as_str()), expected);
    }
}
