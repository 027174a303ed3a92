//! Lambda: runs the real function binaries behind the Runtime API.
//!
//! Every function has a pool of instances. An instance is one process with a Runtime API of its own, handles one event
//! at a time and is used again while it lives. A concurrent request starts another one, up to a limit; beyond it
//! requests wait in their order. Instances that have nothing to do for a minute are ended, but for one a function.

mod environment;
mod event_queue;
mod event_source;
mod idle;
mod instance;
pub(crate) mod invoke;
pub(crate) mod operation;
mod outcome;
pub(crate) mod permission;
mod pool;
mod reference;
mod runtime_api;
mod settings;
mod tail;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::body::Bytes;

pub(crate) use self::event_queue::{EventQueue, Handled};
pub(crate) use self::event_source::{EventSources, Services as EventSourceServices};
pub(crate) use self::outcome::{FunctionError, Outcome, PAYLOAD_LIMIT};
use self::pool::Pool;
pub(crate) use self::settings::Settings;
use crate::plumbing::jobs::Jobs;
use crate::template::Function;

/// How often idle instances are looked for.
const SWEEP_INTERVAL: Duration = Duration::from_secs(5);

/// All functions.
pub(crate) struct Lambda {
    pools: BTreeMap<String, Arc<Pool>>,
    jobs: Jobs,
}

impl Lambda {
    pub(crate) fn new(functions: &[Function], settings: Settings) -> Self {
        let jobs = settings.jobs.clone();
        let settings = Arc::new(settings);
        let pool = |function: &Function| {
            let pool = Pool::new(Arc::new(function.clone()), Arc::clone(&settings));
            (function.id.clone(), Arc::new(pool))
        };
        Self { pools: functions.iter().map(pool).collect(), jobs }
    }

    /// The function of this logical id or physical name.
    pub(crate) fn function(&self, name: &str) -> Option<&Function> {
        let mut functions = self.pools.values().map(|pool| pool.function());
        functions.find(|function| function.id == name || function.name == name)
    }

    /// Invokes the function of this logical id and waits for its answer. The invocation runs to its end even if the
    /// caller stops waiting, as Lambda's does.
    pub(crate) async fn invoke(&self, function: &str, event: Bytes) -> Outcome {
        self.run(function, event, None, false).await.0
    }

    /// As [`Lambda::invoke`], for the request to the API that has this number.
    pub(crate) async fn invoke_for(&self, function: &str, event: Bytes, request: Option<u64>) -> Outcome {
        self.run(function, event, request, false).await.0
    }

    /// As [`Lambda::invoke`], with the end of the invocation's log if it is wanted.
    pub(crate) async fn invoke_logged(
        &self,
        function: &str,
        event: Bytes,
        wants_log: bool,
    ) -> (Outcome, Option<Vec<u8>>) {
        self.run(function, event, None, wants_log).await
    }

    async fn run(
        &self,
        function: &str,
        event: Bytes,
        request: Option<u64>,
        wants_log: bool,
    ) -> (Outcome, Option<Vec<u8>>) {
        let Some(pool) = self.pools.get(function).cloned() else {
            let what = format!("function not found: {function}");
            return (Err(FunctionError::new("ResourceNotFoundException", what)), None);
        };
        let ended = self.jobs.run(async move { pool.invoke(event, request, wants_log).await }).await;
        ended.unwrap_or_else(|| (Err(FunctionError::new("Sandbox.Failure", "the local cloud is stopping")), None))
    }

    /// Kills one instance; what it was doing fails.
    pub(crate) fn kill(&self, function: &str, instance: &str) {
        if let Some(pool) = self.pools.get(function) {
            pool.kill(instance);
        }
    }

    /// Ends idle instances again and again; never ends itself.
    pub(crate) async fn sweep(self: Arc<Self>) {
        loop {
            tokio::time::sleep(SWEEP_INTERVAL).await;
            let now = Instant::now();
            self.pools.values().for_each(|pool| pool.end_idle(now));
        }
    }

    /// Ends every instance, so that the next requests meet new ones.
    pub(crate) fn replace_instances(&self) {
        self.pools.values().for_each(|pool| pool.replace_instances());
    }
}
