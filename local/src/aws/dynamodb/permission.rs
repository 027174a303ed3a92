//! The IAM permissions that a DynamoDB request needs.

use serde_json::{Value, json};

use super::attributes::condition_keys;
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
    // For what reads or writes items, with the attributes that it names.
    let reads = |action: &str, resource: String, request: &Value| Requirement {
        service_keys: condition_keys(request, true),
        ..needs(action, resource)
    };
    let writes = |action: &str, resource: String, request: &Value| Requirement {
        service_keys: condition_keys(request, false),
        ..needs(action, resource)
    };
    match operation {
        "BatchGetItem" => {
            let tables = input["RequestItems"].as_object().into_iter().flatten();
            tables.map(|(name, request)| reads(operation, table_arn(region, name), request)).collect()
        }
        "BatchWriteItem" => {
            let tables = input["RequestItems"].as_object().into_iter().flatten();
            let requests = |(name, requests): (&String, &Value)| -> Vec<Requirement> {
                let requests = requests.as_array().into_iter().flatten().filter_map(Value::as_object).flatten();
                let needed = requests.map(|(_, request)| writes(operation, table_arn(region, name), request));
                let needed: Vec<_> = needed.collect();
                // A request without items is refused, to those who may ask at all.
                if needed.is_empty() { vec![needs(operation, table_arn(region, name))] } else { needed }
            };
            tables.flat_map(requests).collect()
        }
        "TransactGetItems" => {
            let items = input["TransactItems"].as_array().into_iter().flatten();
            items.map(|item| reads("GetItem", table(&item["Get"]["TableName"]), &item["Get"])).collect()
        }
        "TransactWriteItems" => {
            let items = input["TransactItems"].as_array().into_iter().flatten();
            let actions = items.filter_map(Value::as_object).flatten();
            actions.map(|(kind, action)| writes(write_action(kind), table(&action["TableName"]), action)).collect()
        }
        "GetItem" => vec![reads(operation, table(&input["TableName"]), input)],
        "Query" | "Scan" => match input["IndexName"].as_str() {
            Some(index) => vec![reads(operation, format!("{}/index/{index}", table(&input["TableName"])), input)],
            None => vec![reads(operation, table(&input["TableName"]), input)],
        },
        "PutItem" | "UpdateItem" | "DeleteItem" => vec![writes(operation, table(&input["TableName"]), input)],
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

/// Those that a request would need besides if AWS asked for them: it answers the old item where a condition fails.
pub(super) fn for_old_items(region: &str, operation: &str, input: &Value) -> Vec<Requirement> {
    let of_transaction = input["TransactItems"].as_array().into_iter().flatten();
    let requests = of_transaction.filter_map(Value::as_object).flatten().map(|(_, request)| request);
    let requests = requests.chain((operation != "TransactWriteItems").then_some(input));
    let asking = requests.filter(|request| request["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD");
    let needed = |request: &Value| Requirement {
        action: "dynamodb:GetItem".to_owned(),
        resource: table_arn(region, request["TableName"].as_str().unwrap_or_default()),
        service_keys: condition_keys(&json!({"Key": request["Key"]}), true),
        ..Requirement::default()
    };
    asking.map(needed).collect()
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
    fn a_read_needs_the_attributes_that_it_names() {
        let key = json!({"id": {"S": "a"}});
        let keys = |operation, input: Value| {
            let requirement = requirements("us-east-1", operation, &input).remove(0);
            let text = |key: &str| requirement.service_keys.get(key).map(|values| values.join(","));
            (text("dynamodb:Attributes"), text("dynamodb:Select"))
        };
        let (some, all) = (Some("SPECIFIC_ATTRIBUTES".to_owned()), Some("ALL_ATTRIBUTES".to_owned()));
        let input = json!({"TableName": "a", "Key": key, "ProjectionExpression": "live"});
        assert_eq!(keys("GetItem", input.clone()), (Some("id,live".to_owned()), some.clone()));
        assert_eq!(keys("TransactGetItems", json!({"TransactItems": [{"Get": input}]})).1, some);
        assert_eq!(keys("GetItem", json!({"TableName": "a", "Key": key})), (Some("id".to_owned()), all.clone()));
        assert_eq!(keys("Scan", json!({"TableName": "a"})), (None, all));
        let update = json!({"TableName": "a", "Key": key, "UpdateExpression": "SET live = :live"});
        assert_eq!(keys("UpdateItem", update), (Some("id,live".to_owned()), None));
        let put = json!({"RequestItems": {"a": [{"PutRequest": {"Item": {"id": {}, "name": {}}}}]}});
        assert_eq!(keys("BatchWriteItem", put), (Some("id,name".to_owned()), None));
    }

    #[test]
    fn who_asks_for_the_old_item_may_have_to_be_allowed_to_read_it() {
        let asks = |table: &str| json!({"TableName": table, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"});
        let needed = |operation, input: Value| -> Vec<String> {
            let needed = for_old_items("us-east-1", operation, &input);
            needed.into_iter().map(|needed| format!("{} {}", needed.action, needed.resource)).collect()
        };
        let read = |table: &str| format!("dynamodb:GetItem arn:aws:dynamodb:us-east-1:000000000000:table/{table}");
        assert_eq!(needed("PutItem", asks("a")), [read("a")]);
        let transaction = json!({"TransactItems": [{"Put": asks("a")}, {"Delete": {"TableName": "b"}}]});
        assert_eq!(needed("TransactWriteItems", transaction), [read("a")]);
        assert!(needed("PutItem", json!({"TableName": "a"})).is_empty());
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
