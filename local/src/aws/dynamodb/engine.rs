//! The embedded engine `dynoxide`, and the way to it: its own HTTP server on a private loopback port.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::Mutex;

use anyhow::{Context, anyhow};
use dynoxide::Database;
use http::Request;
use http::header::HOST;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use crate::aws::service::call::Call;
use crate::plumbing::jobs::Jobs;
use crate::plumbing::private_file;
use crate::plumbing::state_file;
use crate::plumbing::sync::lock;

/// A database, and its server.
pub(super) struct Engine {
    pub(super) database: Database,
    address: SocketAddr,
    /// Connections that nobody uses.
    idle: Mutex<Vec<Connection>>,
}

impl Engine {
    /// Opens the database in `file`, or one in memory.
    pub(super) async fn open(file: Option<&Path>, jobs: &Jobs) -> anyhow::Result<Self> {
        let database = match file {
            Some(file) => open_file(file)?,
            None => Database::memory().map_err(|error| anyhow!("cannot open a database in memory: {error}"))?,
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let server = dynoxide::server::serve_with_shutdown(listener, database.clone(), std::future::pending());
        jobs.spawn(async move {
            let _ = server.await;
        });
        Ok(Self { database, address, idle: Mutex::default() })
    }

    /// Has the engine answer a call that has this body: status and body.
    pub(super) async fn forward(&self, call: &Call, body: Bytes) -> anyhow::Result<(u16, Bytes)> {
        let mut request = Request::post("/").header(HOST, "localhost").body(Full::new(body))?;
        for name in ["content-type", "x-amz-target", "authorization", "x-amz-date"] {
            if let Some(value) = call.headers.get(name) {
                request.headers_mut().insert(name, value.clone());
            }
        }
        let idle = lock(&self.idle).pop();
        if let Some(mut connection) = idle.filter(Connection::is_open) {
            match connection.ask(request.clone()).await {
                // The server had closed it, and nothing was sent.
                Err(error) if error.is_canceled() => {}
                answer => return Ok(self.keep(connection, answer?)),
            }
        }
        let mut connection = Connection::open(self.address).await?;
        let answer = connection.ask(request).await?;
        Ok(self.keep(connection, answer))
    }

    /// Keeps a connection for the next call, and gives the answer to this one.
    fn keep(&self, connection: Connection, answer: (u16, Bytes)) -> (u16, Bytes) {
        lock(&self.idle).push(connection);
        answer
    }
}

/// Does what a connection has to do.
type Driver = http1::Connection<TokioIo<TcpStream>, Full<Bytes>>;

/// A connection to the server. Whoever asks reads and writes: no other task has to be woken for that.
struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    /// `None` once it has ended.
    driver: Option<Pin<Box<Driver>>>,
}

impl Connection {
    async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, driver) = http1::handshake(TokioIo::new(stream)).await?;
        Ok(Self { sender, driver: Some(Box::pin(driver)) })
    }

    fn is_open(&self) -> bool {
        self.driver.is_some() && !self.sender.is_closed()
    }

    /// The status and the body of the answer.
    async fn ask(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<(u16, Bytes)> {
        let Self { sender, driver } = self;
        let answer = async {
            let answer = sender.send_request(request).await?;
            let status = answer.status().as_u16();
            Ok((status, answer.into_body().collect().await?.to_bytes()))
        };
        let mut answer = pin!(answer);
        let ended = match driver {
            None => Ok(()),
            Some(running) => tokio::select! {
                // The connection may end with the answer.
                biased;
                answer = &mut answer => return answer,
                ended = running => ended,
            },
        };
        // It would hold a request that it has not sent, and whoever waits for the answer.
        *driver = None;
        ended?;
        answer.await
    }
}

/// The items of a table, page by page until there are `most`, and whether there are more.
///
/// # Errors
/// There is no such table, or the engine fails.
pub(super) fn all_items(database: &Database, table: &str, most: usize) -> anyhow::Result<(Vec<Value>, bool)> {
    let (mut items, mut start) = (Vec::new(), Value::Null);
    loop {
        let mut request = json!({"TableName": table});
        if !start.is_null() {
            request["ExclusiveStartKey"] = start;
        }
        let answer = database.scan(serde_json::from_value(request)?);
        let mut answer = json!(answer.map_err(|error| anyhow!("cannot read table {table}: {error}"))?);
        if let Value::Array(page) = answer["Items"].take() {
            items.extend(page);
        }
        start = answer["LastEvaluatedKey"].take();
        if start.is_null() || items.len() >= most {
            return Ok((items, !start.is_null()));
        }
    }
}

/// Opens the database in `file`, which is made if it does not exist.
fn open_file(file: &Path) -> anyhow::Result<Database> {
    /// How every SQLite file starts that is not empty.
    const MAGIC: &[u8] = b"SQLite format 3\0";
    // The engine would guess that a file of another kind is encrypted.
    let mut start = Vec::new();
    match OpenOptions::new().read(true).write(true).open(file) {
        Ok(opened) => opened.take(MAGIC.len() as u64).read_to_end(&mut start).map(drop),
        // The engine would make it readable by everybody.
        Err(error) if error.kind() == ErrorKind::NotFound => {
            private_file::options().write(true).create_new(true).open(file).map(drop)
        }
        Err(error) => Err(error),
    }
    .with_context(|| format!("cannot use {}", file.display()))?;
    if !start.is_empty() && start != MAGIC {
        return Err(state_file::broken(file, "it is no SQLite database"));
    }
    restrict(file).with_context(|| format!("cannot use {}", file.display()))?;
    Database::new(&file.display().to_string()).map_err(|error| match start.is_empty() {
        true => anyhow!("cannot make {}: {error}", file.display()),
        false => state_file::broken(file, "it is no database of the local cloud"),
    })
}

/// Keeps a database that others could read from them. Files that SQLite makes beside it get its mode.
fn restrict(file: &Path) -> io::Result<()> {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut name = file.as_os_str().to_owned();
        name.push(suffix);
        private_file::restrict(Path::new(&name))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::plumbing::state_file::tests::TemporaryDirectory;

    #[test]
    fn a_file_that_is_no_database_is_named_with_what_to_delete() {
        let directory = TemporaryDirectory::new();
        let header = [&b"SQLite format 3\0"[..], &[7; 4096]].concat();
        for garbage in [&b"garbage"[..], &header] {
            fs::write(directory.file(), garbage).unwrap();
            let said = open_file(&directory.file()).err().unwrap().to_string();
            assert!(said.contains("database") && said.contains("delete the whole data directory"), "{said}");
            assert!(!said.contains("encrypt"), "{said}");
        }
    }

    #[test]
    fn an_empty_or_absent_file_becomes_a_database() {
        let directory = TemporaryDirectory::new();
        drop(open_file(&directory.file()).unwrap());
        fs::write(directory.file(), "").unwrap();
        open_file(&directory.file()).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_a_database_also_one_that_others_could() {
        use std::os::unix::fs::PermissionsExt;
        let directory = TemporaryDirectory::new();
        for _ in 0..2 {
            let _database = open_file(&directory.file()).unwrap();
            let beside = fs::read_dir(directory.file().parent().unwrap()).unwrap();
            for file in beside.map(|entry| entry.unwrap().path()) {
                assert_eq!(private_file::mode(&file), 0o600, "{}", file.display());
                fs::set_permissions(file, fs::Permissions::from_mode(0o644)).unwrap();
            }
        }
    }
}
