//! Background jobs that end with the local cloud, however it ends.

use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::plumbing::sync::lock;

/// A set of running jobs. Clones share the set.
#[derive(Clone, Default)]
pub(crate) struct Jobs(Arc<Mutex<JoinSet<()>>>);

impl Jobs {
    /// Starts a job.
    pub(crate) fn spawn(&self, job: impl Future<Output = ()> + Send + 'static) {
        let mut running = lock(&self.0);
        while running.try_join_next().is_some() {}
        running.spawn(job);
    }

    /// Runs `job` to its end even if the caller stops waiting. `None` if the job was stopped or panicked.
    pub(crate) async fn run<T: Send + 'static>(&self, job: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let (tx, rx) = oneshot::channel();
        self.spawn(async move {
            let _ = tx.send(job.await);
        });
        rx.await.ok()
    }

    /// Stops every job; they end at their next await.
    pub(crate) fn abort_all(&self) {
        lock(&self.0).abort_all();
    }

    /// Stops every job and waits until they are gone.
    pub(crate) async fn stop(&self) {
        let mut running = std::mem::take(&mut *lock(&self.0));
        running.shutdown().await;
    }
}
