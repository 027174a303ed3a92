//! The IAM permissions that a DynamoDB request needs.

use serde_json::Value;

use crate::aws::ACCOUNT;
use crate::aws::service::Requirement;

/// The permissions of one request.
pub(crate) fn requirements(region: &str, operation: &str, input: &Value) -> Vec<Requirement> {
    let table = |name: &Value| table_arn(region, name.as_str().unwrap_or_default());
    let needs = |action: &str, resource: String| Requirement {
        action: format!("dynamodb:{action}"),
        resource,
        ..Requirement::default()
    };
    match operation {
        "BatchGetItem" | "BatchWriteItem" => {
            let tables = input["RequestItems"].as_object().into_iter().flatten();
            tables.map(|(name, _)| needs(operation, table_arn(region, name))).collect()
        }
        "TransactGetItems" => {
            let items = input["TransactItems"].as_array().into_iter().flatten();
            items.map(|item| needs("GetItem", table(&item["Get"]["TableName"]))).collect()
        }
        "TransactWriteItems" => {
            let items = input["TransactItems"].as_array().into_iter().flatten();
            let actions = items.filter_map(Value::as_object).flatten();
            actions.map(|(kind, action)| needs(write_action(kind), table(&action["TableName"]))).collect()
        }
        "Query" | "Scan" => match input["IndexName"].as_str() {
            Some(index) => vec![needs(operation, format!("{}/index/{index}", table(&input["TableName"])))],
            None => vec![needs(operation, table(&input["TableName"]))],
        },
        "TagResource" | "UntagResource" | "ListTagsOfResource" => {
            vec![needs(operation, input["ResourceArn"].as_str().unwrap_or("*").to_owned())]
        }
        // ListTables has no resource. PartiQL would need its statement parsed to know the table.
        _ => match input.get("TableName") {
            Some(name) => vec![needs(operation, table(name))],
            None => vec![needs(operation, "*".to_owned())],
        },
    }
}

/// A transaction needs the permissions of what it is made of.
fn write_action(kind: &str) -> &str {
    match kind {
        "Put" => "PutItem",
        "Update" => "UpdateItem",
        "Delete" => "DeleteItem",
        "ConditionCheck" => "ConditionCheckItem",
        other => other,
    }
}

/// `TableName` may be a name or already an ARN.
fn table_arn(region: &str, name: &str) -> String {
    if name.starts_with("arn:") { name.to_owned() } else { format!("arn:aws:dynamodb:{region}:{ACCOUNT}:table/{name}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn needs(operation: &str, input: Value) -> Vec<(String, String)> {
        let requirements = requirements("us-east-1", operation, &input);
        let short = |arn: String| arn.replace("arn:aws:dynamodb:us-east-1:000000000000:table/", "");
        requirements
            .into_iter()
            .map(|needed| (needed.action.replace("dynamodb:", ""), short(needed.resource)))
            .collect()
    }

    fn expected(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(action, table)| ((*action).to_owned(), (*table).to_owned())).collect()
    }

    #[test]
    fn an_item_operation_needs_its_table() {
        assert_eq!(needs("GetItem", json!({"TableName": "a"})), expected(&[("GetItem", "a")]));
        let arn = "arn:aws:dynamodb:us-east-1:000000000000:table/a";
        assert_eq!(needs("PutItem", json!({"TableName": arn})), expected(&[("PutItem", "a")]));
    }

    #[test]
    fn a_query_of_an_index_needs_the_index_alone() {
        let input = json!({"TableName": "a", "IndexName": "by-owner"});
        assert_eq!(needs("Query", input), expected(&[("Query", "a/index/by-owner")]));
        assert_eq!(needs("Scan", json!({"TableName": "a"})), expected(&[("Scan", "a")]));
    }

    #[test]
    fn a_batch_needs_every_table() {
        let input = json!({"RequestItems": {"a": {}, "b": {}}});
        assert_eq!(needs("BatchGetItem", input), expected(&[("BatchGetItem", "a"), ("BatchGetItem", "b")]));
    }

    #[test]
    fn a_transaction_needs_what_it_is_made_of() {
        let input = json!({"TransactItems": [
            {"Put": {"TableName": "a"}}, {"Update": {"TableName": "b"}}, {"Delete": {"TableName": "a"}},
            {"ConditionCheck": {"TableName": "c"}},
        ]});
        let writes = [("PutItem", "a"), ("UpdateItem", "b"), ("DeleteItem", "a"), ("ConditionCheckItem", "c")];
        assert_eq!(needs("TransactWriteItems", input), expected(&writes));
        let input = json!({"TransactItems": [{"Get": {"TableName": "a"}}]});
        assert_eq!(needs("TransactGetItems", input), expected(&[("GetItem", "a")]));
    }
}
