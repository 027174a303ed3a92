//! Amazon SQS: the queues of the template.
//!
//! After the service model `sqs` 2012-11-05 (JSON protocol) and the API reference. Queues are made by the template
//! alone. Message move tasks, encryption keys, rates and `ReceiveRequestAttemptId` are not here; `PurgeQueue` may be repeated at once, where AWS asks
//! for a minute in between. A queue gives its messages in the order of their sending, which AWS promises of FIFO queues alone.

mod attribute;
mod batch;
mod context;
mod error;
mod event_source;
mod fifo;
mod message;
mod operation;
mod order;
mod permission;
mod poll;
mod queue;
mod receive;
mod redrive;
mod state;
#[cfg(test)]
mod tests;

use serde_json::Value;
use time::OffsetDateTime;

pub(crate) use self::event_source::Taken;
use self::operation::{OPERATIONS, Run};
pub(crate) use self::poll::serve;
use self::queue::Queue;
pub(crate) use self::state::{SendError, Sqs};
use crate::aws::service::operation::Operation;
use crate::aws::service::shape::Input;
use crate::aws::service::{Requirement, Service, ServiceError};

impl Sqs {
    /// The name of every operation that the local cloud has.
    pub(crate) fn operations() -> impl Iterator<Item = &'static str> {
        Operation::names(&OPERATIONS)
    }
}

impl Service for Sqs {
    fn requirements(&self, operation: &str, input: &Value) -> Vec<Requirement> {
        permission::requirements(self, operation, input)
    }

    /// A `ReceiveMessage` that finds nothing is answered at once; [`serve`] is what waits.
    fn call(&self, operation: &str, input: &Value, now: OffsetDateTime) -> Result<Value, ServiceError> {
        let operation = Operation::named(&OPERATIONS, operation).ok_or_else(|| error::unknown_operation(operation))?;
        let input = Input::check(operation.input, input).map_err(error::invalid_value)?;
        let queue = || self.queue(input.required_text("QueueUrl"));
        match operation.run {
            Run::Account(run) => run(self, input),
            Run::Read(run) => {
                let context = self.context(queue()?, now);
                let empty = Queue::default();
                self.queues.read(|queues| run(queues.get(&context.settings.name).unwrap_or(&empty), input, &context))
            }
            Run::Write(run) => {
                let context = self.context(queue()?, now);
                let answer = self.queues.change(|queues| {
                    if operation.name == "ReceiveMessage" {
                        self.redrive(queues, &context);
                    }
                    let queue = queues.entry(context.settings.name.clone()).or_default();
                    queue.expire(&context);
                    run(queue, input, &context)
                })?;
                self.arrivals.send_replace(());
                Ok(answer)
            }
        }
    }

    fn reset(&self) {
        self.queues.change_anyway(|queues| {
            queues.clear();
            self.create_missing(queues);
        });
    }
}
