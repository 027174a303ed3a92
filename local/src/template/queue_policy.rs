//! `AWS::SQS::QueuePolicy`: whether EventBridge may send to a queue what it cannot deliver.
//!
//! EventBridge sends to a dead-letter queue only what the queue's own policy allows, and drops the event without a
//! word otherwise. So a template that forgot the policy does not start here.

use super::error::Result;
use super::node::Node;
use super::policy::Effect;
use crate::aws::ACCOUNT;
use crate::plumbing::wildcard::Wildcard;

/// The principal of rules.
const EVENT_BRIDGE: &str = "events.amazonaws.com";

/// The action of a statement in lower case, as actions are compared.
const SEND_MESSAGE: &str = "sqs:sendmessage";

/// A queue policy, as far as it is about EventBridge and sending.
#[derive(Debug, Clone, Default)]
pub(super) struct QueuePolicy {
    /// Names of the queues that have it.
    queues: Vec<String>,
    statements: Vec<Statement>,
}

#[derive(Debug, Clone)]
struct Statement {
    effect: Effect,
    resources: Vec<Wildcard>,
    /// Of each, one must match.
    conditions: Vec<(Key, Vec<Wildcard>)>,
}

#[derive(Debug, Clone, Copy)]
enum Key {
    SourceArn,
    SourceAccount,
}

impl QueuePolicy {
    /// Reads the resource's resolved properties.
    ///
    /// # Errors
    /// A condition that the local cloud cannot judge.
    pub(super) fn read(properties: &Node<'_>) -> Result<Self> {
        properties.only("AWS::SQS::QueuePolicy", &["PolicyDocument", "Queues"])?;
        let urls = properties.require("Queues")?.texts()?;
        let queues = urls.iter().filter_map(|url| url.rsplit('/').next()).map(str::to_owned).collect();
        let statements = properties.require("PolicyDocument")?.require("Statement")?.elements();
        let statements = statements.iter().map(statement).collect::<Result<Vec<_>>>()?;
        Ok(Self { queues, statements: statements.into_iter().flatten().collect() })
    }

    /// Whether the rule may send to the queue, as far as these policies say.
    pub(super) fn let_rule_send(policies: &[Self], rule_arn: &str, queue_arn: &str) -> bool {
        let name = queue_arn.rsplit(':').next().unwrap_or_default();
        let of_queue = |policy: &&Self| policy.queues.iter().any(|queue| queue == name);
        let statements = || policies.iter().filter(of_queue).flat_map(|policy| &policy.statements);
        let has =
            |effect| statements().any(|statement| statement.effect == effect && statement.applies(rule_arn, queue_arn));
        has(Effect::Allow) && !has(Effect::Deny)
    }
}

impl Statement {
    fn applies(&self, rule_arn: &str, queue_arn: &str) -> bool {
        let any = |wildcards: &[Wildcard], text: &str| wildcards.iter().any(|wildcard| wildcard.matches(text));
        any(&self.resources, queue_arn)
            && self.conditions.iter().all(|(key, values)| match key {
                Key::SourceArn => any(values, rule_arn),
                Key::SourceAccount => any(values, ACCOUNT),
            })
    }
}

/// The statement, if it is about EventBridge and sending.
fn statement(node: &Node<'_>) -> Result<Option<Statement>> {
    node.only("a queue policy statement", &["Sid", "Effect", "Principal", "Action", "Resource", "Condition"])?;
    let actions = node.require("Action")?.texts()?;
    let sends = actions.iter().any(|action| Wildcard::iam(&action.to_lowercase()).matches(SEND_MESSAGE));
    if !sends || !names_event_bridge(&node.require("Principal")?)? {
        return Ok(None);
    }
    let effect = node.require("Effect")?;
    let effect = match effect.text()?.as_str() {
        "Allow" => Effect::Allow,
        "Deny" => Effect::Deny,
        other => return Err(effect.error(format!("`{other}` is neither Allow nor Deny"))),
    };
    let resources = wildcards(&node.require("Resource")?)?;
    let mut conditions = Vec::new();
    if let Some(condition) = node.get("Condition") {
        for (operator, comparisons) in condition.entries()? {
            for (key, values) in comparisons.entries()? {
                match (operator, key) {
                    ("ArnEquals" | "ArnLike" | "StringEquals" | "StringLike", "aws:SourceArn") => {
                        conditions.push((Key::SourceArn, wildcards(&values)?));
                    }
                    ("StringEquals" | "StringLike", "aws:SourceAccount") => {
                        conditions.push((Key::SourceAccount, wildcards(&values)?));
                    }
                    // EventBridge uses TLS: a statement about requests without it is not about EventBridge.
                    ("Bool", "aws:SecureTransport") if !values.flag()? => return Ok(None),
                    ("Bool", "aws:SecureTransport") => {}
                    _ => return Err(comparisons.unsupported(format!("{operator} of {key} in a queue policy"))),
                }
            }
        }
    }
    Ok(Some(Statement { effect, resources, conditions }))
}

fn names_event_bridge(principal: &Node<'_>) -> Result<bool> {
    if principal.value == "*" {
        return Ok(true);
    }
    for (kind, names) in principal.entries()? {
        let names = names.texts()?;
        if names.iter().any(|name| name == "*" && kind == "AWS" || name == EVENT_BRIDGE && kind == "Service") {
            return Ok(true);
        }
    }
    Ok(false)
}

fn wildcards(node: &Node<'_>) -> Result<Vec<Wildcard>> {
    Ok(node.texts()?.iter().map(|text| Wildcard::iam(text)).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::template::error::without_cure;

    const RULE: &str = "arn:aws:events:us-east-1:000000000000:rule/stack-FTasks";
    const QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:stack-Dead";

    fn allows(statements: Value) -> Result<bool> {
        allows_at("https://sqs.us-east-1.amazonaws.com/000000000000/stack-Dead", statements)
    }

    fn allows_at(url: &str, statements: Value) -> Result<bool> {
        let properties = json!({"Queues": [url], "PolicyDocument": {"Statement": statements}});
        let policy = QueuePolicy::read(&Node::new(&properties, "P"))?;
        Ok(QueuePolicy::let_rule_send(&[policy], RULE, QUEUE))
    }

    fn statement(changes: Value) -> Value {
        let mut statement = json!({
            "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage",
            "Resource": QUEUE,
        });
        for (key, value) in changes.as_object().unwrap() {
            statement[key] = value.clone();
        }
        statement
    }

    #[test]
    fn a_rule_may_send_what_a_statement_allows() {
        for (changes, expected) in [
            (json!({}), true),
            (json!({"Principal": "*", "Action": ["sqs:*"], "Resource": "*"}), true),
            (json!({"Principal": {"AWS": "*"}, "Action": "SQS:Send*"}), true),
            (json!({"Condition": {"ArnEquals": {"aws:SourceArn": RULE}}}), true),
            (json!({"Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:events:*:*:rule/*"}}}), true),
            (json!({"Condition": {"StringEquals": {"aws:SourceAccount": "000000000000"}}}), true),
            (json!({"Condition": {"ArnEquals": {"aws:SourceArn": format!("{RULE}-other")}}}), false),
            (json!({"Condition": {"StringEquals": {"aws:SourceAccount": "1"}}}), false),
            (json!({"Resource": format!("{QUEUE}-other")}), false),
            (json!({"Action": "sqs:ReceiveMessage"}), false),
            (json!({"Principal": {"Service": "sns.amazonaws.com"}}), false),
        ] {
            assert_eq!(allows(json!([statement(changes.clone())])).unwrap(), expected, "{changes}");
        }
        assert!(!allows(json!([])).unwrap());
        let elsewhere = "https://sqs.us-east-1.amazonaws.com/000000000000/stack-Other";
        assert!(!allows_at(elsewhere, json!([statement(json!({}))])).unwrap(), "another queue's policy");
    }

    #[test]
    fn a_deny_wins_unless_it_is_about_plain_http() {
        let deny = |condition: Value| {
            let deny = json!({"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Condition": condition});
            allows(json!([statement(json!({})), statement(deny)])).unwrap()
        };
        assert!(!deny(json!({})));
        assert!(deny(json!({"Bool": {"aws:SecureTransport": "false"}})));
    }

    #[test]
    fn a_condition_that_cannot_be_judged_is_refused() {
        let error = allows(json!([statement(json!({"Condition": {"IpAddress": {"aws:SourceIp": "::"}}}))]));
        let expected = "P.PolicyDocument.Statement[0].Condition.IpAddress: the local cloud does not support IpAddress \
                        of aws:SourceIp in a queue policy";
        assert_eq!(without_cure(&error.unwrap_err().to_string()), expected);
    }
}
