//! The poller of one event source mapping.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Bytes;
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::time::{self, Instant};

use super::answer;
use super::batch::{Batch, Due, Limits};
use super::services::Services;
use crate::aws::{EventInvoke, Sqs, Taken};
use crate::plumbing::clock;
use crate::plumbing::jobs::Jobs;
use crate::program::log::LogLine;
use crate::template::{EventSource, Function, Queue};

/// Invocations at a time where the mapping has no limit of its own: what Lambda begins with.
const DEFAULT_CONCURRENCY: usize = 5;

/// How often a poller looks for messages whose visibility timeout or delay is over.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The first wait before a batch that Lambda did not accept is handed over again, and the longest one.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// A queue and the function that gets its messages.
pub(super) struct Mapping {
    source: EventSource,
    /// Logical id.
    function: String,
    visibility_timeout: Duration,
    services: Services,
}

/// Messages that Lambda has taken. Those that nothing is known of when this is dropped go back to the queue at once.
struct Held {
    sqs: Arc<Sqs>,
    queue: String,
    messages: Vec<Taken>,
    /// Since when the first of them is hidden from others.
    since: Instant,
}

impl Mapping {
    pub(super) fn new(function: &Function, source: &EventSource, queues: &[Queue], services: Services) -> Self {
        let name = source.queue.rsplit(':').next().unwrap_or_default();
        let queue = queues.iter().find(|queue| queue.name == name);
        Self {
            source: source.clone(),
            function: function.id.clone(),
            visibility_timeout: queue.map_or(Duration::ZERO, |queue| queue.visibility_timeout),
            services,
        }
    }

    /// Hands batches over as they come; never ends itself. Messages are taken only while an invocation is free for them.
    pub(super) async fn poll(self: Arc<Self>, jobs: Jobs) {
        let concurrency = self.source.max_concurrency.unwrap_or(DEFAULT_CONCURRENCY);
        let slots = Arc::new(Semaphore::new(concurrency));
        // The semaphore is never closed.
        while let Ok(slot) = Arc::clone(&slots).acquire_owned().await {
            let held = self.gather().await;
            let mapping = Arc::clone(&self);
            jobs.spawn(async move {
                mapping.hand_over(held).await;
                drop(slot);
            });
        }
    }

    /// Waits for a batch.
    async fn gather(&self) -> Held {
        let Services { sqs, .. } = &self.services;
        let mut arrivals = sqs.arrivals();
        let mut batch = Batch::new(Limits { size: self.source.batch_size, window: self.source.window });
        let (queue, messages) = (self.source.queue.clone(), Vec::new());
        let mut held = Held { sqs: Arc::clone(sqs), queue, messages, since: Instant::now() };
        loop {
            arrivals.mark_unchanged();
            let now = Instant::now();
            if held.messages.is_empty() {
                held.since = now;
            }
            let fits = |message: &Taken| batch.add(message.record.to_string().len(), now);
            held.messages.extend(sqs.take(&self.source.queue, clock::now(), fits));
            let next_look = now + POLL_INTERVAL;
            let until = match batch.due(now) {
                Due::Now => return held,
                Due::At(end) => end.min(next_look),
                Due::Empty => next_look,
            };
            // The sender lives as long as the service; a look too many does no harm.
            let _ = time::timeout_at(until, arrivals.changed()).await;
        }
    }

    /// Invokes the function, and settles what becomes of the messages.
    async fn hand_over(&self, held: Held) {
        let records: Vec<_> = held.messages.iter().map(|message| &message.record).collect();
        let event = Bytes::from(json!({"Records": records}).to_string());
        if !self.is_accepted(&held, &event).await {
            return held.leave(|_| true);
        }
        let Ok(answer) = self.services.lambda.invoke(&self.function, event).await else {
            return held.leave(|_| true);
        };
        if !self.source.reports_failures {
            return held.leave(|_| false);
        }
        let batch: BTreeSet<_> = held.messages.iter().map(|message| message.id.as_str()).collect();
        match answer::failures(&answer, &batch) {
            Ok(failed) => {
                let failed: BTreeSet<_> = failed.into_iter().map(str::to_owned).collect();
                held.leave(|message| failed.contains(&message.id));
            }
            Err(what) => {
                let count = held.messages.len();
                self.log(format!("the answer to {count} messages {what}: all of them have failed"));
                held.leave(|_| true);
            }
        }
    }

    /// Whether Lambda accepts the invocation. One that is throttled is tried again as long as nobody else can have received
    /// the messages.
    async fn is_accepted(&self, held: &Held, event: &Bytes) -> bool {
        let (mut wait, longest) = BACKOFF;
        loop {
            let error = match self.services.faults.on_event_invoke() {
                EventInvoke::Accepted => return true,
                EventInvoke::Late(by) => {
                    time::sleep(by).await;
                    return true;
                }
                EventInvoke::AnswerLost => {
                    // The function does its work, and Lambda does not hear of it.
                    let _ = self.services.lambda.invoke(&self.function, event.clone()).await;
                    return false;
                }
                EventInvoke::Refused(error) => error,
            };
            if !error.retryable || Instant::now() + wait >= held.since + self.visibility_timeout {
                let count = held.messages.len();
                self.log(format!("{count} messages were not handed over: {}", error.message));
                return false;
            }
            time::sleep(wait).await;
            wait = (wait * 2).min(longest);
        }
    }

    fn log(&self, what: String) {
        let line = format!("event source {}: {what}", self.source.name);
        self.services.lines.push(LogLine { function: self.function.clone(), instance: String::new(), line });
    }
}

impl Held {
    /// Leaves those that failed hidden for the rest of their visibility timeout, and deletes the others.
    fn leave(mut self, has_failed: impl Fn(&Taken) -> bool) {
        let messages = std::mem::take(&mut self.messages);
        let handled = messages.iter().filter(|message| !has_failed(message));
        let handles: Vec<_> = handled.map(|message| message.receipt_handle.as_str()).collect();
        if !handles.is_empty() {
            self.sqs.remove(&self.queue, clock::now(), handles.into_iter());
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let handles: Vec<_> = self.messages.iter().map(|message| message.receipt_handle.as_str()).collect();
        if !handles.is_empty() {
            self.sqs.give_back(&self.queue, clock::now(), handles.into_iter());
        }
    }
}
