//! DynamoDB: the embedded engine `dynoxide`, with the tables of the template.
//!
//! Requests go to the engine's own HTTP server on a private loopback port, because that is where it checks requests
//! as DynamoDB does. Tables are made, kept and emptied in process.

mod arn;
mod attributes;
mod capacity;
pub(crate) mod operation;
mod permission;
mod rows;

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Read};
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow};
use dynoxide::Database;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::{self, MissedTickBehavior};

use super::assumptions::Assumed;
use super::service::Requirement;
use crate::aws::service::call::Call;
use crate::aws::service::reply::{Protocol, Reply};
use crate::plumbing::http_server;
use crate::plumbing::jobs::Jobs;
use crate::plumbing::private_file;
use crate::plumbing::state_file;
use crate::template::Table;

/// How often rows whose time to live is over are deleted. AWS takes up to days.
const TTL_SWEEP: Duration = Duration::from_secs(60);

/// The engine and the way to it.
pub(crate) struct DynamoDb {
    database: Database,
    tables: Vec<Table>,
    region: String,
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
    assumed: Assumed,
}

impl DynamoDb {
    /// Opens the database in `file`, or one in memory, and makes the tables that it does not have yet.
    pub(crate) async fn open(file: Option<&Path>, tables: &[Table], region: &str, jobs: &Jobs) -> anyhow::Result<Self> {
        let database = match file {
            Some(file) => open_file(file)?,
            None => Database::memory().map_err(|error| anyhow!("cannot open a database in memory: {error}"))?,
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}/", listener.local_addr()?);
        let server = dynoxide::server::serve_with_shutdown(listener, database.clone(), std::future::pending());
        jobs.spawn(async move {
            let _ = server.await;
        });
        let swept = database.clone();
        jobs.spawn(async move {
            let mut sweep = time::interval(TTL_SWEEP);
            sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                sweep.tick().await;
                let database = swept.clone();
                // A sweep that fails is made up for by the next one.
                let _ = tokio::task::spawn_blocking(move || database.sweep_ttl()).await;
            }
        });
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        let dynamodb = Self {
            database,
            tables: tables.to_vec(),
            region: region.to_owned(),
            client,
            url,
            assumed: Assumed::default(),
        };
        dynamodb.make_tables()?;
        Ok(dynamodb)
    }

    /// What is assumed of DynamoDB.
    pub(crate) fn assuming(self, assumed: Assumed) -> Self {
        Self { assumed, ..self }
    }

    /// The permissions that a request needs.
    pub(crate) fn requirements(&self, operation: &str, input: &Value) -> Vec<Requirement> {
        let mut needed = permission::requirements(&self.region, operation, input);
        if self.assumed.now().old_item_needs_read {
            needed.extend(permission::for_old_items(&self.region, operation, input));
        }
        needed
    }

    /// Has the engine answer a request.
    pub(crate) async fn call(&self, call: &Call) -> Reply {
        // The engine would not say which.
        if !operation::OPERATIONS.contains(&call.operation.as_str()) {
            return call.service.unknown_operation(&call.operation);
        }
        if let Some(error) = arn::foreign(&self.region, &self.requirements(&call.operation, &call.input)) {
            return Protocol::Json10.service_error(&error);
        }
        let named = arn::with_names(&self.region, &call.input);
        let input = named.as_ref().unwrap_or(&call.input);
        let metered = capacity::request(&call.operation, input);
        let body =
            metered.as_ref().or(named.as_ref()).map_or_else(|| call.body.clone(), |input| input.to_string().into());
        match self.forward(call, body).await {
            Ok((status, body)) => {
                let of_here = arn::of_here(&self.region, &call.operation, &body);
                reply(status, of_here.map_or(body, Bytes::from), metered.is_some())
            }
            Err(error) => Protocol::Json10.error(500, "InternalServerError", &format!("{error:#}")),
        }
    }

    async fn forward(&self, call: &Call, body: Bytes) -> anyhow::Result<(u16, Bytes)> {
        let mut request = Request::post(&self.url).body(Full::new(body))?;
        for name in ["content-type", "x-amz-target", "authorization", "x-amz-date"] {
            if let Some(value) = call.headers.get(name) {
                request.headers_mut().insert(name, value.clone());
            }
        }
        let answer = self.client.request(request).await?;
        let status = answer.status().as_u16();
        Ok((status, answer.into_body().collect().await?.to_bytes()))
    }

    /// Empties every table of the template.
    pub(crate) fn reset(&self) -> anyhow::Result<()> {
        for table in &self.tables {
            match self.described(table)? {
                Some(existing) if is_protected(&existing) => self.protect(table, false)?,
                Some(_) => {}
                // The developer may have deleted it.
                None => continue,
            }
            let request = serde_json::from_value(json!({"TableName": table.name}))?;
            self.database.delete_table(request).map_err(|error| anyhow!("cannot delete {}: {error}", table.name))?;
        }
        self.make_tables()
    }

    fn make_tables(&self) -> anyhow::Result<()> {
        self.tables.iter().try_for_each(|table| self.make_table(table))
    }

    fn make_table(&self, table: &Table) -> anyhow::Result<()> {
        if let Some(existing) = self.described(table)? {
            unchanged(table, &existing)?;
            let wanted = is_protected(&table.create);
            return if wanted == is_protected(&existing) { Ok(()) } else { self.protect(table, wanted) };
        }
        let cannot = || format!("cannot create table {}", table.name);
        let create = serde_json::from_value(table.create.clone()).with_context(cannot)?;
        self.database.create_table(create).map_err(|error| anyhow!("{}: {error}", cannot()))?;
        if let Some(attribute) = &table.ttl_attribute {
            let ttl = json!({
                "TableName": table.name,
                "TimeToLiveSpecification": {"AttributeName": attribute, "Enabled": true},
            });
            let ttl = serde_json::from_value(ttl)?;
            self.database.update_time_to_live(ttl).map_err(|error| anyhow!("{}: {error}", cannot()))?;
        }
        Ok(())
    }

    /// The table as the engine has it, if it has it.
    fn described(&self, table: &Table) -> anyhow::Result<Option<Value>> {
        match self.database.describe_table(serde_json::from_value(json!({"TableName": table.name}))?) {
            Ok(existing) => Ok(Some(json!(existing)["Table"].clone())),
            Err(dynoxide::DynoxideError::ResourceNotFoundException(_)) => Ok(None),
            Err(error) => Err(anyhow!("cannot read table {}: {error}", table.name)),
        }
    }

    /// Has a table refuse to be deleted, or not any more.
    fn protect(&self, table: &Table, on: bool) -> anyhow::Result<()> {
        let update = serde_json::from_value(json!({"TableName": table.name, "DeletionProtectionEnabled": on}))?;
        let updated = self.database.update_table(update);
        updated.map(drop).map_err(|error| anyhow!("cannot update table {}: {error}", table.name))
    }
}

/// Whether the description of a table says that it must not be deleted.
fn is_protected(description: &Value) -> bool {
    description["DeletionProtectionEnabled"] == true
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

/// An existing table must have the keys and indexes that the template says; CloudFormation would replace it.
fn unchanged(table: &Table, existing: &Value) -> anyhow::Result<()> {
    let keys = |description: &Value| {
        let indexes = description["GlobalSecondaryIndexes"].as_array().into_iter().flatten();
        let mut keys: Vec<_> =
            indexes.map(|index| (index["IndexName"].to_string(), index["KeySchema"].clone())).collect();
        keys.sort_by(|a, b| a.0.cmp(&b.0));
        (description["KeySchema"].clone(), keys)
    };
    if keys(&table.create) == keys(existing) {
        return Ok(());
    }
    Err(anyhow!(
        "the stored table {} has other keys or indexes than the template: delete the data directory to start anew",
        table.name
    ))
}

/// The engine's answer. Its checksum header is left out, since the body may have been changed.
fn reply(status: u16, body: Bytes, strip: bool) -> Reply {
    let mut output: Value = serde_json::from_slice(&body).unwrap_or_default();
    let consumed_capacity = capacity::units(&output);
    let error_code = output["__type"].as_str().and_then(|code| code.rsplit('#').next()).map(str::to_owned);
    let stripped = strip && output.as_object_mut().is_some_and(|map| map.remove("ConsumedCapacity").is_some());
    let body = if stripped { output.to_string().into() } else { body };
    let mut answer = http_server::answer(status, "application/x-amz-json-1.0", body);
    if let Some(code) = &error_code {
        http_server::set_header(&mut answer, "x-amzn-errortype", code);
    }
    Reply { answer, error_code, denied_action: None, consumed_capacity }
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
