//! The requests to the API, each with what it led to: the function, its AWS calls, its log lines.
//!
//! An instance of a function handles one event at a time, so that its calls and lines are of the request that it handles.
//! What comes when the answer has been sent changes the request once more. Bodies and headers are not kept.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use tokio::sync::watch;

use crate::plumbing::clock;
use crate::plumbing::ids;
use crate::plumbing::sync::lock;

/// Requests that are kept.
const KEPT: usize = 10_000;
/// Calls of one request that are kept.
const MOST_CALLS: usize = 200;
/// Lines of one request that are kept, and characters of each.
const MOST_LINES: usize = 50;
const LONGEST_LINE: usize = 4_000;

/// One request.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Request {
    /// Requests are numbered from 1 in the order of their coming.
    seq: u64,
    /// Changes of all requests are numbered from 1; this is the latest one of this request.
    change: u64,
    at: String,
    method: String,
    path: String,
    /// The key of the route that took it.
    route: Option<String>,
    /// `None` if the client went away.
    status: Option<u16>,
    ms: f64,
    sub: Option<String>,
    /// Logical id.
    function: Option<String>,
    request_id: String,
    /// The type of the problem that the answer is.
    problem: Option<String>,
    /// Why the gateway let it not through, or not its answer, and what to do about it.
    refused: Option<String>,
    calls: Vec<Call>,
    lines: Vec<String>,
}

/// A call to AWS.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Call {
    /// Its number in the log of calls.
    pub(crate) seq: u64,
    pub(crate) service: &'static str,
    pub(crate) operation: String,
    pub(crate) ms: f64,
    /// `None` if the connection was closed without an answer.
    pub(crate) status: Option<u16>,
    pub(crate) error: Option<String>,
    pub(crate) denied_action: Option<String>,
    /// What DynamoDB counted.
    pub(crate) capacity: Option<f64>,
}

/// What a request came to.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) status: u16,
    pub(crate) problem: Option<String>,
    pub(crate) refused: Option<String>,
}

/// The requests. Numbers go on after a reset.
pub(crate) struct RequestLog {
    kept: Mutex<Kept>,
    /// The number of the latest change.
    latest: watch::Sender<u64>,
}

struct Kept {
    /// Tells numbers of this log from those of another one, before a reset or a restart.
    epoch: String,
    requests: BTreeMap<u64, Request>,
    /// Those that have been answered, by the number of their latest change.
    changes: BTreeMap<u64, u64>,
    last_request: u64,
    last_change: u64,
    /// What each instance handles, or handled last.
    instances: HashMap<String, u64>,
    /// The request behind each invocation, by Lambda's id of it.
    invocations: HashMap<String, u64>,
}

/// What has changed since.
pub(crate) struct Changes {
    pub(crate) epoch: String,
    /// In the order of their changes.
    pub(crate) requests: Vec<Request>,
    /// The number that the next change will have.
    pub(crate) next: u64,
}

impl Default for RequestLog {
    fn default() -> Self {
        Self { kept: Mutex::new(Kept::new(0, 0)), latest: watch::Sender::new(0) }
    }
}

impl RequestLog {
    /// A request has come. It is told of when it is answered, or the guard is dropped.
    pub(crate) fn begin(self: &Arc<Self>, method: &str, path: String, request_id: &str, now: OffsetDateTime) -> Open {
        let mut kept = lock(&self.kept);
        kept.last_request += 1;
        let seq = kept.last_request;
        let request = Request {
            seq,
            change: 0,
            at: clock::rfc3339_millis(now),
            method: method.to_owned(),
            path,
            route: None,
            status: None,
            ms: 0.0,
            sub: None,
            function: None,
            request_id: request_id.to_owned(),
            problem: None,
            refused: None,
            calls: Vec::new(),
            lines: Vec::new(),
        };
        kept.requests.insert(seq, request);
        kept.forget_oldest();
        Open { log: Arc::clone(self), seq, since: Instant::now() }
    }

    /// An instance takes an event: of a request, or of something else.
    pub(crate) fn takes(&self, instance: &str, invocation: &str, request: Option<u64>) {
        let mut kept = lock(&self.kept);
        match request.filter(|seq| kept.requests.contains_key(seq)) {
            Some(seq) => {
                kept.instances.insert(instance.to_owned(), seq);
                kept.invocations.insert(invocation.to_owned(), seq);
            }
            None => drop(kept.instances.remove(instance)),
        }
    }

    /// An instance has called AWS.
    pub(crate) fn called(&self, instance: &str, call: Call) {
        let kept = lock(&self.kept);
        let request = kept.instances.get(instance).copied();
        self.change(kept, request, |request| push(&mut request.calls, MOST_CALLS, call));
    }

    /// An instance has written a line.
    pub(crate) fn wrote(&self, instance: &str, line: &str) {
        // Read before the lock is taken: every request waits for that.
        let invocation = invocation_of(line);
        let kept = lock(&self.kept);
        // A line of an invocation that is over may come late.
        let named = invocation.and_then(|id| kept.invocations.get(&id).copied());
        let request = named.or_else(|| kept.instances.get(instance).copied());
        let line = line.char_indices().nth(LONGEST_LINE).map_or(line, |(end, _)| &line[..end]).to_owned();
        self.change(kept, request, |request| push(&mut request.lines, MOST_LINES, line));
    }

    /// The requests with a change of at least `since`, at most the `last` latest.
    pub(crate) fn since(&self, since: u64, last: usize) -> Changes {
        let kept = lock(&self.kept);
        let latest = kept.changes.range(since..).rev().take(last);
        let mut requests: Vec<_> = latest.filter_map(|(_, seq)| kept.requests.get(seq)).cloned().collect();
        requests.reverse();
        Changes { epoch: kept.epoch.clone(), requests, next: kept.last_change + 1 }
    }

    /// The number of the latest change, as it changes.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.latest.subscribe()
    }

    pub(crate) fn reset(&self) {
        let mut kept = lock(&self.kept);
        *kept = Kept::new(kept.last_request, kept.last_change + 1);
        self.latest.send_replace(kept.last_change);
    }

    /// Changes a request, and tells of it if it has been answered.
    fn change(&self, mut kept: MutexGuard<'_, Kept>, request: Option<u64>, change: impl FnOnce(&mut Request)) {
        let kept = &mut *kept;
        let Some(request) = request.and_then(|seq| kept.requests.get_mut(&seq)) else { return };
        change(request);
        if request.change > 0 {
            kept.changes.remove(&request.change);
            self.tell(&mut kept.last_change, &mut kept.changes, request);
        }
    }

    fn tell(&self, last_change: &mut u64, changes: &mut BTreeMap<u64, u64>, request: &mut Request) {
        *last_change += 1;
        request.change = *last_change;
        changes.insert(request.change, request.seq);
        self.latest.send_replace(request.change);
    }

    fn end(&self, seq: u64, end: impl FnOnce(&mut Request)) {
        let kept = &mut *lock(&self.kept);
        let Some(request) = kept.requests.get_mut(&seq).filter(|request| request.change == 0) else { return };
        end(request);
        self.tell(&mut kept.last_change, &mut kept.changes, request);
    }
}

impl Changes {
    /// The number of a request's latest change, and the request.
    pub(crate) fn into_numbered(self) -> impl Iterator<Item = (u64, Value)> {
        self.requests.into_iter().map(|request| (request.change, serde_json::json!(request)))
    }
}

impl Kept {
    fn new(last_request: u64, last_change: u64) -> Self {
        Self {
            epoch: ids::hex(8),
            requests: BTreeMap::new(),
            changes: BTreeMap::new(),
            last_request,
            last_change,
            instances: HashMap::new(),
            invocations: HashMap::new(),
        }
    }

    fn forget_oldest(&mut self) {
        while self.requests.len() > KEPT
            && let Some((seq, request)) = self.requests.pop_first()
        {
            self.changes.remove(&request.change);
            // In one go over a part of them, lest each request goes over all.
            if seq.is_multiple_of(1_000) {
                self.instances.retain(|_, handled| *handled > seq);
                self.invocations.retain(|_, handled| *handled > seq);
            }
        }
    }
}

/// A request that has not been answered. Dropped before [`Open::answered`], its client went away.
pub(crate) struct Open {
    log: Arc<RequestLog>,
    pub(crate) seq: u64,
    since: Instant,
}

impl Open {
    /// A route takes it to a function.
    pub(crate) fn routed(&self, route: String, function: &str) {
        let kept = lock(&self.log.kept);
        self.log.change(kept, Some(self.seq), |request| {
            request.route = Some(route);
            request.function = Some(function.to_owned());
        });
    }

    /// Who makes it.
    pub(crate) fn identified(&self, sub: &str) {
        let kept = lock(&self.log.kept);
        self.log.change(kept, Some(self.seq), |request| request.sub = Some(sub.to_owned()));
    }

    /// It is answered.
    pub(crate) fn answered(self, outcome: Outcome) {
        let ms = self.milliseconds();
        self.log.end(self.seq, |request| {
            request.status = Some(outcome.status);
            request.ms = ms;
            request.problem = outcome.problem;
            request.refused = outcome.refused;
        });
    }

    fn milliseconds(&self) -> f64 {
        self.since.elapsed().as_secs_f64() * 1000.0
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let ms = self.milliseconds();
        self.log.end(self.seq, |request| request.ms = ms);
    }
}

fn push<T>(list: &mut Vec<T>, most: usize, item: T) {
    if list.len() < most {
        list.push(item);
    }
}

/// The id of the invocation that a line of JSON names, as Lambda's log format has it.
fn invocation_of(line: &str) -> Option<String> {
    if !line.starts_with('{') {
        return None;
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Line {
        request_id: Value,
    }
    match serde_json::from_str(line) {
        Ok(Line { request_id: Value::String(id) }) => Some(id),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    fn begin(log: &Arc<RequestLog>) -> Open {
        log.begin("GET", "/a".to_owned(), "id-1", datetime!(2026-03-01 12:00 UTC))
    }

    fn call(seq: u64) -> Call {
        Call {
            seq,
            service: "ivs",
            operation: "GetStage".to_owned(),
            ms: 1.0,
            status: Some(200),
            error: None,
            denied_action: None,
            capacity: None,
        }
    }

    fn told(log: &RequestLog, since: u64) -> Vec<Value> {
        log.since(since, usize::MAX).into_numbered().map(|(_, request)| request).collect()
    }

    #[test]
    fn a_request_has_the_calls_and_lines_of_the_instance_that_handles_it() {
        let log = Arc::new(RequestLog::default());
        let (first, second) = (begin(&log), begin(&log));
        first.routed("GET /{a}".to_owned(), "F");
        first.identified("alice");
        log.takes("i-1", "v-1", Some(first.seq));
        log.takes("i-2", "v-2", Some(second.seq));
        log.called("i-1", call(7));
        log.called("i-2", call(8));
        log.called("i-3", call(9));
        log.wrote("i-1", "plain");
        assert_eq!(told(&log, 0), [Value::Null; 0], "neither has been answered");
        second.answered(Outcome { status: 404, problem: Some("not-found".to_owned()), refused: None });
        first.answered(Outcome { status: 200, ..Outcome::default() });
        let told = told(&log, 0);
        assert_eq!(
            (&told[0]["seq"], &told[0]["status"], &told[0]["problem"]),
            (&json!(2), &json!(404), &json!("not-found"))
        );
        let first = &told[1];
        assert_eq!(
            (&first["route"], &first["function"], &first["sub"]),
            (&json!("GET /{a}"), &json!("F"), &json!("alice"))
        );
        assert_eq!((&first["calls"][0]["seq"], first["calls"].as_array().unwrap().len()), (&json!(7), 1));
        assert_eq!((&first["lines"], &first["at"]), (&json!(["plain"]), &json!("2026-03-01T12:00:00Z")));
    }

    #[test]
    fn what_comes_late_changes_a_request_again() {
        let log = Arc::new(RequestLog::default());
        let open = begin(&log);
        log.takes("i-1", "v-1", Some(open.seq));
        open.answered(Outcome { status: 200, ..Outcome::default() });
        let next = log.since(0, 1).next;
        // Another event has come meanwhile, and the line says what it is of.
        log.takes("i-1", "v-2", None);
        log.called("i-1", call(1));
        log.wrote("i-1", "of the other event");
        assert_eq!(told(&log, next), [Value::Null; 0]);
        log.wrote("i-1", r#"{"requestId":"v-1"}"#);
        let told = told(&log, next);
        assert_eq!((told.len(), &told[0]["seq"], &told[0]["change"]), (1, &json!(1), &json!(2)));
        assert_eq!(told[0]["lines"], json!([r#"{"requestId":"v-1"}"#]));
    }

    #[test]
    fn a_client_that_goes_away_leaves_a_request_without_a_status() {
        let log = Arc::new(RequestLog::default());
        drop(begin(&log));
        assert_eq!((told(&log, 0).len(), &told(&log, 0)[0]["status"]), (1, &Value::Null));
    }

    #[test]
    fn the_oldest_requests_are_forgotten_and_a_reset_forgets_all() {
        let log = Arc::new(RequestLog::default());
        for _ in 0..KEPT + 2_500 {
            let open = begin(&log);
            log.takes(&format!("i-{}", open.seq), &format!("v-{}", open.seq), Some(open.seq));
            open.answered(Outcome { status: 200, ..Outcome::default() });
        }
        let changes = log.since(0, usize::MAX);
        assert_eq!((changes.requests.len(), changes.requests[0].seq, changes.next), (KEPT, 2_501, 12_501));
        assert!(lock(&log.kept).invocations.len() <= KEPT + 1_000);
        assert_eq!(
            log.since(0, 3).requests.iter().map(|request| request.seq).collect::<Vec<_>>(),
            [12_498, 12_499, 12_500]
        );
        log.reset();
        let empty = log.since(0, usize::MAX);
        assert!(empty.requests.is_empty() && empty.epoch != changes.epoch && empty.next > changes.next);
    }

    #[test]
    fn what_a_request_leads_to_is_kept_within_limits() {
        let log = Arc::new(RequestLog::default());
        let open = begin(&log);
        log.takes("i-1", "v-1", Some(open.seq));
        for number in 0..300 {
            log.called("i-1", call(number));
            log.wrote("i-1", &"é".repeat(5_000));
        }
        open.answered(Outcome::default());
        let told = &told(&log, 0)[0];
        let lines = told["lines"].as_array().unwrap();
        assert_eq!((told["calls"].as_array().unwrap().len(), lines.len()), (MOST_CALLS, MOST_LINES));
        assert_eq!(lines[0].as_str().unwrap().chars().count(), LONGEST_LINE);
    }
}
