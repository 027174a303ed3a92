//! Which attributes a request touches, for the condition keys `dynamodb:Attributes`, `dynamodb:Select` and
//! `dynamodb:ReturnValues`: "Using IAM policy conditions for fine-grained access control" in the DynamoDB developer guide.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// Members whose keys are names of attributes; all but the first two are of the time before expressions.
const MAPS: [&str; 7] = ["Key", "Item", "AttributeUpdates", "Expected", "KeyConditions", "QueryFilter", "ScanFilter"];
const EXPRESSIONS: [&str; 5] =
    ["ProjectionExpression", "KeyConditionExpression", "FilterExpression", "ConditionExpression", "UpdateExpression"];
/// Words of expressions that look like names. All of them are reserved, so that no attribute is named so.
const KEYWORDS: [&str; 9] = ["AND", "OR", "NOT", "BETWEEN", "IN", "SET", "REMOVE", "ADD", "DELETE"];

/// The condition keys of a request for one table, or of one part of a batch or transaction. A request that names no
/// attribute has no `dynamodb:Attributes`: a read of whole items is told from `dynamodb:Select` alone, which a policy
/// must look at, too.
pub(super) fn condition_keys(request: &Value, is_read: bool) -> BTreeMap<String, Vec<String>> {
    let attributes: Vec<_> = named(request).into_iter().collect();
    let attributes = (!attributes.is_empty()).then_some(("dynamodb:Attributes", attributes));
    let select = is_read.then(|| ("dynamodb:Select", vec![select(request).to_owned()]));
    let returned = request["ReturnValues"].as_str().map(|values| ("dynamodb:ReturnValues", vec![values.to_owned()]));
    attributes.into_iter().chain(select).chain(returned).map(|(key, values)| (key.to_owned(), values)).collect()
}

/// What a read asks for; as DynamoDB's defaults are, unless it says so itself.
fn select(request: &Value) -> &str {
    let has = |member: &str| request.get(member).is_some_and(|value| !value.is_null());
    match request["Select"].as_str() {
        Some(select) => select,
        None if has("ProjectionExpression") || has("AttributesToGet") => "SPECIFIC_ATTRIBUTES",
        None if has("IndexName") => "ALL_PROJECTED_ATTRIBUTES",
        None => "ALL_ATTRIBUTES",
    }
}

/// The top-level attributes that a request names.
fn named(request: &Value) -> BTreeSet<String> {
    let keys = |map: &Value| map.as_object().into_iter().flat_map(Map::keys).cloned().collect::<Vec<_>>();
    let mut names: BTreeSet<String> = MAPS.iter().flat_map(|member| keys(&request[*member])).collect();
    // Of BatchGetItem.
    names.extend(request["Keys"].as_array().into_iter().flatten().flat_map(keys));
    names.extend(
        request["AttributesToGet"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned),
    );
    for expression in EXPRESSIONS.iter().filter_map(|member| request[*member].as_str()) {
        let placeholders = &request["ExpressionAttributeNames"];
        // A placeholder that stands for nothing is DynamoDB's to refuse.
        names.extend(top_level(expression).map(|name| placeholders[name].as_str().unwrap_or(name).to_owned()));
    }
    names
}

/// The names and placeholders of names in an expression: no values (`:v`), no functions (`size(..)`), and of a path
/// (`a.b[0]`) its first part.
fn top_level(expression: &str) -> impl Iterator<Item = &str> {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    let mut rest = expression;
    // The last character before `rest` that is no space.
    let mut before = None;
    std::iter::from_fn(move || {
        loop {
            let first = rest.chars().next()?;
            let is_name = first == '#' || first == '_' || first.is_alphabetic();
            let first_length = first.len_utf8();
            let length = if is_name || first == ':' || first.is_numeric() {
                first_length + rest[first_length..].find(|next| !is_part(next)).unwrap_or(rest.len() - first_length)
            } else {
                first_length
            };
            let (token, after) = rest.split_at(length);
            rest = after;
            let is_nested = before == Some('.');
            if !first.is_whitespace() {
                before = Some(first);
            }
            let is_function = after.trim_start().starts_with('(');
            let is_keyword = KEYWORDS.iter().any(|keyword| keyword.eq_ignore_ascii_case(token));
            if is_name && !is_nested && !is_function && !is_keyword {
                return Some(token);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_expression_names_its_top_level_attributes() {
        for (expression, expected) in [
            ("id, #n, address.city, tags[0].id", &["id", "#n", "address", "tags"][..]),
            ("#a.#b . c", &["#a"]),
            ("attribute_not_exists(id) AND size (#n) > :limit", &["id", "#n"]),
            ("id = :id and begins_with(sort, :x1)", &["id", "sort"]),
            ("a BETWEEN :a AND :b OR NOT c IN (:c, d)", &["a", "c", "d"]),
            (
                "SET a = if_not_exists(b, :zero) + :one, c_1 = :c REMOVE d[12] ADD e :e DELETE f :f",
                &["a", "b", "c_1", "d", "e", "f"],
            ),
            ("", &[]),
            ("é.ü", &["é"]),
        ] {
            assert_eq!(top_level(expression).collect::<Vec<_>>(), expected, "{expression}");
        }
    }

    #[test]
    fn a_request_names_attributes_in_keys_items_and_expressions() {
        let request = json!({
            "Key": {"id": {"S": "a"}},
            "ProjectionExpression": "#n, size",
            "ExpressionAttributeNames": {"#n": "name"},
            "ConditionExpression": "#other = :x",
        });
        assert_eq!(named(&request).into_iter().collect::<Vec<_>>(), ["#other", "id", "name", "size"]);
        assert_eq!(named(&json!({"Item": {"id": {}, "name": {}}})).len(), 2);
        assert_eq!(named(&json!({"Keys": [{"id": {}}, {"id": {}}], "AttributesToGet": ["name"]})).len(), 2);
    }

    #[test]
    fn a_read_says_what_it_selects() {
        for (request, expected) in [
            (json!({"ProjectionExpression": "id"}), "SPECIFIC_ATTRIBUTES"),
            (json!({"AttributesToGet": ["id"]}), "SPECIFIC_ATTRIBUTES"),
            (json!({}), "ALL_ATTRIBUTES"),
            (json!({"IndexName": "by-owner"}), "ALL_PROJECTED_ATTRIBUTES"),
            (json!({"Select": "COUNT"}), "COUNT"),
        ] {
            assert_eq!(condition_keys(&request, true)["dynamodb:Select"], [expected], "{request}");
            assert!(!condition_keys(&request, false).contains_key("dynamodb:Select"));
        }
        assert!(!condition_keys(&json!({}), true).contains_key("dynamodb:Attributes"));
        let returning = json!({"ReturnValues": "ALL_OLD"});
        assert_eq!(condition_keys(&returning, false)["dynamodb:ReturnValues"], ["ALL_OLD"]);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(expression in "[a-zAS#:_.()\\[\\]=<, 0-9é]{0,60}") {
            let _ = top_level(&expression).count();
        }

        /// Expressions of conditions, each of a path that begins with a name or a placeholder for one.
        #[test]
        fn each_condition_names_the_first_part_of_its_path(
            conditions in proptest::collection::vec(
                ("#?[a-z][a-z0-9_]{0,5}", "(\\.[a-z]{1,3}|\\[[0-9]{1,2}\\]){0,2}", 0..4),
                1..5,
            ),
        ) {
            let is_keyword = |name: &String| KEYWORDS.contains(&name.to_uppercase().as_str());
            proptest::prop_assume!(!conditions.iter().any(|(name, _, _)| is_keyword(name)));
            let text = conditions.iter().map(|(name, path, kind)| match kind {
                0 => format!("{name}{path} = :v"),
                1 => format!("attribute_exists({name}{path})"),
                2 => format!("size ( {name}{path} ) < :v1"),
                _ => format!("NOT (:a <> {name}{path})"),
            });
            let text = text.collect::<Vec<_>>().join(" AND ");
            let names: Vec<_> = conditions.iter().map(|(name, _, _)| name.as_str()).collect();
            proptest::prop_assert_eq!(top_level(&text).collect::<Vec<_>>(), names, "{}", text);
        }
    }
}
