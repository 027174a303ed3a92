//! The way from a browser to a task's process: one port for all tasks, told apart by the first segment of the path.
//!
//! On AWS every task has an address of its own. Here the public address of each is that of this machine, and the front reads
//! the head of a request, takes the task's id off its path, and passes on what follows in both directions, be it WebSocket
//! or anything else.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time;

use crate::aws::Endpoint;
use crate::plumbing::http_server::ACCEPT_PAUSE;

/// The longest head of a request.
const HEAD_LIMIT: usize = 64 << 10;
/// How long a head may take to come.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes that are on their way in one direction at a time.
const BUFFER: usize = 16 << 10;

/// Serves until the returned future is dropped; every open connection is dropped with it.
pub(crate) async fn serve(listener: TcpListener, endpoint: Arc<Endpoint>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((browser, _)) => _ = connections.spawn(pass(browser, Arc::clone(&endpoint))),
                Err(_) => time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Passes one connection on until either side ends it.
async fn pass(mut browser: TcpStream, endpoint: Arc<Endpoint>) {
    let _ = browser.set_nodelay(true);
    let Ok(Some((head, rest))) = time::timeout(HEAD_TIMEOUT, read_head(&mut browser)).await else { return };
    let Some(Request { task, head }) = Request::read(&head) else {
        return refuse(browser, "404 Not Found", "the path begins with the id of a task").await;
    };
    let Some((port, mut cut)) = endpoint.ecs.network(&task) else {
        return refuse(browser, "404 Not Found", "there is no such task, or it has no process that runs").await;
    };
    if go_on(&mut cut).await.is_none() {
        return;
    }
    let process = async { TcpStream::connect((Ipv4Addr::LOCALHOST, port?)).await.ok() };
    let Some(mut process) = process.await else {
        return refuse(browser, "502 Bad Gateway", "the process does not listen").await;
    };
    let _ = process.set_nodelay(true);
    if process.write_all(&[head.as_bytes(), &rest].concat()).await.is_err() {
        return;
    }
    let (mut from_browser, mut to_browser) = browser.split();
    let (mut from_process, mut to_process) = process.split();
    let (mut cut_here, mut cut_there) = (cut.clone(), cut);
    let up = copy(&mut from_browser, &mut to_process, &mut cut_here);
    let down = copy(&mut from_process, &mut to_browser, &mut cut_there);
    tokio::join!(up, down);
}

/// Copies one direction to its end, which is passed on, too. While it is cut, nothing comes through, not even the end.
async fn copy(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    cut: &mut watch::Receiver<bool>,
) {
    let mut buffer = vec![0; BUFFER];
    loop {
        if go_on(cut).await.is_none() {
            return;
        }
        let read = tokio::select! {
            read = from.read(&mut buffer) => read.unwrap_or(0),
            // It is cut, or goes on: nothing has been read.
            changed = cut.changed() => match changed {
                Ok(()) => continue,
                // The process is not wanted any more; what it has sent comes through.
                Err(_) => from.read(&mut buffer).await.unwrap_or(0),
            },
        };
        // What is on its way when a connection is cut arrives when it goes on.
        if go_on(cut).await.is_none() {
            return;
        }
        if read == 0 || to.write_all(&buffer[..read]).await.is_err() {
            let _ = to.shutdown().await;
            return;
        }
    }
}

/// Waits until the connection is not cut. `None` if that is never to be.
async fn go_on(cut: &mut watch::Receiver<bool>) -> Option<()> {
    cut.wait_for(|is_cut| !is_cut).await.ok().map(drop)
}

async fn refuse(mut browser: TcpStream, status: &str, what: &str) {
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{what}\n",
        what.len() + 1
    );
    let _ = browser.write_all(answer.as_bytes()).await;
}

/// The head of a request with the empty line at its end, and what has come after it. `None` if the browser goes away, or sends
/// no head.
async fn read_head(browser: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    const END: &[u8] = b"\r\n\r\n";
    let mut bytes = Vec::new();
    loop {
        let searched = bytes.len().saturating_sub(END.len());
        if browser.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        if let Some(at) = bytes[searched..].windows(END.len()).position(|window| window == END) {
            let rest = bytes.split_off(searched + at + END.len());
            return Some((String::from_utf8(bytes).ok()?, rest));
        }
        if bytes.len() > HEAD_LIMIT {
            return None;
        }
    }
}

/// A request, and the task that it is for.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    /// An id.
    task: String,
    /// As the process is to read it.
    head: String,
}

impl Request {
    /// Takes the task off the path. One request a connection, unless it becomes something else than HTTP: a next one could be
    /// for another task.
    fn read(head: &str) -> Option<Self> {
        let (line, headers) = head.split_once("\r\n")?;
        let (method, target) = line.split_once(' ')?;
        let (task, rest) = target.strip_prefix('/')?.split_once(['/', '?', ' '])?;
        let after = &target[1 + task.len()..];
        let slash = if after.starts_with('/') { "" } else { "/" };
        let named =
            |line: &&str, name: &str| line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
        let is_upgrade = headers.split("\r\n").any(|line| named(&line, "upgrade:"));
        let headers = if is_upgrade {
            headers.to_owned()
        } else {
            let kept = headers.split("\r\n").filter(|line| !named(line, "connection:"));
            format!("connection: close\r\n{}", kept.collect::<Vec<_>>().join("\r\n"))
        };
        (!task.is_empty() && !rest.is_empty())
            .then(|| Self { task: task.to_owned(), head: format!("{method} {slash}{after}\r\n{headers}") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(head: &str) -> Option<(String, String)> {
        Request::read(head).map(|request| (request.task, request.head))
    }

    #[test]
    fn the_task_is_taken_off_the_path() {
        for (target, task, rest) in
            [("/t1/", "t1", "/"), ("/t1", "t1", "/"), ("/t1/a/b?c=/d", "t1", "/a/b?c=/d"), ("/t1?c=d", "t1", "/?c=d")]
        {
            let headers = "Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
            let expected = (task.to_owned(), format!("GET {rest} HTTP/1.1\r\n{headers}"));
            assert_eq!(read(&format!("GET {target} HTTP/1.1\r\n{headers}")), Some(expected), "{target}");
        }
        for head in ["GET / HTTP/1.1\r\n\r\n", "GET x HTTP/1.1\r\n\r\n", "nonsense\r\n\r\n", "GET //a HTTP/1.1\r\n\r\n"]
        {
            assert_eq!(read(head), None, "{head:?}");
        }
    }

    #[test]
    fn a_connection_has_one_request_unless_it_becomes_something_else() {
        let (_, head) = read("GET /t1/health HTTP/1.1\r\nhost: x\r\nConnection: keep-alive\r\n\r\n").unwrap();
        assert_eq!(head, "GET /health HTTP/1.1\r\nconnection: close\r\nhost: x\r\n\r\n");
    }
}
