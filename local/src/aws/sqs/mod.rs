//! Amazon SQS: the standard queues of the template.
//!
//! After the service model `sqs` 2012-11-05 (JSON protocol) and the API reference. Queues are made by the template
//! alone. FIFO queues, redrive and encryption keys are not here; `PurgeQueue` may be repeated at once, where AWS asks
//! for a minute in between. A queue gives its messages in the order of their sending, which AWS does not promise.

mod attribute;
mod batch;
mod error;
mod message;
mod operation;
mod permission;
mod poll;
mod queue;
mod receive;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::Value;
use time::OffsetDateTime;
use tokio::sync::watch;

pub(crate) use self::poll::serve;
use self::{
    attribute::Attributes,
    operation::{Context, OPERATIONS, Run},
    queue::Queue,
};
use crate::aws::service::operation::Operation;
use crate::aws::service::shape::Input;
use crate::aws::service::{ACCOUNT, Requirement, Service, ServiceError};
use crate::plumbing::clock;
use crate::plumbing::state_file::Stored;
use crate::template;

/// The service in one region.
pub(crate) struct Sqs {
    region: String,
    /// What the template says of each queue, by name.
    settings: BTreeMap<String, template::Queue>,
    queues: Stored<BTreeMap<String, Queue>>,
    /// Changes with every message that may have become visible.
    arrivals: watch::Sender<()>,
}

/// A message that one service of AWS leaves with another cannot be delivered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotSent(pub(crate) String);

impl Sqs {
    /// The queues of the template with the messages that `state_file` remembers; without a file, they are empty.
    /// Messages of queues that are in the template no more are forgotten.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub(crate) fn open(region: &str, queues: &[template::Queue], state_file: Option<PathBuf>) -> anyhow::Result<Self> {
        let settings = queues.iter().map(|queue| (queue.name.clone(), queue.clone())).collect();
        let stored = Stored::open(state_file)?;
        let sqs = Self { region: region.to_owned(), settings, queues: stored, arrivals: watch::Sender::default() };
        sqs.queues.change_anyway(|queues| {
            queues.retain(|name, _| sqs.settings.contains_key(name));
            sqs.create_missing(queues);
        });
        Ok(sqs)
    }

    /// The name of every operation that the local cloud has.
    pub(crate) fn operations() -> impl Iterator<Item = &'static str> {
        Operation::names(&OPERATIONS)
    }

    /// Sends as a service of AWS does: `attributes` are strings. Answers the name of the queue.
    ///
    /// # Errors
    /// A queue that is not there, or that does not take the message.
    pub(crate) fn send(&self, arn: &str, body: &str, attributes: &[(&str, String)]) -> Result<String, NotSent> {
        let name = arn.rsplit(':').next().unwrap_or_default();
        let Some(settings) = self.settings.get(name).filter(|_| *arn == self.arn(name)) else {
            return Err(NotSent(format!("there is no queue {arn}")));
        };
        let context = self.context(settings, clock::now());
        let attributes = Attributes::of_texts(attributes);
        self.queues
            .change(|queues| queues.entry(name.to_owned()).or_default().send(body, attributes, None, &context))
            .map_err(|error: ServiceError| NotSent(format!("{arn} does not take the message: {}", error.message)))?;
        self.arrivals.send_replace(());
        Ok(name.to_owned())
    }

    fn context<'a>(&'a self, settings: &'a template::Queue, now: OffsetDateTime) -> Context<'a> {
        Context { settings, arn: self.arn(&settings.name), now_ms: clock::epoch_millis(now) }
    }

    fn create_missing(&self, queues: &mut BTreeMap<String, Queue>) {
        let now_ms = clock::epoch_millis(clock::now());
        for name in self.settings.keys() {
            queues.entry(name.clone()).or_insert_with(|| Queue::new(now_ms));
        }
    }

    /// What a queue URL leads to. Its host does not matter: AWS's own, which `!Ref` gives, and this endpoint's do both.
    fn queue(&self, url: &str) -> Result<&template::Queue, ServiceError> {
        self.settings.get(name_in(url)).ok_or_else(error::no_such_queue)
    }

    fn arn(&self, name: &str) -> String {
        format!("arn:aws:sqs:{}:{ACCOUNT}:{name}", self.region)
    }

    fn url(&self, name: &str) -> String {
        format!("https://sqs.{}.amazonaws.com/{ACCOUNT}/{name}", self.region)
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

/// The queue's name at the end of its URL.
fn name_in(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or_default()
}
