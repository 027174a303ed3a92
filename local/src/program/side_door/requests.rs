//! The requests to the API, listed or as they come.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use hyper::body::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::answer::Refused;
use super::request::{number, parameters};
use crate::aws::Endpoint;
use crate::plumbing::http_server::{self, Answer};
use crate::program::request_log::RequestLog;

/// How many a list has, and a stream begins with, unless asked otherwise.
const LISTED: usize = 1_000;
const STREAMED: usize = 200;
/// A stream says that it lives; proxies and browsers give a silent one up.
const SILENCE: Duration = Duration::from_secs(15);

/// Those that have changed since.
pub(super) fn list(log: &RequestLog, query: &[(String, String)]) -> Result<Value, Refused> {
    let (from, most) = asked(query, LISTED)?;
    let changes = log.since(from, most);
    let next = changes.next;
    let requests: Vec<_> = changes.into_numbered().map(|(_, request)| request).collect();
    Ok(json!({"requests": requests, "next": next}))
}

/// The same as server-sent events.
pub(super) fn stream(endpoint: &Endpoint, query: &[(String, String)], headers: &HeaderMap) -> Result<Answer, Refused> {
    let last_id = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let (answer, events) = http_server::events();
    let log = Arc::clone(&endpoint.requests);
    let (from, begin_with) = asked(query, STREAMED)?;
    endpoint.jobs.spawn(async move {
        // An error is a client that is gone.
        let _ = tell(&log, &events, last_id, from, begin_with).await;
    });
    Ok(answer)
}

/// From which change on, and how many.
fn asked(query: &[(String, String)], most: usize) -> Result<(u64, usize), Refused> {
    let [since, last] = parameters(query, ["since", "last"])?;
    let since = number(since, "since", 0, "the number of an entry")?;
    Ok((since, number(last, "last", most, "a number of requests")?))
}

/// Where a stream is: which log it tells of, and the latest change that it has told.
struct EventId {
    epoch: String,
    change: u64,
}

impl FromStr for EventId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (epoch, change) = text.split_once('-').ok_or(())?;
        Ok(Self { epoch: epoch.to_owned(), change: change.parse().map_err(|_| ())? })
    }
}

/// The client is gone.
struct Gone;

async fn tell(
    log: &RequestLog,
    events: &mpsc::Sender<Bytes>,
    last_id: Option<EventId>,
    from: u64,
    begin_with: usize,
) -> Result<(), Gone> {
    send(events, "retry: 1000\n\n".to_owned()).await?;
    let mut latest = log.watch();
    let (mut epoch, mut next) = match last_id {
        Some(id) => (Some(id.epoch), id.change + 1),
        None => (None, from),
    };
    // A client that goes on misses nothing that is kept.
    let mut most = if next > 0 { usize::MAX } else { begin_with };
    loop {
        latest.mark_unchanged();
        let mut changes = log.since(next, most);
        if epoch.as_ref().is_some_and(|epoch| *epoch != changes.epoch) {
            send(events, "event: reset\ndata: {}\n\n".to_owned()).await?;
            changes = log.since(0, begin_with);
        }
        let of = changes.epoch.clone();
        next = changes.next;
        for (change, request) in changes.into_numbered() {
            send(events, format!("id: {of}-{change}\nevent: request\ndata: {request}\n\n")).await?;
        }
        (epoch, most) = (Some(of), usize::MAX);
        tokio::select! {
            () = events.closed() => return Err(Gone),
            changed = timeout(SILENCE, latest.changed()) => match changed {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Ok(()),
                Err(_) => send(events, ":\n\n".to_owned()).await?,
            },
        }
    }
}

async fn send(events: &mpsc::Sender<Bytes>, event: String) -> Result<(), Gone> {
    events.send(event.into()).await.map_err(|_| Gone)
}
