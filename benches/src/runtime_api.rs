//! Lambda's Runtime API, of one process: it tells what the process does, and holds its polls until there is an event.

use std::time::Instant;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use time::OffsetDateTime;
use tokio::sync::{mpsc, oneshot};

use crate::connections::Server;

/// What a process has done.
pub(crate) enum Step {
    /// Asked for an event, which is to be sent there.
    Polled(Instant, oneshot::Sender<Bytes>),
    /// Sent the whole answer to one.
    Answered(Instant, Bytes),
    /// Told of an error of its own, or asked for what there is not.
    Failed(String),
}

/// The API, until it is dropped.
pub(crate) struct RuntimeApi {
    server: Server,
    pub(crate) steps: mpsc::UnboundedReceiver<Step>,
}

impl RuntimeApi {
    /// Opens one.
    ///
    /// # Errors
    /// No free port.
    pub(crate) async fn open() -> anyhow::Result<Self> {
        let (tx, steps) = mpsc::unbounded_channel();
        let server = Server::open(None, async move |request| answer(&tx, request).await).await?;
        Ok(Self { server, steps })
    }

    /// What `AWS_LAMBDA_RUNTIME_API` is set to.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.server.port)
    }
}

async fn answer(tx: &mpsc::UnboundedSender<Step>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let at = Instant::now();
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().strip_prefix("/2018-06-01/runtime/").unwrap_or_default();
    if parts.method == Method::GET && path == "invocation/next" {
        let (reply, event) = oneshot::channel();
        let _ = tx.send(Step::Polled(at, reply));
        // No event comes any more when the process is about to be ended.
        let Ok(event) = event.await else { return with_status(StatusCode::GONE, Bytes::new()) };
        return next(event);
    }
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let is_answer = parts.method == Method::POST && path.starts_with("invocation/") && path.ends_with("/response");
    let _ = tx.send(if is_answer {
        Step::Answered(Instant::now(), body)
    } else {
        Step::Failed(format!("{} {}: {}", parts.method, parts.uri, String::from_utf8_lossy(&body)))
    });
    with_status(StatusCode::ACCEPTED, Bytes::from_static(br#"{"status":"OK"}"#))
}

fn next(event: Bytes) -> Response<Full<Bytes>> {
    #[expect(clippy::disallowed_methods, reason = "the edge")]
    let deadline = OffsetDateTime::now_utc() + time::Duration::seconds(10);
    let deadline = deadline.unix_timestamp() * 1_000 + i64::from(deadline.millisecond());
    let mut answer = with_status(StatusCode::OK, event);
    let headers = answer.headers_mut();
    headers.insert("lambda-runtime-aws-request-id", HeaderValue::from_static("8476a536-e9f4-11e8-9739-2dfe598c3fcd"));
    headers.insert("lambda-runtime-deadline-ms", HeaderValue::from(deadline));
    headers.insert(
        "lambda-runtime-invoked-function-arn",
        HeaderValue::from_static("arn:aws:lambda:us-east-1:123456789012:function:bench"),
    );
    headers.insert(
        "lambda-runtime-trace-id",
        HeaderValue::from_static("Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0"),
    );
    answer
}

fn with_status(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}
