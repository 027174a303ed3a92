//! IAM: whether a function's policy allows what a call needs.

use super::service::Requirement;
use crate::plumbing::wildcard::Wildcard;
use crate::template::{Condition, ConditionKey, Effect, Operator, Statement};

/// The first requirement that the statements do not allow. A `Deny` wins over every `Allow`; without either, denied.
pub(crate) fn denied<'a>(statements: &[Statement], requirements: &'a [Requirement]) -> Option<&'a Requirement> {
    requirements.iter().find(|requirement| !allows(statements, requirement))
}

fn allows(statements: &[Statement], requirement: &Requirement) -> bool {
    let action = requirement.action.to_lowercase();
    let has = |effect| {
        statements.iter().any(|statement| statement.effect == effect && applies(statement, &action, requirement))
    };
    has(Effect::Allow) && !has(Effect::Deny)
}

fn applies(statement: &Statement, action: &str, requirement: &Requirement) -> bool {
    statement.actions.iter().any(|wildcard| wildcard.matches(action))
        && statement.resources.iter().any(|wildcard| wildcard.matches(&requirement.resource))
        && statement.conditions.iter().all(|condition| holds(condition, requirement))
}

/// A condition on a key that is not there does not hold, unless it says `IfExists` or is for all of no values.
fn holds(condition: &Condition, requirement: &Requirement) -> bool {
    let values = match &condition.key {
        ConditionKey::RequestTag(tag) => requirement.request_tags.get(tag).map(std::slice::from_ref),
        ConditionKey::ResourceTag(tag) => requirement.resource_tags.get(tag).map(std::slice::from_ref),
        ConditionKey::Service(key) => requirement.service_keys.get(*key).map(Vec::as_slice),
    };
    let is_expected =
        |value: &String| condition.values.iter().any(|expected| condition.operator.compare(expected, value));
    match (values, condition.for_all_values) {
        (None, true) => true,
        (None, false) => condition.if_exists,
        (Some(values), true) => values.iter().all(is_expected),
        (Some(values), false) => values.iter().any(is_expected),
    }
}

impl Operator {
    fn compare(self, expected: &str, value: &str) -> bool {
        match self {
            Self::StringEquals => value == expected,
            Self::StringLike => Wildcard::iam(expected).matches(value),
            Self::ArnLike => {
                // Each of the six parts for itself: a wildcard does not reach over a colon between them.
                let (expected, value): (Vec<_>, Vec<_>) =
                    (expected.splitn(6, ':').collect(), value.splitn(6, ':').collect());
                expected.len() == value.len()
                    && expected.iter().zip(value).all(|(expected, part)| Wildcard::iam(expected).matches(part))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/rows";

    fn statement(effect: Effect, action: &str, resource: &str) -> Statement {
        let (actions, resources) = (vec![Wildcard::iam(&action.to_lowercase())], vec![Wildcard::iam(resource)]);
        Statement { effect, actions, resources, conditions: Vec::new() }
    }

    fn requirement(action: &str, resource: &str) -> Requirement {
        Requirement { action: action.into(), resource: resource.into(), ..Requirement::default() }
    }

    fn condition(operator: Operator, key: ConditionKey, values: &[&str]) -> Condition {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        Condition { operator, for_all_values: false, if_exists: false, key, values }
    }

    /// Whether a condition allows a call whose service key has these values; `None` if it is not there.
    fn service_key_allowed(condition: Condition, values: Option<&[&str]>) -> bool {
        let ConditionKey::Service(key) = condition.key else { panic!("no service key") };
        let values = values.map(|values| (key.to_owned(), values.iter().map(|value| (*value).to_owned()).collect()));
        let needed = Requirement { service_keys: values.into_iter().collect(), ..requirement("a:B", "*") };
        denied(&[Statement { conditions: vec![condition], ..statement(Effect::Allow, "*", "*") }], &[needed]).is_none()
    }

    fn allowed(statements: &[Statement], action: &str, resource: &str) -> bool {
        denied(statements, &[requirement(action, resource)]).is_none()
    }

    #[test]
    fn nothing_is_allowed_by_default() {
        assert!(!allowed(&[], "dynamodb:GetItem", TABLE));
    }

    #[test]
    fn action_and_resource_must_both_match() {
        let policy = [statement(Effect::Allow, "dynamodb:*Item", "arn:aws:dynamodb:*:*:table/r?ws")];
        assert!(allowed(&policy, "dynamodb:GetItem", TABLE));
        assert!(allowed(&policy, "DynamoDB:getitem", TABLE));
        assert!(!allowed(&policy, "dynamodb:Query", TABLE));
        assert!(!allowed(&policy, "dynamodb:GetItem", &format!("{TABLE}/index/by-owner")));
    }

    #[test]
    fn a_deny_wins() {
        let policy = [statement(Effect::Allow, "*", "*"), statement(Effect::Deny, "dynamodb:GetItem", TABLE)];
        assert!(!allowed(&policy, "dynamodb:GetItem", TABLE));
        assert!(allowed(&policy, "dynamodb:PutItem", TABLE));
    }

    #[test]
    fn every_requirement_of_a_call_counts() {
        let policy = [statement(Effect::Allow, "ivs:CreateStage", "*")];
        let requirements = [requirement("ivs:CreateStage", "*"), requirement("ivs:TagResource", "*")];
        assert_eq!(denied(&policy, &requirements).unwrap().action, "ivs:TagResource");
    }

    #[test]
    fn tag_conditions_look_at_the_request_or_the_resource() {
        let condition = |operator, key, value: &str| condition(operator, key, &[value]);
        let with = |condition| Statement { conditions: vec![condition], ..statement(Effect::Allow, "*", "*") };
        let tagged = |request: &[(&str, &str)], resource: &[(&str, &str)]| {
            let tags = |tags: &[(&str, &str)]| tags.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
            Requirement { request_tags: tags(request), resource_tags: tags(resource), ..requirement("a:B", "*") }
        };
        let by_request = [with(condition(Operator::StringEquals, ConditionKey::RequestTag("app".into()), "x"))];
        assert!(denied(&by_request, &[tagged(&[("app", "x")], &[])]).is_none());
        assert!(denied(&by_request, &[tagged(&[("app", "y")], &[])]).is_some());
        assert!(denied(&by_request, &[tagged(&[], &[("app", "x")])]).is_some());
        let by_resource = [with(condition(Operator::StringLike, ConditionKey::ResourceTag("app".into()), "x*"))];
        assert!(denied(&by_resource, &[tagged(&[], &[("app", "xyz")])]).is_none());
        assert!(denied(&by_resource, &[tagged(&[], &[])]).is_some());
        let mut if_exists = condition(Operator::StringEquals, ConditionKey::ResourceTag("app".into()), "x");
        if_exists.if_exists = true;
        let if_exists = [with(if_exists)];
        assert!(denied(&if_exists, &[tagged(&[], &[])]).is_none());
        assert!(denied(&if_exists, &[tagged(&[], &[("app", "y")])]).is_some());
    }

    #[test]
    fn arns_are_compared_part_by_part() {
        const CLUSTER: &str = "arn:aws:ecs:us-east-1:000000000000:cluster/live";
        for (expected, holds) in [
            (CLUSTER, true),
            ("arn:aws:ecs:*:*:cluster/l?ve", true),
            ("arn:aws:ecs:us-east-1:000000000000:cluster/other", false),
            ("arn:aws:ecs:*:cluster/live", false),
            ("arn:*", false),
        ] {
            let by_cluster = condition(Operator::ArnLike, ConditionKey::Service("ecs:cluster"), &[expected]);
            assert_eq!(service_key_allowed(by_cluster, Some(&[CLUSTER])), holds, "{expected}");
        }
    }

    #[test]
    fn a_service_key_that_is_not_there_holds_only_if_it_may_be_missing() {
        let mut condition = condition(Operator::StringEquals, ConditionKey::Service("dynamodb:Select"), &["COUNT"]);
        assert!(service_key_allowed(condition.clone(), Some(&["COUNT"])));
        assert!(!service_key_allowed(condition.clone(), Some(&["ALL_ATTRIBUTES"])));
        assert!(!service_key_allowed(condition.clone(), None));
        condition.if_exists = true;
        assert!(service_key_allowed(condition.clone(), None));
        assert!(!service_key_allowed(condition, Some(&["ALL_ATTRIBUTES"])));
    }

    #[test]
    fn for_all_values_wants_every_value_expected() {
        let key = ConditionKey::Service("dynamodb:Attributes");
        let condition = Condition { for_all_values: true, ..condition(Operator::StringEquals, key, &["id", "name"]) };
        for (values, holds) in [
            (Some(&["id"][..]), true),
            (Some(&["name", "id"]), true),
            (Some(&["id", "secret"]), false),
            (Some(&[]), true),
            // As IAM has it: nothing that is asked for is forbidden.
            (None, true),
        ] {
            assert_eq!(service_key_allowed(condition.clone(), values), holds, "{values:?}");
        }
    }
}
