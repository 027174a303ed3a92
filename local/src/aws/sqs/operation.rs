//! The operations: the constraints on their input, after the service model and the API reference, and what they do.

use serde_json::{Value, json};

use super::context::Context;
use super::state::Sqs;
use super::{batch, error, queue, queue::Queue, receive};
use crate::aws::service::ServiceError;
use crate::aws::service::operation::Operation;
use crate::aws::service::shape::{Input, Member, Shape, optional, required, text};
use crate::plumbing::paging::page;

/// What an operation does, and to what. A write that fails has changed nothing.
pub(super) enum Run {
    Account(fn(&Sqs, Input<'_>) -> Result<Value, ServiceError>),
    Read(fn(&Queue, Input<'_>, &Context<'_>) -> Result<Value, ServiceError>),
    Write(fn(&mut Queue, Input<'_>, &Context<'_>) -> Result<Value, ServiceError>),
}

/// All operations that the local cloud has.
pub(super) static OPERATIONS: [Operation<Run>; 11] = [
    Operation {
        name: "GetQueueUrl",
        input: &[required("QueueName", text(1, 80))],
        run: Run::Account(|sqs, input| {
            let name = input.required_text("QueueName");
            sqs.settings.get(name).map(|_| json!({"QueueUrl": sqs.url(name)})).ok_or_else(error::no_such_queue)
        }),
    },
    Operation {
        name: "ListQueues",
        input: &[
            optional("QueueNamePrefix", text(0, 80)),
            optional("MaxResults", Shape::Integer { min: 1, max: 1_000 }),
            optional("NextToken", text(0, 4_096)),
        ],
        run: Run::Account(list),
    },
    Operation {
        name: "SendMessage",
        input: &[
            QUEUE_URL,
            required("MessageBody", text(1, usize::MAX)),
            optional("DelaySeconds", DELAY),
            optional("MessageGroupId", ANY_TEXT),
            optional("MessageDeduplicationId", ANY_TEXT),
        ],
        run: Run::Write(queue::send),
    },
    Operation {
        name: "SendMessageBatch",
        input: &[
            QUEUE_URL,
            required(
                "Entries",
                entries(&Shape::Structure(&[
                    ENTRY_ID,
                    required("MessageBody", text(1, usize::MAX)),
                    optional("DelaySeconds", DELAY),
                    optional("MessageGroupId", ANY_TEXT),
                    optional("MessageDeduplicationId", ANY_TEXT),
                ])),
            ),
        ],
        run: Run::Write(batch::send),
    },
    Operation {
        name: "ReceiveMessage",
        input: &[
            QUEUE_URL,
            optional("AttributeNames", NAMES),
            optional("MessageSystemAttributeNames", NAMES),
            optional("MessageAttributeNames", NAMES),
            optional("MaxNumberOfMessages", Shape::Integer { min: 1, max: 10 }),
            optional("VisibilityTimeout", VISIBILITY_TIMEOUT),
            optional("ReceiveRequestAttemptId", ANY_TEXT),
            optional("WaitTimeSeconds", Shape::Integer { min: 0, max: 20 }),
        ],
        run: Run::Write(receive::receive),
    },
    Operation { name: "DeleteMessage", input: &[QUEUE_URL, RECEIPT_HANDLE], run: Run::Write(queue::delete) },
    Operation {
        name: "DeleteMessageBatch",
        input: &[QUEUE_URL, required("Entries", entries(&Shape::Structure(&[ENTRY_ID, RECEIPT_HANDLE])))],
        run: Run::Write(batch::delete),
    },
    Operation {
        name: "ChangeMessageVisibility",
        input: &[QUEUE_URL, RECEIPT_HANDLE, required("VisibilityTimeout", VISIBILITY_TIMEOUT)],
        run: Run::Write(queue::change_visibility),
    },
    Operation {
        name: "ChangeMessageVisibilityBatch",
        input: &[
            QUEUE_URL,
            required(
                "Entries",
                entries(&Shape::Structure(&[
                    ENTRY_ID,
                    RECEIPT_HANDLE,
                    optional("VisibilityTimeout", VISIBILITY_TIMEOUT),
                ])),
            ),
        ],
        run: Run::Write(batch::change_visibility),
    },
    Operation {
        name: "GetQueueAttributes",
        input: &[QUEUE_URL, optional("AttributeNames", NAMES)],
        run: Run::Read(queue::attributes),
    },
    Operation { name: "PurgeQueue", input: &[QUEUE_URL], run: Run::Write(queue::purge) },
];

const QUEUE_URL: Member = required("QueueUrl", text(1, 1_024));
const RECEIPT_HANDLE: Member = required("ReceiptHandle", text(1, 1_024));
/// Its form is checked where it is read, as each entry of a batch may fail alone.
const ENTRY_ID: Member = required("Id", text(0, usize::MAX));
const ANY_TEXT: Shape = text(0, usize::MAX);
/// Seconds.
const DELAY: Shape = Shape::Integer { min: 0, max: 900 };
const NAMES: Shape = Shape::List { of: &text(1, 256), min: 0, max: usize::MAX };
/// Seconds.
const VISIBILITY_TIMEOUT: Shape = Shape::Integer { min: 0, max: 43_200 };

/// A batch; how many entries it may have is checked with an error of its own.
const fn entries(of: &'static Shape) -> Shape {
    Shape::List { of, min: 0, max: usize::MAX }
}

/// One page, in the order of the names. There is a token only where `MaxResults` was given, as the API reference says.
fn list(sqs: &Sqs, input: Input<'_>) -> Result<Value, ServiceError> {
    let prefix = input.text("QueueNamePrefix").unwrap_or_default();
    let names = sqs.settings.keys().map(String::as_str).filter(|name| name.starts_with(prefix));
    let size = input.integer("MaxResults").map_or(1_000, |size| size as usize);
    let page = page("queues", names.map(|name| (name, sqs.url(name))), size, input.text("NextToken"))
        .map_err(|_| error::invalid_value("The NextToken value is invalid."))?;
    let mut answer = json!({});
    if !page.items.is_empty() {
        answer["QueueUrls"] = page.items.into();
    }
    if let Some(next) = page.next.filter(|_| input.integer("MaxResults").is_some()) {
        answer["NextToken"] = next.into();
    }
    Ok(answer)
}
