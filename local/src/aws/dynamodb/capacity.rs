//! What a request costs: DynamoDB tells when asked, so every request asks, and the answer is hidden from callers who
//! did not.

use hyper::body::Bytes;
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
/// The member of an answer that says it.
pub(crate) const ANSWER: &str = "ConsumedCapacity";

/// The request with the question added, or `None` if the caller asks already or the operation has no such answer. `body` is
/// `input` as it is written, and stays so where nothing about capacity is said.
pub(crate) fn request(operation: &str, input: &Value, body: &[u8]) -> Option<Bytes> {
    let members = input.as_object().filter(|_| METERED.contains(&operation))?;
    if members.contains_key(MEMBER) {
        if members[MEMBER] != "NONE" {
            return None;
        }
        let mut members = members.clone();
        members.insert(MEMBER.to_owned(), "TOTAL".into());
        return Some(Value::from(members).to_string().into());
    }
    // An object without members may be written as nothing at all.
    let (open, comma) = match body.trim_ascii_end().strip_suffix(b"}") {
        Some(open) if !members.is_empty() => (open, &b","[..]),
        _ => (&b"{"[..], &b""[..]),
    };
    Some([open, comma, br#""ReturnConsumedCapacity":"TOTAL"}"#].concat().into())
}

/// The capacity units in what an answer says of it, over all tables.
pub(crate) fn units(consumed: &Value) -> Option<f64> {
    let unit = |consumed: &Value| consumed.get("CapacityUnits").and_then(Value::as_f64);
    match consumed {
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
        let asked = |operation, body: &str| {
            let input = if body.is_empty() { json!({}) } else { serde_json::from_str(body).unwrap() };
            request(operation, &input, body.as_bytes()).map(|body| String::from_utf8(body.to_vec()).unwrap())
        };
        let asking = r#"{"ReturnConsumedCapacity":"TOTAL"}"#.to_owned();
        for nothing in ["", "{}", "{ }\n"] {
            assert_eq!(asked("GetItem", nothing), Some(asking.clone()), "{nothing:?}");
        }
        let asking = r#"{"TableName": "t","ReturnConsumedCapacity":"TOTAL"}"#;
        for body in [r#"{"TableName": "t"}"#, "{\"TableName\": \"t\"}\n "] {
            assert_eq!(asked("GetItem", body).as_deref(), Some(asking));
        }
        assert_eq!(
            asked("GetItem", r#"{"ReturnConsumedCapacity": "NONE"}"#).as_deref(),
            Some(&asked("GetItem", "{}").unwrap()[..])
        );
        assert_eq!(asked("GetItem", asking), None);
        assert_eq!(asked("DescribeTable", r#"{"TableName": "t"}"#), None);
    }

    #[test]
    fn units_add_up_over_tables() {
        assert_eq!(units(&json!({"TableName": "t", "CapacityUnits": 0.5})), Some(0.5));
        assert_eq!(units(&json!([{"CapacityUnits": 1.0}, {"CapacityUnits": 2.5}])), Some(3.5));
        assert_eq!(units(&json!({})), None);
    }
}
