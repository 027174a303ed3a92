//! The loop of a function that takes the messages of a queue: a batch in, those that have to come again out (AWS Lambda
//! developer guide, "Handling errors for an SQS event source": `ReportBatchItemFailures`).

use aws_client::Calls;
use lambda_runtime::{LambdaEvent, service_fn};
use model::{Error, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::config;
use crate::event::{Function, Report};

/// A message that says what it should.
#[derive(Debug)]
pub struct Message<M> {
    /// What the queue calls it.
    pub id: String,
    /// What it says.
    pub body: M,
    /// How it came.
    pub envelope: Envelope,
}

/// What the queue says of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Envelope {
    /// This reception's handle, by which the message can be put off.
    pub receipt: String,
    /// In a FIFO queue, the group that it keeps its order in.
    pub group: Option<String>,
    /// When it was sent; absent if the queue does not say.
    pub sent_at: Option<Timestamp>,
}

/// What came of a batch.
#[derive(Debug)]
pub struct Handled {
    /// For the log. What failed in it is told there; the batch does not fail by it.
    pub report: Report,
    /// The messages that have to come again, by their ids; the others are done.
    pub again: Vec<String>,
}

/// Serves batches until Lambda ends the process. What a handler fails with, or a panic, is the whole batch's, and all
/// of it comes again. A message that does not say what it should never will: it is logged and dropped.
///
/// # Errors
/// When `STACK_NAME` is not set, or the Runtime API is out of reach.
pub async fn serve<M, H, F>(function: &'static str, calls: Calls, handler: H) -> Result<(), lambda_runtime::Error>
where
    M: DeserializeOwned,
    H: Fn(Vec<Message<M>>) -> F,
    F: Future<Output = Result<Handled, Error>>,
{
    let stack = config::stack_name()?;
    let (function, handler) = (&Function { name: function, stack, calls }, &handler);
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Batch>| {
        let handled = async {
            let records = event.payload.records;
            let received = records.len();
            let messages: Vec<Message<M>> = records.into_iter().filter_map(read).collect();
            let malformed = received - messages.len();
            let Handled { report, again } = Box::pin(handler(messages)).await?;
            Ok((report.log("messages", received).log("malformed", malformed), again))
        };
        match function.invoke(&event.context, handled).await {
            (Some(again), _) => Ok(Answer::of(again)),
            (None, Some(failure)) => Err(failure),
            (None, None) => Ok(Answer::of(Vec::new())),
        }
    }))
    .await
}

/// A batch, as Lambda hands it over.
#[derive(Debug, Deserialize)]
struct Batch {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    message_id: String,
    #[serde(default)]
    receipt_handle: String,
    body: String,
    #[serde(default)]
    attributes: Attributes,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Attributes {
    message_group_id: Option<String>,
    /// Milliseconds since the epoch.
    sent_timestamp: Option<String>,
}

impl Attributes {
    fn sent_at(&self) -> Option<Timestamp> {
        let millis: i64 = self.sent_timestamp.as_deref()?.parse().ok()?;
        let nanos = u32::try_from(millis.rem_euclid(1000)).ok()? * 1_000_000;
        Timestamp::from_epoch(millis.div_euclid(1000), nanos)
    }
}

/// What a record says, if it is what it should be. A body may be anything, so it is not quoted.
fn read<M: DeserializeOwned>(
    Record { message_id: id, receipt_handle, body, attributes }: Record,
) -> Option<Message<M>> {
    let sent_at = attributes.sent_at();
    let envelope = Envelope { receipt: receipt_handle, group: attributes.message_group_id, sent_at };
    match serde_json::from_str(&body) {
        Ok(body) => Some(Message { id, body, envelope }),
        Err(error) => {
            let cause = place(&error);
            tracing::error!(messageId = id, cause, "a message was dropped: it does not say what it should");
            None
        }
    }
}

/// Where a text is not what it should be, and in which way. What an error says of itself quotes the text.
fn place(error: &serde_json::Error) -> String {
    format!("{:?} error at line {}, column {}", error.classify(), error.line(), error.column())
}

/// An empty list means that all are done; no list at all would mean that as well.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    batch_item_failures: Vec<Failed>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Failed {
    item_identifier: String,
}

impl Answer {
    fn of(again: Vec<String>) -> Self {
        Self { batch_item_failures: again.into_iter().map(|item_identifier| Failed { item_identifier }).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_names_the_messages_that_come_again() {
        let answer = serde_json::to_string(&Answer::of(vec!["m-1".to_owned()])).unwrap();
        assert_eq!(answer, r#"{"batchItemFailures":[{"itemIdentifier":"m-1"}]}"#);
        assert_eq!(serde_json::to_string(&Answer::of(Vec::new())).unwrap(), r#"{"batchItemFailures":[]}"#);
    }

    #[test]
    fn of_a_message_that_says_something_else_the_place_is_logged_and_nothing_of_it() {
        let place = |text| place(&serde_json::from_str::<u8>(text).unwrap_err());
        assert_eq!(place("\n  \"a secret\""), "Data error at line 2, column 12");
        assert_eq!(place("secret"), "Syntax error at line 1, column 1");
    }

    #[test]
    fn a_message_that_says_something_else_is_dropped_and_the_others_stay() {
        let batch = r#"{"Records": [
            {"messageId": "m-1", "receiptHandle": "r", "body": "[1, 2]", "attributes": {}, "eventSource": "aws:sqs"},
            {"messageId": "m-2", "body": "not JSON"},
            {"messageId": "m-3", "body": "{\"a\": 1}"}
        ]}"#;
        let batch: Batch = serde_json::from_str(batch).unwrap();
        let read: Vec<(String, Vec<u8>)> =
            batch.records.into_iter().filter_map(read).map(|Message { id, body, .. }| (id, body)).collect();
        assert_eq!(read, [("m-1".to_owned(), vec![1, 2])]);
    }

    #[test]
    fn a_message_of_a_fifo_queue_says_its_group_and_when_it_was_sent() {
        let record = r#"{"messageId": "m-1", "receiptHandle": "r-1", "body": "1", "attributes":
            {"MessageGroupId": "g", "SentTimestamp": "1772366400007", "ApproximateReceiveCount": "1"}}"#;
        let message: Message<u8> = read(serde_json::from_str(record).unwrap()).unwrap();
        let sent_at = Some("2026-03-01T12:00:00.007Z".parse().unwrap());
        let expected = Envelope { receipt: "r-1".to_owned(), group: Some("g".to_owned()), sent_at };
        assert_eq!(message.envelope, expected);
    }
}
