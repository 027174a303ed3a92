//! What is received too often, and what Lambda does with a queue.

use super::*;

const ARN: &str = "arn:aws:sqs:us-east-1:000000000000:source";
const SOURCE: &str = "http://127.0.0.1:4566/000000000000/source";
const DEAD: &str = "arn:aws:sqs:us-east-1:000000000000:dead";

/// A queue whose messages may be received twice, and then are dead.
fn open(state_file: Option<PathBuf>) -> Sqs {
    let redrive = template::Redrive { queue: DEAD.to_owned(), most_receptions: 2, at: String::new() };
    let source = template::Queue { redrive: Some(redrive), ..settings("source") };
    let dead = template::Queue { retention: Duration::from_secs(1_209_600), ..settings("dead") };
    Sqs::open("us-east-1", "http://127.0.0.1:4566", &[source, dead], state_file).unwrap()
}

fn send_at(sqs: &Sqs, seconds: i64, body: &str) -> Value {
    call_at(sqs, seconds, "SendMessage", json!({"QueueUrl": SOURCE, "MessageBody": body})).unwrap()["MessageId"].clone()
}

fn receive_at(sqs: &Sqs, seconds: i64, queue: &str) -> Vec<Value> {
    let input = json!({"QueueUrl": queue, "MaxNumberOfMessages": 10, "AttributeNames": ["All"]});
    let answer = call_at(sqs, seconds, "ReceiveMessage", input).unwrap();
    answer["Messages"].as_array().cloned().unwrap_or_default()
}

fn take_at(sqs: &Sqs, seconds: i64) -> Vec<Taken> {
    sqs.take(ARN, at(seconds), |_| true)
}

fn handles(taken: &[Taken]) -> impl Iterator<Item = &str> {
    taken.iter().map(|message| message.receipt_handle.as_str())
}

#[test]
fn the_reception_after_the_last_one_moves_a_message_to_the_dead_letter_queue() {
    let sqs = open(None);
    let id = send_at(&sqs, 0, "a");
    let counts: Vec<_> = [0, 30, 60].map(|seconds| receive_at(&sqs, seconds, SOURCE).len()).into();
    assert_eq!(counts, [1, 1, 0]);
    let [letter] = receive_at(&sqs, 60, "dead").try_into().unwrap();
    let attributes = &letter["Attributes"];
    assert_eq!((&letter["MessageId"], &attributes["ApproximateReceiveCount"]), (&id, &json!("3")));
    assert_eq!(attributes["DeadLetterQueueSourceArn"], ARN);
    assert_eq!(attributes["SentTimestamp"], (at(0).unix_timestamp() * 1_000).to_string(), "by which it is kept");
}

#[test]
fn a_message_that_is_hidden_or_deleted_in_time_is_not_moved() {
    let sqs = open(None);
    for body in ["deleted", "hidden"] {
        send_at(&sqs, 0, body);
    }
    receive_at(&sqs, 0, SOURCE);
    let second = receive_at(&sqs, 30, SOURCE);
    let delete = json!({"QueueUrl": SOURCE, "ReceiptHandle": second[0]["ReceiptHandle"]});
    call_at(&sqs, 40, "DeleteMessage", delete).unwrap();
    assert!(receive_at(&sqs, 59, SOURCE).is_empty() && receive_at(&sqs, 59, "dead").is_empty());
    assert!(receive_at(&sqs, 60, SOURCE).is_empty());
    assert_eq!(receive_at(&sqs, 60, "dead").len(), 1);
}

#[test]
fn a_queue_tells_its_redrive_policy() {
    let sqs = open(None);
    let get = |queue: &str| {
        let input = json!({"QueueUrl": queue, "AttributeNames": ["RedrivePolicy"]});
        call(&sqs, "GetQueueAttributes", input).unwrap()["Attributes"]["RedrivePolicy"].clone()
    };
    let policy: Value = serde_json::from_str(get(SOURCE).as_str().unwrap()).unwrap();
    assert_eq!(policy, json!({"deadLetterTargetArn": DEAD, "maxReceiveCount": 2}));
    assert_eq!(get("dead"), Value::Null);
}

#[test]
fn lambda_takes_as_many_messages_as_fit_in_their_order() {
    let sqs = open(None);
    for body in ["a", "b", "c"] {
        send_at(&sqs, 0, body);
    }
    let mut asked = Vec::new();
    let taken = sqs.take(ARN, at(0), |next| {
        asked.push(next.record["body"].clone());
        asked.len() < 3
    });
    assert_eq!((taken.len(), asked), (2, vec![json!("a"), json!("b"), json!("c")]));
    let rest = receive_at(&sqs, 0, SOURCE);
    assert_eq!((&rest[0]["Body"], &rest[0]["Attributes"]["ApproximateReceiveCount"]), (&json!("c"), &json!("1")));
    assert!(take_at(&sqs, 29).is_empty());
    assert_eq!(take_at(&sqs, 30).len(), 3, "after the visibility timeout");
}

#[test]
fn what_lambda_removes_is_gone_and_what_it_gives_back_is_there_at_once() {
    let sqs = open(None);
    for body in ["a", "b"] {
        send_at(&sqs, 0, body);
    }
    let first = take_at(&sqs, 0);
    sqs.remove(ARN, at(1), handles(&first[..1]));
    sqs.give_back(ARN, at(1), handles(&first));
    let [again] = take_at(&sqs, 1).try_into().unwrap();
    let again: Taken = again;
    assert_eq!((&again.record["body"], again.id == first[1].id), (&json!("b"), true));
    // These handles are of a reception that is over.
    sqs.remove(ARN, at(2), handles(&first));
    sqs.give_back(ARN, at(2), handles(&first));
    assert!(take_at(&sqs, 2).is_empty(), "it is still taken");
    sqs.give_back(ARN, at(2), handles(&[again]));
    assert!(take_at(&sqs, 2).is_empty());
    assert_eq!(receive_at(&sqs, 2, "dead").len(), 1, "given back or not, it was received");
}

#[test]
fn a_state_file_of_before_dead_letter_queues_is_read() {
    let directory = TemporaryDirectory::new();
    send_at(&open(Some(directory.file())), 0, "a");
    let text = std::fs::read_to_string(directory.file()).unwrap();
    let old = text.replace(r#","source":null"#, "");
    assert_ne!(old, text);
    std::fs::write(directory.file(), old).unwrap();
    assert_eq!(take_at(&open(Some(directory.file())), 0).len(), 1);
}
