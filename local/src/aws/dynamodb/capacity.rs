//! What a request costs: DynamoDB tells when asked, so every request asks, and the answer is hidden from callers who
//! did not.

use serde_json::Value;

/// Operations that take `ReturnConsumedCapacity`.
const METERED: [&str; 10] = [
    "BatchGetItem",
    "BatchWriteItem",
    "DeleteItem",
    "GetItem",
    "PutItem",
    "Query",
    "Scan",
    "TransactGetItems",
    "TransactWriteItems",
    "UpdateItem",
];

const MEMBER: &str = "ReturnConsumedCapacity";

/// The request with the question added, or `None` if the caller asks already or the operation has no such answer.
pub(crate) fn request(operation: &str, input: &Value) -> Option<Value> {
    let is_requested = input.get(MEMBER).is_some_and(|kind| kind != "NONE");
    if is_requested || !METERED.contains(&operation) || !input.is_object() {
        return None;
    }
    let mut input = input.clone();
    input[MEMBER] = "TOTAL".into();
    Some(input)
}

/// The capacity units in an answer, over all tables.
pub(crate) fn units(output: &Value) -> Option<f64> {
    let unit = |consumed: &Value| consumed.get("CapacityUnits").and_then(Value::as_f64);
    match output.get("ConsumedCapacity")? {
        Value::Array(tables) => Some(tables.iter().filter_map(unit).sum()),
        single => unit(single),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_question_is_added_only_where_nobody_asked() {
        let asking = json!({"TableName": "t", "ReturnConsumedCapacity": "TOTAL"});
        assert_eq!(request("GetItem", &json!({"TableName": "t"})), Some(asking.clone()));
        assert_eq!(
            request("GetItem", &json!({"TableName": "t", "ReturnConsumedCapacity": "NONE"})),
            Some(asking.clone())
        );
        assert_eq!(request("GetItem", &asking), None);
        assert_eq!(request("DescribeTable", &json!({"TableName": "t"})), None);
    }

    #[test]
    fn units_add_up_over_tables() {
        assert_eq!(units(&json!({"ConsumedCapacity": {"TableName": "t", "CapacityUnits": 0.5}})), Some(0.5));
        let tables = json!({"ConsumedCapacity": [{"CapacityUnits": 1.0}, {"CapacityUnits": 2.5}]});
        assert_eq!(units(&tables), Some(3.5));
        assert_eq!(units(&json!({})), None);
    }
}
