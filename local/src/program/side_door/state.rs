//! The rows of every table beside what IVS, IVS Real-Time and ECS say of the same things.
//!
//! A row stands for the resource that its attribute `arn` names, and may refer to others by any text that is their ARN or
//! their id. A resource that bears the stack's name in a tag is the stack's, and there should be a row that names it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::answer::Refused;
use super::masked::masked;
use super::request::{number, parameters};
use crate::aws::{Endpoint, Resource};
use crate::plumbing::clock;

/// Rows of a table that are looked at.
const MOST_READ: usize = 10_000;
/// Rows that a table shows unless asked otherwise, and at most.
const ROWS: usize = 100;
const MOST_ROWS: usize = 1_000;
const MOST_RESOURCES: usize = 1_000;

/// A row, what it names, and what is not as it should be.
struct Row {
    item: Value,
    resources: BTreeSet<String>,
    differences: Vec<String>,
}

/// Which rows to show.
struct Page<'a> {
    table: Option<&'a str>,
    offset: usize,
    rows: usize,
}

impl<'a> Page<'a> {
    fn read(query: &'a [(String, String)]) -> Result<Self, Refused> {
        let [table, offset, rows] = parameters(query, ["table", "offset", "rows"])?;
        let offset = number(offset, "offset", 0, "a number of rows")?;
        Ok(Self { table, offset, rows: number(rows, "rows", ROWS, "a number of rows")?.min(MOST_ROWS) })
    }
}

/// Everything, as it is now.
pub(super) async fn answer(endpoint: &Endpoint, stack: &str, query: &[(String, String)]) -> Result<Value, Refused> {
    let page = Page::read(query)?;
    if let Some(unknown) = page.table.filter(|table| !endpoint.dynamodb.tables().any(|known| known == *table)) {
        return Err(Refused(404, format!("there is no table `{unknown}`")));
    }
    // Not in the middle of a reset.
    let _open = endpoint.gate.read().await;
    let resources = endpoint.inventory();
    let mut by_id: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, resource) in resources.iter().enumerate() {
        for id in &resource.ids {
            by_id.entry(id).or_default().push(index);
        }
    }
    // The rows that name each resource.
    let mut named_by: Vec<Vec<Value>> = vec![Vec::new(); resources.len()];
    let (mut tables, mut count, mut is_complete) = (Vec::new(), 0, true);
    for name in endpoint.dynamodb.tables() {
        let Ok(read) = endpoint.dynamodb.rows(name, MOST_READ).await else {
            is_complete = false;
            continue;
        };
        is_complete &= !read.truncated;
        let total = read.rows.len();
        let mut rows = Vec::with_capacity(total);
        for item in read.rows {
            let row = look(item, &|arn| exists(endpoint, &by_id, arn));
            let key: Map<_, _> = read.key.iter().map(|part| (part.clone(), row.item[part].clone())).collect();
            for index in row.resources.iter().filter_map(|id| by_id.get(id.as_str())).flatten() {
                let at = json!({"table": name, "key": key});
                if !named_by[*index].contains(&at) {
                    named_by[*index].push(at);
                }
            }
            count += row.differences.len();
            rows.push(row);
        }
        if page.table.is_none_or(|table| table == name) {
            let key = &read.key;
            // Those to look at come first, and the rest in an order that stays.
            rows.sort_by_cached_key(|row| {
                let key: Vec<_> = key.iter().map(|part| row.item[part].to_string()).collect();
                (row.differences.is_empty(), key)
            });
            let shown: Vec<_> = rows.iter().skip(page.offset).take(page.rows).map(Row::to_json).collect();
            tables.push(json!({"name": name, "key": key, "count": total, "truncated": read.truncated, "rows": shown}));
        }
    }
    let told = resources.iter().zip(named_by).map(|(resource, rows)| {
        let differences = if is_complete { missing_row(resource, &rows, stack) } else { Vec::new() };
        count += differences.len();
        (differences.is_empty(), describe(resource, rows, &differences))
    });
    let mut told: Vec<_> = told.collect();
    told.sort_by_key(|(is_same, _)| *is_same);
    let resources: Vec<_> = told.into_iter().take(MOST_RESOURCES).map(|(_, resource)| resource).collect();
    let at = clock::rfc3339_millis(clock::now());
    Ok(json!({"at": at, "tables": tables, "resources": resources, "differences": count}))
}

/// What a row names, and which resources it stands for that are not there.
fn look(item: Map<String, Value>, exists: &dyn Fn(&str) -> Option<bool>) -> Row {
    let (mut resources, mut differences) = (BTreeSet::new(), Vec::new());
    // A secret names nothing.
    let item = masked(&Value::Object(item));
    walk(&item, &mut Vec::new(), &mut |path, text| {
        resources.insert(text.to_owned());
        if path.last() == Some(&"arn") && exists(text) == Some(false) {
            differences.push(format!("{text} is in `{}`, and there is no such {}", path.join("."), kind(text)));
        }
    });
    Row { item, resources, differences }
}

/// Goes through the texts of a value, each with the names that lead to it.
fn walk<'a>(value: &'a Value, path: &mut Vec<&'a str>, look: &mut impl FnMut(&[&str], &str)) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                path.push(name);
                walk(value, path, look);
                path.pop();
            }
        }
        Value::Array(items) => items.iter().for_each(|item| walk(item, path, look)),
        Value::String(text) => look(path, text),
        _ => {}
    }
}

/// Whether there is a resource of this ARN, if it is one that can be told.
fn exists(endpoint: &Endpoint, by_id: &BTreeMap<&str, Vec<usize>>, arn: &str) -> Option<bool> {
    let mut parts = arn.strip_prefix("arn:aws:")?.splitn(4, ':');
    match (parts.next()?, kind(arn)) {
        ("ivs", "channel" | "stage" | "stream-key" | "playback-key" | "public-key") => Some(endpoint.ivs.exists(arn)),
        ("ivschat", "room") => Some(endpoint.ivs_chat.exists(arn)),
        ("ecs", "task") => Some(by_id.contains_key(arn)),
        _ => None,
    }
}

/// The kind of resource in an ARN.
fn kind(arn: &str) -> &str {
    let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
    resource.split('/').next().unwrap_or_default()
}

fn missing_row(resource: &Resource, rows: &[Value], stack: &str) -> Vec<String> {
    let is_ours = resource.is_kept_in_rows && resource.tags.values().any(|value| value == stack);
    if is_ours && rows.is_empty() { vec![format!("no row names this {}", resource.kind)] } else { Vec::new() }
}

fn describe(resource: &Resource, rows: Vec<Value>, differences: &[String]) -> Value {
    let Resource { arn, service, kind, name, state, tags, description, .. } = resource;
    json!({
        "arn": arn,
        "service": service,
        "kind": kind,
        "name": name,
        "state": state,
        "tags": tags,
        "description": masked(description),
        "rows": rows,
        "differences": differences,
    })
}

impl Row {
    fn to_json(&self) -> Value {
        let is_arn = |text: &&String| text.starts_with("arn:");
        let resources: Vec<_> = self.resources.iter().filter(is_arn).collect();
        json!({"item": self.item, "resources": resources, "differences": self.differences})
    }
}
