//! Lambda: runs the real function binaries behind the Runtime API.
//!
//! Every function has a pool of instances. An instance is one process with a Runtime API of its own, handles one event
//! at a time and is used again while it lives. A concurrent request starts another one, up to a limit; beyond it
//! requests wait in their order. Instances that have nothing to do for a minute are ended, but for one a function.

mod environment;
mod event_queue;
mod idle;
mod instance;
mod pool;
mod runtime_api;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::body::Bytes;
use serde_json::{Value, json};

pub(crate) use self::event_queue::{EventQueue, Handled};
use self::pool::Pool;
use crate::aws::Callers;
use crate::plumbing::jobs::Jobs;
use crate::program::log::Lines;
use crate::template::Function;

/// The most that a synchronous invocation may carry, either way: 6 MB.
pub(crate) const PAYLOAD_LIMIT: usize = 6 << 20;

/// How often idle instances are looked for.
const SWEEP: Duration = Duration::from_secs(5);

/// What an invocation came to.
pub(crate) type Outcome = Result<Bytes, FunctionError>;

/// An invocation that did not succeed, with what Lambda would answer the invoker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FunctionError {
    /// JSON with `errorType` and `errorMessage`.
    pub(crate) payload: Bytes,
}

impl FunctionError {
    pub(crate) fn new(kind: &str, message: impl Into<String>) -> Self {
        let payload = json!({"errorType": kind, "errorMessage": message.into()});
        Self { payload: payload.to_string().into() }
    }

    /// What it says, for the log.
    fn message(&self) -> String {
        let payload: Value = serde_json::from_slice(&self.payload).unwrap_or_default();
        payload["errorMessage"].as_str().unwrap_or_default().to_owned()
    }
}

/// What every instance needs to know.
pub(crate) struct World {
    pub(crate) region: String,
    /// URL of the AWS endpoint.
    pub(crate) aws_url: String,
    /// URLs of other endpoints, by the name of their service in `AWS_ENDPOINT_URL_<NAME>`.
    pub(crate) endpoints: BTreeMap<String, String>,
    pub(crate) bin_dir: PathBuf,
    /// Instances of one function at a time.
    pub(crate) max_instances: usize,
    pub(crate) callers: Arc<Callers>,
    pub(crate) lines: Arc<Lines>,
    pub(crate) jobs: Jobs,
}

/// All functions.
pub(crate) struct Lambda {
    pools: BTreeMap<String, Arc<Pool>>,
    jobs: Jobs,
}

impl Lambda {
    pub(crate) fn new(functions: &[Function], world: World) -> Self {
        let jobs = world.jobs.clone();
        let world = Arc::new(world);
        let pool = |function: &Function| {
            let pool = Pool::new(Arc::new(function.clone()), Arc::clone(&world));
            (function.id.clone(), Arc::new(pool))
        };
        Self { pools: functions.iter().map(pool).collect(), jobs }
    }

    /// The function of this logical id, physical name or ARN.
    pub(crate) fn function(&self, name: &str) -> Option<&Function> {
        let name = name.rsplit(':').next().unwrap_or(name);
        let mut functions = self.pools.values().map(|pool| pool.function());
        functions.find(|function| function.id == name || function.name == name)
    }

    /// Invokes the function of this logical id and waits for its answer. The invocation runs to its end even if the
    /// caller stops waiting, as Lambda's does.
    pub(crate) async fn invoke(&self, function: &str, event: Bytes) -> Outcome {
        let Some(pool) = self.pools.get(function).cloned() else {
            return Err(FunctionError::new("ResourceNotFoundException", format!("function not found: {function}")));
        };
        let outcome = self.jobs.run(async move { pool.invoke(event).await }).await;
        outcome.unwrap_or_else(|| Err(FunctionError::new("Sandbox.Failure", "the local cloud is stopping")))
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
            tokio::time::sleep(SWEEP).await;
            let now = Instant::now();
            self.pools.values().for_each(|pool| pool.end_idle(now));
        }
    }

    /// Ends every instance, so that the next requests meet new ones.
    pub(crate) fn replace_instances(&self) {
        self.pools.values().for_each(|pool| pool.replace_instances());
    }
}
