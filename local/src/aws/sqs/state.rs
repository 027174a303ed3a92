//! What the service knows: its queues and their messages.

use std::{collections::BTreeMap, path::PathBuf};

use time::OffsetDateTime;
use tokio::sync::watch;

use super::{attribute::Attributes, context::Context, error, fifo::Sent, queue::Queue};
use crate::aws::service::{ACCOUNT, ServiceError};
use crate::plumbing::clock;
use crate::plumbing::state_file::Stored;
use crate::template;

/// The service in one region.
pub(crate) struct Sqs {
    pub(super) region: String,
    /// The endpoint that queue URLs lead to, without a slash at its end.
    pub(super) endpoint: String,
    /// What the template says of each queue, by name.
    pub(super) settings: BTreeMap<String, template::Queue>,
    pub(super) queues: Stored<BTreeMap<String, Queue>>,
    /// Changes with every message that may have become visible.
    pub(super) arrivals: watch::Sender<()>,
}

/// A message that one service of AWS leaves with another cannot be delivered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SendError(pub(crate) String);

impl Sqs {
    /// The queues of the template with the messages that `state_file` remembers; without a file, they are empty.
    /// Messages of queues that are in the template no more are forgotten.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub(crate) fn open(
        region: &str,
        endpoint: &str,
        queues: &[template::Queue],
        state_file: Option<PathBuf>,
    ) -> anyhow::Result<Self> {
        let settings = queues.iter().map(|queue| (queue.name.clone(), queue.clone())).collect();
        let stored = Stored::open(state_file)?;
        let (region, endpoint) = (region.to_owned(), endpoint.to_owned());
        let sqs = Self { region, endpoint, settings, queues: stored, arrivals: watch::Sender::default() };
        sqs.queues.change_anyway(|queues| {
            queues.retain(|name, _| sqs.settings.contains_key(name));
            sqs.create_missing(queues);
        });
        Ok(sqs)
    }

    /// Sends as a service of AWS does: `attributes` are strings. Answers the name of the queue.
    ///
    /// # Errors
    /// A queue that is not there, or that does not take the message.
    pub(crate) fn send(&self, arn: &str, body: &str, attributes: &[(&str, String)]) -> Result<String, SendError> {
        let Some(context) = self.context_of(arn, clock::now()) else {
            return Err(SendError(format!("there is no queue {arn}")));
        };
        let name = context.settings.name.as_str();
        let attributes = Attributes::of_texts(attributes);
        self.queues
            .change(|queues| {
                queues.entry(name.to_owned()).or_default().send(body, attributes, Sent::default(), &context)
            })
            .map_err(|error: ServiceError| SendError(format!("{arn} does not take the message: {}", error.message)))?;
        self.arrivals.send_replace(());
        Ok(name.to_owned())
    }

    /// As [`Sqs::context`], of the queue with this ARN.
    pub(super) fn context_of(&self, arn: &str, now: OffsetDateTime) -> Option<Context<'_>> {
        let name = arn.rsplit(':').next().unwrap_or_default();
        self.settings.get(name).filter(|_| *arn == self.arn(name)).map(|settings| self.context(settings, now))
    }

    /// Whether nothing in the queue can be received now, nor moved to a dead-letter queue.
    pub(super) fn is_empty(&self, context: &Context<'_>) -> bool {
        self.queues
            .read(|queues| queues.get(&context.settings.name).is_none_or(|queue| queue.receivable(context).is_empty()))
    }

    pub(super) fn context<'a>(&'a self, settings: &'a template::Queue, now: OffsetDateTime) -> Context<'a> {
        Context { settings, arn: self.arn(&settings.name), now_ms: clock::epoch_millis(now) }
    }

    pub(super) fn create_missing(&self, queues: &mut BTreeMap<String, Queue>) {
        let now_ms = clock::epoch_millis(clock::now());
        for name in self.settings.keys() {
            queues.entry(name.clone()).or_insert_with(|| Queue::new(now_ms));
        }
    }

    /// What a queue URL leads to. Its host does not matter: this endpoint's, which `!Ref` gives, and AWS's own do both.
    pub(super) fn queue(&self, url: &str) -> Result<&template::Queue, ServiceError> {
        self.settings.get(name_in(url)).ok_or_else(error::no_such_queue)
    }

    pub(super) fn arn(&self, name: &str) -> String {
        format!("arn:aws:sqs:{}:{ACCOUNT}:{name}", self.region)
    }

    pub(super) fn url(&self, name: &str) -> String {
        format!("{}/{ACCOUNT}/{name}", self.endpoint)
    }
}

/// The queue's name at the end of its URL.
pub(super) fn name_in(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or_default()
}
