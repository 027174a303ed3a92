//! The instances of one function.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Instant;

use hyper::body::Bytes;
use tokio::sync::Semaphore;

use super::idle::Idle;
use super::instance::{Attempt, Instance};
use super::outcome::{FunctionError, Outcome};
use super::settings::Settings;
use crate::plumbing::sync::lock;
use crate::template::Function;

/// Idle and busy instances of one function, and the queue for them.
pub(crate) struct Pool {
    function: Arc<Function>,
    settings: Arc<Settings>,
    /// One permit for each instance that may be busy; fair, so requests are served in their order.
    slots: Semaphore,
    idle: Mutex<Idle<Arc<Instance>>>,
    all: Mutex<Vec<Weak<Instance>>>,
    /// Counts the replacements; an instance of an older generation is not used again.
    generation: AtomicU64,
}

impl Pool {
    pub(crate) fn new(function: Arc<Function>, settings: Arc<Settings>) -> Self {
        // AWS turns away what is over the function's own limit; here it waits, as it does at the general one.
        let own = function.max_concurrency.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
        let slots = Semaphore::new(settings.max_instances.min(own).clamp(1, Semaphore::MAX_PERMITS));
        Self { function, settings, slots, idle: Mutex::default(), all: Mutex::default(), generation: AtomicU64::new(0) }
    }

    pub(crate) fn function(&self) -> &Function {
        &self.function
    }

    /// Has an idle instance handle the event, or a new one, or waits for one if there are too many. The event may be of a
    /// request to the API. If it is wanted, the end of the invocation's log comes with the outcome.
    pub(crate) async fn invoke(
        &self,
        event: Bytes,
        request: Option<u64>,
        wants_log: bool,
    ) -> (Outcome, Option<Vec<u8>>) {
        // The semaphore is never closed.
        let _slot = self.slots.acquire().await;
        loop {
            let generation = self.generation.load(Ordering::SeqCst);
            let instance = match self.take_idle() {
                Some(instance) => instance,
                None => match self.start().await {
                    Ok(instance) => instance,
                    Err(error) => return (Err(error), wants_log.then(Vec::new)),
                },
            };
            let Attempt::Ended(outcome) = instance.invoke(event.clone(), request).await else { continue };
            let log = if wants_log { Some(instance.take_log().await) } else { None };
            if instance.is_alive() {
                self.give_back(instance, generation);
            }
            return (outcome, log);
        }
    }

    /// Ends one instance.
    pub(crate) fn kill(&self, id: &str) {
        let all = lock(&self.all);
        if let Some(instance) = all.iter().filter_map(Weak::upgrade).find(|instance| instance.id == id) {
            instance.kill();
        }
    }

    /// Ends the instances that at this time have been idle for too long.
    pub(crate) fn end_idle(&self, now: Instant) {
        lock(&self.idle).take_expired(now).iter().for_each(|instance| instance.kill());
    }

    /// Ends every instance.
    pub(crate) fn replace_instances(&self) {
        let mut idle = lock(&self.idle);
        self.generation.fetch_add(1, Ordering::SeqCst);
        idle.clear();
        for instance in lock(&self.all).drain(..).filter_map(|instance| instance.upgrade()) {
            instance.kill();
        }
    }

    fn take_idle(&self) -> Option<Arc<Instance>> {
        lock(&self.idle).take(|instance| instance.is_alive())
    }

    fn give_back(&self, instance: Arc<Instance>, generation: u64) {
        let mut idle = lock(&self.idle);
        if self.generation.load(Ordering::SeqCst) == generation {
            idle.push(instance, Instant::now());
        } else {
            instance.kill();
        }
    }

    async fn start(&self) -> Result<Arc<Instance>, FunctionError> {
        let started = Instance::start(&self.function, &self.settings).await;
        let instance = started.map_err(|error| {
            let binary = self.settings.bin_dir.join(&self.function.binary);
            FunctionError::new("Runtime.InvalidEntrypoint", format!("cannot run {}: {error}", binary.display()))
        })?;
        let mut all = lock(&self.all);
        all.retain(|instance| instance.strong_count() > 0);
        all.push(Arc::downgrade(&instance));
        Ok(instance)
    }
}
