//! Global secondary indexes that are late: a second engine has all rows as they were a moment ago, and answers whoever
//! reads an index.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use dynoxide::Database;
use serde_json::{Map, Value, json};

use super::engine::{Engine, all_items};
use crate::plumbing::sync::lock;

/// How late an index is. AWS speaks of a fraction of a second, usually.
const MOMENT: Duration = Duration::from_secs(1);

/// Operations that write no row and change no table.
const READING: [&str; 9] = [
    "BatchGetItem",
    "DescribeTable",
    "DescribeTimeToLive",
    "GetItem",
    "ListTables",
    "ListTagsOfResource",
    "Query",
    "Scan",
    "TransactGetItems",
];

/// The rows as they were.
pub(super) struct LateIndexes {
    /// Whose indexes are read.
    past: Engine,
    followed: Mutex<Option<Followed>>,
}

/// What is known of the engine whose rows these were.
struct Followed {
    tables: BTreeMap<String, Schema>,
    /// The oldest first.
    changes: VecDeque<Change>,
}

struct Schema {
    key: Vec<String>,
    indexes: BTreeSet<String>,
}

/// What a row became, or that it went.
struct Change {
    at: Instant,
    table: String,
    key: Value,
    item: Value,
}

impl LateIndexes {
    /// `past` belongs to them alone.
    pub(super) fn new(past: Engine) -> Self {
        Self { past, followed: Mutex::default() }
    }

    /// The engine that answers for them.
    pub(super) fn engine(&self) -> &Engine {
        &self.past
    }

    /// Follows an engine from now on, if it did not yet: the indexes know the rows that are there.
    ///
    /// # Errors
    /// What either engine fails with.
    pub(super) fn follow(&self, present: &Database) -> anyhow::Result<()> {
        let mut followed = lock(&self.followed);
        if followed.is_none() {
            *followed = Some(Followed { tables: copy(present, &self.past.database)?, changes: VecDeque::new() });
        }
        Ok(())
    }

    /// Follows no engine any more.
    pub(super) fn forget(&self) {
        *lock(&self.followed) = None;
    }

    /// Whether a request reads an index, which now shows what it showed a moment ago.
    ///
    /// # Errors
    /// What the engine fails with.
    pub(super) fn answers(&self, operation: &str, input: &Value, now: Instant) -> anyhow::Result<bool> {
        let (true, Some(table), Some(index)) =
            (matches!(operation, "Query" | "Scan"), input["TableName"].as_str(), input["IndexName"].as_str())
        else {
            return Ok(false);
        };
        let mut followed = lock(&self.followed);
        let Some(followed) = followed.as_mut() else { return Ok(false) };
        followed.let_pass(&self.past.database, now)?;
        Ok(followed.tables.get(table).is_some_and(|schema| schema.indexes.contains(index)))
    }

    /// Notes what a request has made of the rows that it names. After one that does not name them, or that changes a table,
    /// the indexes know everything at once.
    ///
    /// # Errors
    /// What either engine fails with.
    pub(super) fn note(&self, present: &Database, operation: &str, input: &Value, now: Instant) -> anyhow::Result<()> {
        if READING.contains(&operation) {
            return Ok(());
        }
        let mut held = lock(&self.followed);
        let Some(followed) = held.as_mut() else { return Ok(()) };
        followed.let_pass(&self.past.database, now)?;
        let Some(written) = written(operation, input, &followed.tables) else {
            *held = None;
            return Ok(());
        };
        for (table, key) in written {
            // Read under the lock: of two writers of a row, the later notes what it is in the end.
            let get = json!({"TableName": table, "Key": key, "ConsistentRead": true});
            let got = present.get_item(serde_json::from_value(get)?).map_err(|error| anyhow!("{error}"))?;
            let item = json!(got)["Item"].take();
            followed.changes.push_back(Change { at: now, table, key, item });
        }
        Ok(())
    }
}

impl Followed {
    /// Carries out the changes of more than a moment ago.
    fn let_pass(&mut self, past: &Database, now: Instant) -> anyhow::Result<()> {
        while self.changes.front().is_some_and(|change| now.duration_since(change.at) >= MOMENT) {
            let Some(Change { table, key, item, .. }) = self.changes.pop_front() else { break };
            if item.is_null() {
                let delete = serde_json::from_value(json!({"TableName": table, "Key": key}))?;
                past.delete_item(delete).map_err(|error| anyhow!("{error}"))?;
            } else {
                put(past, &table, &item)?;
            }
        }
        Ok(())
    }
}

/// Table and key of each row that a request writes; none if that cannot be told.
fn written(operation: &str, input: &Value, tables: &BTreeMap<String, Schema>) -> Option<Vec<(String, Value)>> {
    let key_of_item = |table: &str, item: &Value| -> Option<Value> {
        let part = |name: &String| Some((name.clone(), item.get(name)?.clone()));
        tables.get(table)?.key.iter().map(part).collect::<Option<Map<_, _>>>().map(Value::Object)
    };
    // A request of one row, or an action of a transaction, or a part of a batch.
    let row = |table: &str, request: &Value| -> Option<(String, Value)> {
        let key = match request.get("Item") {
            Some(item) => key_of_item(table, item)?,
            None => request.get("Key")?.clone(),
        };
        tables.contains_key(table).then(|| (table.to_owned(), key))
    };
    let of_its_table = |request: &Value| row(request["TableName"].as_str()?, request);
    match operation {
        "PutItem" | "UpdateItem" | "DeleteItem" => Some(vec![of_its_table(input)?]),
        "BatchWriteItem" => {
            let batches = input["RequestItems"].as_object()?.iter();
            let parts = batches.flat_map(|(table, parts)| {
                parts
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_object)
                    .flatten()
                    .map(move |it| (table, it.1))
            });
            parts.map(|(table, part)| row(table, part)).collect()
        }
        "TransactWriteItems" => {
            let actions = input["TransactItems"].as_array()?.iter().filter_map(Value::as_object).flatten();
            let writes = actions.filter(|(kind, _)| *kind != "ConditionCheck");
            writes.map(|(_, action)| of_its_table(action)).collect()
        }
        _ => None,
    }
}

/// Makes `past` what `present` is, as far as indexes show it.
fn copy(present: &Database, past: &Database) -> anyhow::Result<BTreeMap<String, Schema>> {
    let failed = |error: dynoxide::DynoxideError| anyhow!("{error}");
    for table in past.table_stats().map_err(failed)? {
        past.delete_table(serde_json::from_value(json!({"TableName": table.table_name}))?).map_err(failed)?;
    }
    let mut tables = BTreeMap::new();
    for table in present.table_stats().map_err(failed)? {
        let named = json!({"TableName": table.table_name});
        let described = json!(present.describe_table(serde_json::from_value(named.clone())?).map_err(failed)?);
        let described = &described["Table"];
        past.create_table(serde_json::from_value(creation(described))?).map_err(failed)?;
        let ttl = json!(present.describe_time_to_live(serde_json::from_value(named)?).map_err(failed)?);
        if let Some(attribute) = ttl["TimeToLiveDescription"]["AttributeName"].as_str() {
            let ttl = json!({
                "TableName": table.table_name,
                "TimeToLiveSpecification": {"AttributeName": attribute, "Enabled": true},
            });
            past.update_time_to_live(serde_json::from_value(ttl)?).map_err(failed)?;
        }
        for item in all_items(present, &table.table_name, usize::MAX)?.0 {
            put(past, &table.table_name, &item)?;
        }
        tables.insert(table.table_name, schema(described));
    }
    Ok(tables)
}

fn put(past: &Database, table: &str, item: &Value) -> anyhow::Result<()> {
    let put = serde_json::from_value(json!({"TableName": table, "Item": item}))?;
    past.put_item(put).map(drop).map_err(|error| anyhow!("{error}"))
}

/// What `CreateTable` takes for a table like the one described.
fn creation(described: &Value) -> Value {
    let mut create = json!({"BillingMode": "PAY_PER_REQUEST"});
    for member in ["TableName", "AttributeDefinitions", "KeySchema"] {
        create[member] = described[member].clone();
    }
    for member in ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"] {
        let index = |index: &Value| json!({"IndexName": index["IndexName"], "KeySchema": index["KeySchema"], "Projection": index["Projection"]});
        if let Some(indexes) = described[member].as_array().filter(|indexes| !indexes.is_empty()) {
            create[member] = indexes.iter().map(index).collect();
        }
    }
    create
}

fn schema(described: &Value) -> Schema {
    let texts = |list: &Value, member: &str| -> Vec<String> {
        list.as_array().into_iter().flatten().filter_map(|it| it[member].as_str().map(str::to_owned)).collect()
    };
    Schema {
        key: texts(&described["KeySchema"], "AttributeName"),
        indexes: texts(&described["GlobalSecondaryIndexes"], "IndexName").into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plumbing::jobs::Jobs;

    const TABLE: &str = "rows";

    /// Rows with an index of them by owner, in an engine, and the late indexes.
    struct Rows {
        present: Database,
        late: LateIndexes,
        start: Instant,
        _jobs: Jobs,
    }

    impl Rows {
        async fn new() -> Self {
            let jobs = Jobs::default();
            let rows = Self {
                present: Database::memory().unwrap(),
                late: LateIndexes::new(Engine::open(None, &jobs).await.unwrap()),
                start: Instant::now(),
                _jobs: jobs,
            };
            let keys = |key: &str| json!([{"AttributeName": key, "KeyType": "HASH"}]);
            let attribute = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
            let index =
                json!({"IndexName": "by-owner", "KeySchema": keys("owner"), "Projection": {"ProjectionType": "ALL"}});
            let create = json!({
                "TableName": TABLE, "BillingMode": "PAY_PER_REQUEST", "KeySchema": keys("id"),
                "AttributeDefinitions": [attribute("id"), attribute("owner")], "GlobalSecondaryIndexes": [index],
            });
            rows.present.create_table(serde_json::from_value(create).unwrap()).unwrap();
            rows
        }

        /// The values that the index shows so many milliseconds after the start, by id.
        fn shown(&self, ms: u64) -> Vec<String> {
            let query = json!({
                "TableName": TABLE, "IndexName": "by-owner", "KeyConditionExpression": "#owner = :owner",
                "ExpressionAttributeNames": {"#owner": "owner"}, "ExpressionAttributeValues": {":owner": {"S": "alice"}},
            });
            assert!(self.late.answers("Query", &query, self.start + Duration::from_millis(ms)).unwrap());
            let found = self.late.engine().database.query(serde_json::from_value(query).unwrap()).unwrap();
            let found = json!(found)["Items"].take();
            let text = |item: &Value| format!("{} {}", item["id"]["S"], item["value"]["S"]).replace('"', "");
            let mut shown: Vec<_> = found.as_array().unwrap().iter().map(text).collect();
            shown.sort();
            shown
        }

        fn put(&self, id: &str, value: &str) {
            put(&self.present, TABLE, &item(id, value)).unwrap();
        }

        fn delete(&self, id: &str) {
            let delete = json!({"TableName": TABLE, "Key": {"id": {"S": id}}});
            self.present.delete_item(serde_json::from_value(delete).unwrap()).unwrap();
        }

        fn note(&self, operation: &str, input: &Value, ms: u64) {
            self.late.note(&self.present, operation, input, self.start + Duration::from_millis(ms)).unwrap();
        }
    }

    fn item(id: &str, value: &str) -> Value {
        json!({"id": {"S": id}, "owner": {"S": "alice"}, "value": {"S": value}})
    }

    fn at(action: Value) -> Value {
        let mut request = json!({"TableName": TABLE});
        request.as_object_mut().unwrap().extend(action.as_object().unwrap().clone());
        request
    }

    #[tokio::test]
    async fn an_index_shows_what_was_written_as_it_was_before_for_a_moment() {
        let rows = Rows::new().await;
        for id in ["changed", "deleted"] {
            rows.put(id, "old");
        }
        rows.late.follow(&rows.present).unwrap();
        rows.put("new", "new");
        rows.note("PutItem", &at(json!({"Item": item("new", "new")})), 0);
        rows.put("changed", "new");
        rows.note("UpdateItem", &at(json!({"Key": {"id": {"S": "changed"}}})), 100);
        rows.delete("deleted");
        rows.note("DeleteItem", &at(json!({"Key": {"id": {"S": "deleted"}}})), 200);
        for ms in [200, 999] {
            assert_eq!(rows.shown(ms), ["changed old", "deleted old"]);
        }
        assert_eq!(rows.shown(1_000), ["changed old", "deleted old", "new new"]);
        assert_eq!(rows.shown(1_100), ["changed new", "deleted old", "new new"]);
        assert_eq!(rows.shown(1_200), ["changed new", "new new"]);
    }

    #[tokio::test]
    async fn each_row_of_a_batch_and_of_a_transaction_is_late() {
        let rows = Rows::new().await;
        rows.put("b", "old");
        rows.late.follow(&rows.present).unwrap();
        rows.put("a", "new");
        rows.delete("b");
        let key = json!({"id": {"S": "b"}});
        let (put, delete) = (json!({"PutRequest": {"Item": item("a", "new")}}), json!({"DeleteRequest": {"Key": key}}));
        rows.note("BatchWriteItem", &json!({"RequestItems": {TABLE: [put, delete]}}), 0);
        assert_eq!(rows.shown(999), ["b old"]);
        assert_eq!(rows.shown(1_000), ["a new"]);
        rows.put("a", "newer");
        rows.put("b", "newer");
        let transaction = json!({"TransactItems": [
            {"Put": at(json!({"Item": item("a", "newer")}))}, {"Update": at(json!({"Key": key}))},
            {"ConditionCheck": {"TableName": "elsewhere", "Key": key}},
        ]});
        rows.note("TransactWriteItems", &transaction, 2_000);
        assert_eq!(rows.shown(2_999), ["a new"]);
        assert_eq!(rows.shown(3_000), ["a newer", "b newer"]);
    }

    #[tokio::test]
    async fn what_does_not_name_its_rows_is_shown_at_once_with_all_before() {
        let rows = Rows::new().await;
        rows.late.follow(&rows.present).unwrap();
        rows.put("a", "new");
        rows.note("PutItem", &at(json!({"Item": item("a", "new")})), 0);
        rows.put("b", "new");
        rows.note("ExecuteStatement", &json!({"Statement": "..."}), 0);
        rows.late.follow(&rows.present).unwrap();
        assert_eq!(rows.shown(0), ["a new", "b new"]);
    }

    #[tokio::test]
    async fn a_table_itself_and_an_index_that_is_not_there_are_read_as_they_are() {
        let rows = Rows::new().await;
        rows.late.follow(&rows.present).unwrap();
        for input in
            [at(json!({})), at(json!({"IndexName": "by-name"})), json!({"TableName": "a", "IndexName": "by-owner"})]
        {
            assert!(!rows.late.answers("Scan", &input, rows.start).unwrap(), "{input}");
        }
    }
}
