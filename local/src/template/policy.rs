//! A function's IAM policy, as far as the local cloud can judge it.
//!
//! A policy element that it cannot judge is an error at start, never a permission silently given or denied.

use super::error::Result;
use super::node::Node;
use crate::aws::{is_answered, misspelt_action};
use crate::plumbing::wildcard::Wildcard;

/// Whether a statement gives or forbids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Allow,
    Deny,
}

/// How a condition compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    StringEquals,
    StringLike,
    /// `ArnLike` and `ArnEquals`: both take wildcards ("IAM JSON policy elements: Condition operators").
    ArnLike,
}

/// Where a condition's value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ConditionKey {
    /// `aws:RequestTag/<key>`: a tag that the call would set.
    RequestTag(String),
    /// `aws:ResourceTag/<key>`: a tag that the resource has.
    ResourceTag(String),
    /// One of [`SERVICE_KEYS`].
    Service(&'static str),
}

/// The condition keys of single services that the local cloud knows, and whether they have many values at once.
const SERVICE_KEYS: [(&str, bool); 4] = [
    ("dynamodb:Attributes", true),
    ("dynamodb:ReturnValues", false),
    ("dynamodb:Select", false),
    ("ecs:cluster", false),
];

/// One comparison; all of a statement's conditions must hold, and for each any one of its values suffices.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    pub(crate) operator: Operator,
    /// `ForAllValues:...`: every value that the request has must be among these, not one alone.
    pub(crate) for_all_values: bool,
    /// `...IfExists`: the condition holds where there is no such tag, as on a resource that does not exist.
    pub(crate) if_exists: bool,
    pub(crate) key: ConditionKey,
    pub(crate) values: Vec<String>,
}

/// One statement of a policy.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    pub(crate) effect: Effect,
    /// Compared without regard to case.
    pub(crate) actions: Vec<Wildcard>,
    pub(crate) resources: Vec<Wildcard>,
    pub(crate) conditions: Vec<Condition>,
}

/// The statements of a function's `Policies`.
pub(crate) fn statements(policies: &Node<'_>) -> Result<Vec<Statement>> {
    let mut statements = Vec::new();
    for policy in policies.elements() {
        if policy.value.is_string() {
            return Err(policy.unsupported_but("managed policies", "write the statements out"));
        }
        let Some(list) = policy.get("Statement") else {
            return Err(policy.unsupported_but("SAM policy templates", "write the statements out"));
        };
        policy.only("a policy", &["Version", "Id", "Statement"])?;
        for statement in list.elements() {
            statements.push(self::statement(&statement)?);
        }
    }
    Ok(statements)
}

fn statement(node: &Node<'_>) -> Result<Statement> {
    node.only("a policy statement", &["Sid", "Effect", "Action", "Resource", "Condition"])?;
    let effect = node.require("Effect")?;
    let effect = match effect.text()?.as_str() {
        "Allow" => Effect::Allow,
        "Deny" => Effect::Deny,
        other => return Err(effect.error(format!("`{other}` is neither Allow nor Deny"))),
    };
    let actions = node.require("Action")?.elements().iter().map(action).collect::<Result<_>>()?;
    let resources = node.require("Resource")?.elements().iter().map(resource).collect::<Result<_>>()?;
    let judged = node.require("Action")?.texts()?.iter().any(|action| is_answered(action));
    let conditions = match node.get("Condition") {
        // Nobody asks the local cloud about such an action, so nothing is given or denied by its conditions.
        Some(condition) if judged => conditions(&condition)?,
        _ => Vec::new(),
    };
    Ok(Statement { effect, actions, resources, conditions })
}

fn action(node: &Node<'_>) -> Result<Wildcard> {
    let text = node.text()?;
    match misspelt_action(&text) {
        Some(what) => Err(node.error(what)),
        None => Ok(Wildcard::iam(&text.to_lowercase())),
    }
}

fn resource(node: &Node<'_>) -> Result<Wildcard> {
    let text = node.text()?;
    if text.contains("${") {
        return Err(node.unsupported("policy variables"));
    }
    if text != "*" && !text.starts_with("arn:") {
        return Err(node.error(format!("`{text}` is neither an ARN nor *")));
    }
    Ok(Wildcard::iam(&text))
}

fn conditions(node: &Node<'_>) -> Result<Vec<Condition>> {
    let mut conditions = Vec::new();
    for (operator, comparisons) in node.entries()? {
        let (single, for_all_values) = match operator.strip_prefix("ForAllValues:") {
            Some(single) => (single, true),
            None => (operator, false),
        };
        let (comparison, if_exists) = match single.strip_suffix("IfExists") {
            Some(comparison) => (comparison, true),
            None => (single, false),
        };
        let operator = match comparison {
            "StringEquals" => Operator::StringEquals,
            "StringLike" => Operator::StringLike,
            "ArnEquals" | "ArnLike" => Operator::ArnLike,
            _ => return Err(node.unsupported(format!("the policy condition operator {operator}"))),
        };
        for (key, values) in comparisons.entries()? {
            let service_key = SERVICE_KEYS.iter().find(|(known, _)| *known == key);
            let key = match (key.split_once('/'), service_key) {
                (Some(("aws:RequestTag", tag)), _) => ConditionKey::RequestTag(tag.to_owned()),
                (Some(("aws:ResourceTag", tag)), _) => ConditionKey::ResourceTag(tag.to_owned()),
                (_, Some((_, true))) if !for_all_values => {
                    return Err(comparisons.error(format!("{key} has many values: compare it with ForAllValues:")));
                }
                (_, Some((known, _))) => ConditionKey::Service(known),
                _ => return Err(comparisons.unsupported(format!("the policy condition key {key}"))),
            };
            let values = values.texts()?;
            if values.iter().any(|value| value.contains("${")) {
                return Err(comparisons.unsupported("policy variables"));
            }
            conditions.push(Condition { operator, for_all_values, if_exists, key, values });
        }
    }
    Ok(conditions)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::template::error::without_cure;

    fn parse(policies: Value) -> Result<Vec<Statement>> {
        statements(&Node::new(&policies, "Policies"))
    }

    #[test]
    fn a_statement_takes_single_values_and_lists() {
        let parsed = parse(json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "ivs:GetStage", "Resource": "*"},
            {"Effect": "Deny", "Action": ["ivs:TagResource", "ivs:DeleteStage"], "Resource": ["arn:x", "arn:y"],
             "Condition": {"StringLike": {"aws:ResourceTag/team": ["a*", "b"]}}},
        ]}));
        let parsed = parsed.unwrap();
        assert_eq!(parsed[0].effect, Effect::Allow);
        assert_eq!((parsed[1].actions.len(), parsed[1].resources.len()), (2, 2));
        assert_eq!(parsed[1].conditions[0].key, ConditionKey::ResourceTag("team".into()));
    }

    #[test]
    fn a_condition_says_how_it_compares_what() {
        let parsed = parse(json!({"Statement": [{
            "Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "*",
            "Condition": {
                "ArnEquals": {"ecs:cluster": "arn:aws:ecs:*:*:cluster/live"},
                "ArnLikeIfExists": {"ecs:cluster": "arn:aws:ecs:*:*:cluster/*"},
                "ForAllValues:StringEquals": {"dynamodb:Attributes": ["id", "name"]},
                "StringEqualsIfExists": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
            },
        }]}));
        let statements = parsed.unwrap();
        let mut conditions: Vec<_> = statements[0]
            .conditions
            .iter()
            .map(|one| (one.key.clone(), one.operator, one.for_all_values, one.if_exists))
            .collect();
        conditions.sort_by_key(|condition| format!("{condition:?}"));
        let expected = [
            (ConditionKey::Service("dynamodb:Attributes"), Operator::StringEquals, true, false),
            (ConditionKey::Service("dynamodb:Select"), Operator::StringEquals, false, true),
            (ConditionKey::Service("ecs:cluster"), Operator::ArnLike, false, false),
            (ConditionKey::Service("ecs:cluster"), Operator::ArnLike, false, true),
        ];
        assert_eq!(conditions, expected);
    }

    #[test]
    fn conditions_on_what_nobody_asks_are_let_be() {
        let condition = json!({"Bool": {"kms:GrantIsForAWSResource": true}});
        let statement =
            json!({"Effect": "Allow", "Action": "kms:CreateGrant", "Resource": "*", "Condition": condition});
        assert!(parse(json!({"Statement": [statement]})).unwrap()[0].conditions.is_empty());
    }

    #[test]
    fn what_cannot_be_judged_is_refused() {
        let base = json!({"Effect": "Allow", "Action": "ivs:GetStage", "Resource": "*"});
        let with = |key: &str, value: Value| {
            let mut statement = base.clone();
            statement[key] = value;
            json!([{"Statement": [statement]}])
        };
        for (policies, expected) in [
            (
                json!(["AmazonDynamoDBFullAccess"]),
                "Policies[0]: the local cloud does not support managed policies; write the statements out",
            ),
            (
                json!([{"DynamoDBCrudPolicy": {"TableName": "t"}}]),
                "Policies[0]: the local cloud does not support SAM policy templates; write the statements out",
            ),
            (
                with("NotAction", json!("x")),
                "Policies[0].Statement[0]: the local cloud does not support `NotAction` of a policy statement",
            ),
            (
                with("Action", json!(["ivs:Get*", "events:PutEvent"])),
                "Policies[0].Statement[0].Action[1]: the local cloud knows no action `PutEvent` of events; it knows: \
                 PutEvents",
            ),
            (with("Effect", json!("allow")), "Policies[0].Statement[0].Effect: `allow` is neither Allow nor Deny"),
            (with("Resource", json!("table")), "Policies[0].Statement[0].Resource: `table` is neither an ARN nor *"),
            (
                with("Condition", json!({"NumericLessThan": {"aws:RequestTag/x": 1}})),
                "Policies[0].Statement[0].Condition: the local cloud does not support the policy condition operator NumericLessThan",
            ),
            (
                with("Condition", json!({"StringEquals": {"dynamodb:Attributes": ["id"]}})),
                "Policies[0].Statement[0].Condition.StringEquals: dynamodb:Attributes has many values: compare it with ForAllValues:",
            ),
            (
                with("Condition", json!({"ForAnyValue:StringEquals": {"dynamodb:Attributes": ["id"]}})),
                "Policies[0].Statement[0].Condition: the local cloud does not support the policy condition operator ForAnyValue:StringEquals",
            ),
            (
                with("Condition", json!({"StringEquals": {"aws:SourceIp": "x"}})),
                "Policies[0].Statement[0].Condition.StringEquals: the local cloud does not support the policy condition key aws:SourceIp",
            ),
        ] {
            assert_eq!(without_cure(&parse(policies).unwrap_err().to_string()), expected);
        }
    }
}
