//! The rows of a table, for those who look at all of them.

use serde_json::{Map, Value};

use super::DynamoDb;
use super::engine::all_items;

/// Rows in plain JSON, without DynamoDB's types.
pub(crate) struct Rows {
    /// The attributes of the primary key.
    pub(crate) key: Vec<String>,
    pub(crate) rows: Vec<Map<String, Value>>,
    /// Whether there are more.
    pub(crate) truncated: bool,
}

impl DynamoDb {
    /// The names of the template's tables.
    pub(crate) fn tables(&self) -> impl Iterator<Item = &str> {
        self.tables.iter().map(|table| table.name.as_str())
    }

    /// The rows of a table of the template, `most` of them.
    ///
    /// # Errors
    /// The developer has deleted the table, or the engine fails.
    pub(crate) async fn rows(&self, name: &str, most: usize) -> anyhow::Result<Rows> {
        let table = self.tables.iter().find(|table| table.name == name);
        let schema = table.map(|table| table.create["KeySchema"].clone()).unwrap_or_default();
        let key = schema.as_array().into_iter().flatten().filter_map(|part| part["AttributeName"].as_str());
        let key = key.map(str::to_owned).collect();
        let (database, name) = (self.engine.database.clone(), name.to_owned());
        let scanned = tokio::task::spawn_blocking(move || all_items(&database, &name, most)).await??;
        let (items, mut truncated) = scanned;
        let mut rows: Vec<_> = items.iter().map(plain_item).collect();
        truncated |= rows.len() > most;
        rows.truncate(most);
        Ok(Rows { key, rows, truncated })
    }
}

fn plain_item(item: &Value) -> Map<String, Value> {
    item.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), plain(value))).collect()
}

/// A value without its type. A number keeps its digits if JSON has it.
fn plain(value: &Value) -> Value {
    let Some((kind, value)) = value.as_object().and_then(|value| value.iter().next()) else { return Value::Null };
    match kind.as_str() {
        "M" => plain_item(value).into(),
        "L" => value.as_array().into_iter().flatten().map(plain).collect(),
        "N" => number(value),
        "NS" => value.as_array().into_iter().flatten().map(number).collect(),
        "NULL" => Value::Null,
        _ => value.clone(),
    }
}

fn number(value: &Value) -> Value {
    let number = value.as_str().and_then(|text| serde_json::from_str::<serde_json::Number>(text).ok());
    number.map_or_else(|| value.clone(), Value::from)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_shown_without_its_type() {
        let item = json!({
            "text": {"S": "a"}, "number": {"N": "1.50"}, "yes": {"BOOL": true}, "nothing": {"NULL": true},
            "list": {"L": [{"S": "a"}, {"M": {"b": {"N": "2"}}}]}, "set": {"SS": ["a"]}, "numbers": {"NS": ["1"]},
        });
        let expected = json!({
            "text": "a", "number": 1.5, "yes": true, "nothing": null, "list": ["a", {"b": 2}], "set": ["a"], "numbers": [1],
        });
        assert_eq!(Value::from(plain_item(&item)), expected);
    }
}
