//! Event source mappings: Lambda polls queues, gathers messages to batches, invokes functions with them, and deletes what
//! was handled. What was not comes again after the queue's visibility timeout.
//!
//! As the developer guide has it under "Using Lambda with Amazon SQS", with these differences: a mapping without a limit of its
//! own invokes five times at once, where Lambda begins with five and adds more; a batch is gathered by one poller, where
//! Lambda's pollers each gather their own; and Lambda may wait for up to 20 seconds with a window that is shorter, while
//! there is little traffic. When the local cloud ends, what is under way is given back to its queue at once.

mod answer;
mod batch;
mod mapping;
mod services;

use std::sync::Arc;

use self::mapping::Mapping;
pub(crate) use self::services::Services;
use crate::plumbing::jobs::Jobs;
use crate::template::{Function, Queue};

/// Every enabled event source mapping of the template.
pub(crate) struct EventSources {
    mappings: Vec<Arc<Mapping>>,
    /// The pollers and the invocations under way.
    jobs: Jobs,
}

impl EventSources {
    pub(crate) fn new(functions: &[Function], queues: &[Queue], services: &Services) -> Self {
        let mappings = functions.iter().flat_map(|function| {
            let enabled = function.event_sources.iter().filter(|source| source.enabled);
            enabled.map(|source| Arc::new(Mapping::new(function, source, queues, services.clone())))
        });
        Self { mappings: mappings.collect(), jobs: Jobs::default() }
    }

    /// Begins to poll.
    pub(crate) fn start(&self) {
        for mapping in &self.mappings {
            self.jobs.spawn(Arc::clone(mapping).poll(self.jobs.clone()));
        }
    }

    /// Stops polling, and gives back what is under way.
    pub(crate) async fn stop(&self) {
        self.jobs.stop().await;
        // A poller that was stopped may just have handed a batch over.
        self.jobs.stop().await;
    }

    /// As [`EventSources::stop`], without waiting.
    pub(crate) fn abort(&self) {
        self.jobs.abort_all();
    }
}
