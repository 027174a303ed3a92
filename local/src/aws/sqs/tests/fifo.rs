//! FIFO queues: groups, deduplication, numbers, and dead letters in order.

use super::*;

const ARN: &str = "arn:aws:sqs:us-east-1:000000000000:events.fifo";
const EVENTS: &str = "http://127.0.0.1:4566/000000000000/events.fifo";
const DEAD: &str = "http://127.0.0.1:4566/000000000000/dead.fifo";

/// A queue whose messages may be received twice, and then are dead.
fn open_with(fifo: template::Fifo, state_file: Option<PathBuf>) -> Sqs {
    let redrive = template::Redrive {
        queue: "arn:aws:sqs:us-east-1:000000000000:dead.fifo".to_owned(),
        most_receptions: 2,
        at: String::new(),
    };
    let fifo = Some(fifo);
    let events = template::Queue { redrive: Some(redrive), fifo, ..settings("events.fifo") };
    let dead = template::Queue { fifo, ..settings("dead.fifo") };
    Sqs::open("us-east-1", "http://127.0.0.1:4566", &[events, dead, settings("dead")], state_file).unwrap()
}

fn open() -> Sqs {
    open_with(template::Fifo { by_content: false, within_group: false, limited_by_group: false }, None)
}

fn try_send(sqs: &Sqs, seconds: i64, message: Value) -> Result<Value, ServiceError> {
    let mut input = json!({"QueueUrl": EVENTS, "MessageBody": "body"});
    input.as_object_mut().unwrap().extend(message.as_object().unwrap().clone());
    call_at(sqs, seconds, "SendMessage", input)
}

/// Sends messages that say their group and their own id, such as `a1`.
fn send_all(sqs: &Sqs, messages: &[&str]) {
    for message in messages {
        let id = json!({"MessageBody": message, "MessageGroupId": message[..1], "MessageDeduplicationId": message});
        try_send(sqs, 0, id).unwrap();
    }
}

fn receive_at(sqs: &Sqs, seconds: i64, queue: &str, most: u32) -> Vec<Value> {
    let input = json!({"QueueUrl": queue, "MaxNumberOfMessages": most, "AttributeNames": ["All"]});
    let answer = call_at(sqs, seconds, "ReceiveMessage", input).unwrap();
    answer["Messages"].as_array().cloned().unwrap_or_default()
}

fn bodies(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["Body"].as_str().unwrap()).collect()
}

fn delete_at(sqs: &Sqs, seconds: i64, message: &Value) -> Result<Value, ServiceError> {
    let input = json!({"QueueUrl": EVENTS, "ReceiptHandle": message["ReceiptHandle"]});
    call_at(sqs, seconds, "DeleteMessage", input)
}

fn give_back_at(sqs: &Sqs, seconds: i64, message: &Value) {
    let entry = json!({"Id": "x", "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0});
    let input = json!({"QueueUrl": EVENTS, "Entries": [entry]});
    let answer = call_at(sqs, seconds, "ChangeMessageVisibilityBatch", input).unwrap();
    assert_eq!(answer, json!({"Successful": [{"Id": "x"}], "Failed": []}));
}

#[test]
fn messages_of_a_group_come_in_order_and_none_while_one_of_them_is_in_flight() {
    let sqs = open();
    send_all(&sqs, &["a1", "b1", "a2", "a3", "b2"]);
    let first = receive_at(&sqs, 0, EVENTS, 1);
    assert_eq!(bodies(&first), ["a1"]);
    let others = receive_at(&sqs, 0, EVENTS, 10);
    assert_eq!(bodies(&others), ["b1", "b2"], "a waits for a1");
    delete_at(&sqs, 1, &first[0]).unwrap();
    let rest = receive_at(&sqs, 1, EVENTS, 10);
    assert_eq!(bodies(&rest), ["a2", "a3"]);
    // The first of them again, while the second is in flight: nothing of the group.
    give_back_at(&sqs, 2, &rest[0]);
    assert!(receive_at(&sqs, 2, EVENTS, 10).is_empty());
    give_back_at(&sqs, 2, &rest[1]);
    assert_eq!(receive_at(&sqs, 2, DEAD, 10).len(), 0);
    assert_eq!(bodies(&receive_at(&sqs, 2, EVENTS, 10)), ["a2", "a3"]);
}

#[test]
fn a_message_says_its_group_its_deduplication_id_and_a_number_that_rises() {
    let sqs = open();
    let numbers = ["a", "b"].map(|id| {
        let message = json!({"MessageGroupId": "g", "MessageDeduplicationId": id});
        try_send(&sqs, 0, message).unwrap()["SequenceNumber"].as_str().unwrap().to_owned()
    });
    assert!(numbers[0] < numbers[1] && numbers[0].len() == 20, "{numbers:?}");
    let taken = sqs.take(ARN, at(0), |_| true);
    let attributes = &taken[0].record["attributes"];
    let said = ["MessageGroupId", "MessageDeduplicationId", "SequenceNumber"].map(|name| attributes[name].clone());
    assert_eq!(said, [json!("g"), json!("a"), json!(numbers[0])]);
}

#[test]
fn a_message_that_was_sent_before_is_not_there_twice_for_five_minutes_though_it_is_deleted() {
    let sqs = open();
    let send = |seconds: i64, group: &str| {
        try_send(&sqs, seconds, json!({"MessageGroupId": group, "MessageDeduplicationId": "x"})).unwrap()
    };
    let first = send(0, "a");
    delete_at(&sqs, 1, &receive_at(&sqs, 1, EVENTS, 1)[0]).unwrap();
    let again = send(299, "b");
    assert_eq!((&again["MessageId"], &again["SequenceNumber"]), (&first["MessageId"], &first["SequenceNumber"]));
    assert!(receive_at(&sqs, 299, EVENTS, 1).is_empty());
    assert_ne!(send(300, "b")["MessageId"], first["MessageId"]);
    assert_eq!(receive_at(&sqs, 300, EVENTS, 10).len(), 1);
}

#[test]
fn a_queue_may_tell_messages_by_their_bodies_and_within_their_groups() {
    let sqs = open_with(template::Fifo { by_content: true, within_group: true, limited_by_group: true }, None);
    let send = |body: &str, group: &str| {
        try_send(&sqs, 0, json!({"MessageBody": body, "MessageGroupId": group})).unwrap()["MessageId"].clone()
    };
    let first = send("x", "a");
    assert_eq!(send("x", "a"), first);
    assert_ne!(send("y", "a"), first);
    assert_ne!(send("x", "b"), first);
    let received = receive_at(&sqs, 0, EVENTS, 1);
    let sum = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
    assert_eq!(received[0]["Attributes"]["MessageDeduplicationId"], sum);
    let input = json!({"QueueUrl": EVENTS, "AttributeNames": ["All"]});
    let attributes = call(&sqs, "GetQueueAttributes", input).unwrap()["Attributes"].clone();
    for (name, expected) in [
        ("FifoQueue", "true"),
        ("ContentBasedDeduplication", "true"),
        ("DeduplicationScope", "messageGroup"),
        ("FifoThroughputLimit", "perMessageGroupId"),
    ] {
        assert_eq!(attributes[name], expected, "{name}");
    }
}

#[test]
fn what_a_kind_of_queue_needs_or_does_not_take_is_refused() {
    let sqs = open();
    let long = "x".repeat(129);
    for (message, expected) in [
        (json!({"MessageDeduplicationId": "x"}), "MissingParameter"),
        (json!({"MessageGroupId": "g"}), "InvalidParameterValue"),
        (json!({"MessageGroupId": "", "MessageDeduplicationId": "x"}), "InvalidParameterValue"),
        (json!({"MessageGroupId": "a b", "MessageDeduplicationId": "x"}), "InvalidParameterValue"),
        (json!({"MessageGroupId": "g", "MessageDeduplicationId": long}), "InvalidParameterValue"),
        (json!({"MessageGroupId": "g", "MessageDeduplicationId": "x", "DelaySeconds": 1}), "InvalidParameterValue"),
        (json!({"QueueUrl": URL, "MessageDeduplicationId": "x"}), "InvalidParameterValue"),
    ] {
        let error = try_send(&sqs, 0, message.clone()).unwrap_err();
        assert_eq!(error::query_error(&error), format!("{expected};Sender"), "{message}");
    }
    assert!(receive_at(&sqs, 0, EVENTS, 10).is_empty());
    let fair = json!({"QueueUrl": URL, "MessageGroupId": "tenant"});
    assert!(try_send(&sqs, 0, fair).unwrap().get("SequenceNumber").is_none());
}

#[test]
fn a_batch_sends_what_it_can_and_keeps_its_order() {
    let sqs = open();
    let entry = |id: &str, group: Value| json!({"Id": id, "MessageBody": id, "MessageGroupId": group, "MessageDeduplicationId": id});
    let send = |entries: Value| call(&sqs, "SendMessageBatch", json!({"QueueUrl": EVENTS, "Entries": entries}));
    let answer = send(json!([entry("1", json!("g")), entry("2", json!(null)), entry("3", json!("g"))])).unwrap();
    let ids: Vec<_> = answer["Successful"].as_array().unwrap().iter().map(|sent| sent["Id"].clone()).collect();
    assert_eq!(ids, ["1", "3"]);
    assert_eq!((&answer["Failed"][0]["Id"], &answer["Failed"][0]["Code"]), (&json!("2"), &json!("MissingParameter")));
    assert_eq!(bodies(&receive_at(&sqs, 0, EVENTS, 10)), ["1", "3"]);
    assert_eq!(code(send(json!([entry("a.b", json!("g"))]))), "InvalidBatchEntryId");
    let large = |id: &str| json!({"Id": id, "MessageBody": "x".repeat(600_000)});
    assert_eq!(code(send(json!([large("1"), large("2")]))), "BatchRequestTooLong");
}

#[test]
fn a_handle_that_has_expired_deletes_nothing_and_says_so() {
    let sqs = open();
    send_all(&sqs, &["a1"]);
    let received = receive_at(&sqs, 0, EVENTS, 1);
    let error = delete_at(&sqs, 30, &received[0]).unwrap_err();
    assert!(error.message.ends_with("The receipt handle has expired."), "{}", error.message);
    let again = receive_at(&sqs, 30, EVENTS, 1);
    assert!(delete_at(&sqs, 31, &received[0]).is_err());
    for _ in 0..2 {
        delete_at(&sqs, 31, &again[0]).unwrap();
    }
}

#[test]
fn dead_letters_keep_their_order_and_let_those_behind_them_pass() {
    let sqs = open();
    send_all(&sqs, &["a1", "a2", "b1"]);
    for seconds in [0, 30] {
        assert_eq!(bodies(&receive_at(&sqs, seconds, EVENTS, 2)), ["a1", "a2"]);
    }
    send_all(&sqs, &["a3"]);
    assert_eq!(bodies(&receive_at(&sqs, 60, EVENTS, 10)), ["b1", "a3"]);
    let dead = receive_at(&sqs, 60, DEAD, 10);
    assert_eq!(bodies(&dead), ["a1", "a2"]);
    let attributes = &dead[0]["Attributes"];
    assert_eq!((&attributes["MessageGroupId"], &attributes["DeadLetterQueueSourceArn"]), (&json!("a"), &json!(ARN)));
    let moved = (at(60).unix_timestamp() * 1_000).to_string();
    assert_eq!(attributes["SentTimestamp"], moved, "its time to be kept begins anew");
}

#[test]
fn a_message_that_failed_waits_behind_those_before_it_before_it_is_a_dead_letter() {
    let sqs = open();
    send_all(&sqs, &["a1"]);
    let first = receive_at(&sqs, 0, EVENTS, 1);
    send_all(&sqs, &["a2"]);
    give_back_at(&sqs, 0, &first[0]);
    // a1 has been received twice now, a2 once.
    receive_at(&sqs, 0, EVENTS, 2);
    assert_eq!(bodies(&receive_at(&sqs, 30, EVENTS, 10)), ["a2"]);
    assert_eq!(bodies(&receive_at(&sqs, 30, DEAD, 10)), ["a1"]);
}

#[test]
fn lambda_takes_several_groups_and_none_that_has_a_message_under_way() {
    let sqs = open();
    send_all(&sqs, &["a1", "a2", "b1"]);
    let bodies = |taken: &[Taken]| -> Vec<_> { taken.iter().map(|taken| taken.record["body"].clone()).collect() };
    let first = sqs.take(ARN, at(0), |next| next.record["body"] != "b1");
    assert_eq!(bodies(&first), ["a1", "a2"]);
    send_all(&sqs, &["a3", "b2"]);
    assert_eq!(bodies(&sqs.take(ARN, at(0), |_| true)), ["b1", "b2"]);
    // The first succeeds, the second fails: the third waits till the second comes again.
    sqs.remove(ARN, at(1), [first[0].receipt_handle.as_str()].into_iter());
    assert!(sqs.take(ARN, at(29), |_| true).is_empty());
    assert_eq!(bodies(&sqs.take(ARN, at(30), |_| true)), ["a2", "b1", "a3", "b2"]);
}

#[test]
fn order_numbers_and_what_was_taken_survive_a_restart() {
    let directory = TemporaryDirectory::new();
    let fifo = template::Fifo { by_content: false, within_group: false, limited_by_group: false };
    let open = || open_with(fifo, Some(directory.file()));
    let send = |sqs: &Sqs, id: &str| {
        try_send(sqs, 0, json!({"MessageBody": id, "MessageGroupId": "g", "MessageDeduplicationId": id})).unwrap()
    };
    let first = send(&open(), "1");
    let again = open();
    assert_eq!(send(&again, "1")["MessageId"], first["MessageId"]);
    assert!(send(&again, "2")["SequenceNumber"].as_str() > first["SequenceNumber"].as_str());
    assert_eq!(bodies(&receive_at(&open(), 0, EVENTS, 10)), ["1", "2"]);
}
