//! Keeps a broadcast at its ingest, over as many connections as that takes.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep},
};
use tokio_rustls::rustls::ClientConfig;

use super::{
    address,
    connection::{self, Before, Progress},
    endpoint::Endpoint,
    failure::Failure,
    feed::Feed,
    retry::{Decision, End, Retry},
    tls,
};

/// How the publisher gets on.
#[derive(Debug)]
pub(crate) enum Signal {
    /// The ingest takes media.
    Published,
    /// It has been sent some.
    Sent,
    /// It is tried again once that is allowed.
    Reconnecting { attempt: u32, go: oneshot::Sender<()> },
}

/// An ingest that takes a publish, and gives it up after as long without media, does so because there was none.
const IDLE: Duration = Duration::from_secs(4);

/// Publishes the feed until it is done, or it cannot be.
pub(crate) async fn publish(
    endpoint: &Endpoint,
    trusted: bool,
    takes_over: bool,
    config: &Arc<ClientConfig>,
    feed: &Feed,
    signals: &mpsc::UnboundedSender<Signal>,
) -> End {
    let mut retry = Retry::new(takes_over, Instant::now());
    loop {
        let before = Before { connections: retry.connections(), others: takes_over };
        let mut published = false;
        let mut accepted_at = None;
        let result = once(endpoint, trusted, config, feed, before, |progress| {
            published |= progress == Progress::Sent;
            accepted_at.get_or_insert_with(Instant::now);
            let signal = if progress == Progress::Sent { Signal::Sent } else { Signal::Published };
            drop(signals.send(signal));
        });
        let Err(failure) = result.await else { return End::Stopped };
        if feed.is_finished() {
            return End::Stopped;
        }
        let now = Instant::now();
        if published {
            retry.published(now);
        } else if accepted_at.is_some_and(|at| now.saturating_duration_since(at) >= IDLE) {
            retry.idled(now);
        }
        let pause = match retry.failed(&failure, Instant::now()) {
            Decision::Give(end) => {
                tracing::warn!(failure = &failure as &dyn std::error::Error, ?end, "the ingest is given up");
                return end;
            }
            Decision::Again(pause) => pause,
        };
        tracing::info!(
            failure = &failure as &dyn std::error::Error,
            attempt = retry.tries(),
            "the ingest is tried again"
        );
        let (go, allowed) = oneshot::channel();
        drop(signals.send(Signal::Reconnecting { attempt: retry.tries(), go }));
        // Somebody else may have the broadcast by now.
        let (allowed, ()) = tokio::join!(allowed, pause_or_finish(pause, feed));
        if allowed.is_err() {
            return End::Withdrawn;
        }
        if feed.is_finished() {
            return End::Stopped;
        }
    }
}

async fn pause_or_finish(pause: Duration, feed: &Feed) {
    let finished = async {
        while !feed.is_finished() {
            feed.filled().await;
        }
    };
    tokio::select! {
        () = sleep(pause) => {}
        () = finished => {}
    }
}

async fn once(
    endpoint: &Endpoint,
    trusted: bool,
    config: &Arc<ClientConfig>,
    feed: &Feed,
    before: Before,
    progress: impl FnMut(Progress),
) -> Result<(), Failure> {
    let stream = address::connect(endpoint, trusted).await?;
    if endpoint.tls {
        let stream = tokio::time::timeout(Duration::from_secs(5), tls::secure(stream, &endpoint.host, config));
        let stream = stream.await.unwrap_or(Err(Failure::Slow))?;
        connection::run(stream, endpoint, feed, before, progress).await
    } else {
        connection::run(stream, endpoint, feed, before, progress).await
    }
}
