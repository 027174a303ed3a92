//! DynamoDB: the embedded engine `dynoxide`, with the tables of the template.
//!
//! Requests go to the engine's own HTTP server on a private loopback port, because that is where it checks requests
//! as DynamoDB does. Tables are made, kept and emptied in process.

mod arn;
mod attributes;
mod capacity;
mod engine;
mod late_indexes;
pub(crate) mod operation;
mod permission;
mod rows;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use hyper::body::Bytes;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::time::{self, MissedTickBehavior};

use self::engine::Engine;
use self::late_indexes::LateIndexes;
use super::assumptions::Assumed;
use super::service::Requirement;
use crate::aws::service::call::Call;
use crate::aws::service::reply::{Protocol, Reply};
use crate::plumbing::http_server;
use crate::plumbing::jobs::Jobs;
use crate::template::Table;

/// How often rows whose time to live is over are deleted. AWS takes up to days.
const TTL_SWEEP: Duration = Duration::from_secs(60);

/// The engine and the way to it.
pub(crate) struct DynamoDb {
    engine: Engine,
    tables: Vec<Table>,
    region: String,
    late: LateIndexes,
    assumed: Assumed,
}

impl DynamoDb {
    /// Opens the database in `file`, or one in memory, and makes the tables that it does not have yet.
    pub(crate) async fn open(file: Option<&Path>, tables: &[Table], region: &str, jobs: &Jobs) -> anyhow::Result<Self> {
        let engine = Engine::open(file, jobs).await?;
        // Their indexes are in memory: after a start, they know the rows that are there.
        let past = Engine::open(None, jobs).await?;
        let swept = [engine.database.clone(), past.database.clone()];
        jobs.spawn(async move {
            let mut sweep = time::interval(TTL_SWEEP);
            sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                sweep.tick().await;
                for database in swept.clone() {
                    // A sweep that fails is made up for by the next one.
                    let _ = tokio::task::spawn_blocking(move || database.sweep_ttl()).await;
                }
            }
        });
        let dynamodb = Self {
            engine,
            tables: tables.to_vec(),
            region: region.to_owned(),
            late: LateIndexes::new(past),
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

    /// Has the engine answer a request that needs these permissions.
    pub(crate) async fn call(&self, call: &Call, needed: &[Requirement]) -> Reply {
        // The engine would not say which.
        if !operation::OPERATIONS.contains(&call.operation.as_str()) {
            return call.service.unknown_operation(&call.operation);
        }
        if let Some(error) = arn::foreign(&self.region, needed) {
            return Protocol::Json10.service_error(&error);
        }
        let named = arn::with_names(&self.region, &call.input);
        let input = named.as_ref().unwrap_or(&call.input);
        let body = named.as_ref().map_or_else(|| call.body.clone(), |input| input.to_string().into());
        let metered = capacity::request(&call.operation, input, &body);
        let strip = metered.is_some();
        let body = metered.unwrap_or(body);
        match self.answer(call, input, body).await {
            Ok((status, body)) => {
                let of_here = arn::of_here(&self.region, &call.operation, &body);
                reply(status, of_here.map_or(body, Bytes::from), strip)
            }
            Err(error) => Protocol::Json10.error(500, "InternalServerError", &format!("{error:#}")),
        }
    }

    /// Has the engine answer, or the one that has the rows as they were.
    async fn answer(&self, call: &Call, input: &Value, body: Bytes) -> anyhow::Result<(u16, Bytes)> {
        let is_late = || self.assumed.now().late_indexes;
        if is_late() {
            self.late.follow(&self.engine.database)?;
            if self.late.answers(&call.operation, input, Instant::now())? {
                return self.late.engine().forward(call, body).await;
            }
        } else {
            self.late.forget();
        }
        let answer = self.engine.forward(call, body).await?;
        // Others may have begun to be late meanwhile, without what this call has written.
        if is_late() && answer.0 == 200 {
            self.late.note(&self.engine.database, &call.operation, input, Instant::now())?;
        }
        Ok(answer)
    }

    /// Empties every table of the template.
    pub(crate) fn reset(&self) -> anyhow::Result<()> {
        self.late.forget();
        for table in &self.tables {
            match self.described(table)? {
                Some(existing) if is_protected(&existing) => self.protect(table, false)?,
                Some(_) => {}
                // The developer may have deleted it.
                None => continue,
            }
            let request = serde_json::from_value(json!({"TableName": table.name}))?;
            self.engine
                .database
                .delete_table(request)
                .map_err(|error| anyhow!("cannot delete {}: {error}", table.name))?;
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
        self.engine.database.create_table(create).map_err(|error| anyhow!("{}: {error}", cannot()))?;
        if let Some(attribute) = &table.ttl_attribute {
            let ttl = json!({
                "TableName": table.name,
                "TimeToLiveSpecification": {"AttributeName": attribute, "Enabled": true},
            });
            let ttl = serde_json::from_value(ttl)?;
            self.engine.database.update_time_to_live(ttl).map_err(|error| anyhow!("{}: {error}", cannot()))?;
        }
        Ok(())
    }

    /// The table as the engine has it, if it has it.
    fn described(&self, table: &Table) -> anyhow::Result<Option<Value>> {
        match self.engine.database.describe_table(serde_json::from_value(json!({"TableName": table.name}))?) {
            Ok(existing) => Ok(Some(json!(existing)["Table"].clone())),
            Err(dynoxide::DynoxideError::ResourceNotFoundException(_)) => Ok(None),
            Err(error) => Err(anyhow!("cannot read table {}: {error}", table.name)),
        }
    }

    /// Has a table refuse to be deleted, or not any more.
    fn protect(&self, table: &Table, on: bool) -> anyhow::Result<()> {
        let update = serde_json::from_value(json!({"TableName": table.name, "DeletionProtectionEnabled": on}))?;
        let updated = self.engine.database.update_table(update);
        updated.map(drop).map_err(|error| anyhow!("cannot update table {}: {error}", table.name))
    }
}

/// Whether the description of a table says that it must not be deleted.
fn is_protected(description: &Value) -> bool {
    description["DeletionProtectionEnabled"] == true
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
    // The items stay as they are written: they may be many.
    let mut output: BTreeMap<String, &RawValue> = serde_json::from_slice(&body).unwrap_or_default();
    let member = |name: &str| output.get(name).and_then(|raw| serde_json::from_str::<Value>(raw.get()).ok());
    let consumed_capacity = member(capacity::ANSWER).and_then(|consumed| capacity::units(&consumed));
    let error_code = member("__type").and_then(|code| code.as_str()?.rsplit('#').next().map(str::to_owned));
    let stripped = strip && output.remove(capacity::ANSWER).is_some();
    let body = if stripped { serde_json::to_string(&output).unwrap_or_default().into() } else { body.clone() };
    let mut answer = http_server::answer(status, "application/x-amz-json-1.0", body);
    if let Some(code) = &error_code {
        http_server::set_header(&mut answer, "x-amzn-errortype", code);
    }
    Reply { answer, error_code, denied_action: None, consumed_capacity }
}
