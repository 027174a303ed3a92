//! IAM: whether a function's policy allows what a call needs.

use super::service::Requirement;
use crate::template::{Condition, ConditionKey, Effect, Operator, Statement};
use crate::wildcard::Wildcard;

/// The first requirement that the statements do not allow. A `Deny` wins over every `Allow`; without either, denied.
pub(crate) fn denied<'a>(statements: &[Statement], requirements: &'a [Requirement]) -> Option<&'a Requirement> {
    requirements.iter().find(|requirement| !allows(statements, requirement))
}

fn allows(statements: &[Statement], requirement: &Requirement) -> bool {
    let has = |effect| statements.iter().any(|statement| statement.effect == effect && applies(statement, requirement));
    has(Effect::Allow) && !has(Effect::Deny)
}

fn applies(statement: &Statement, requirement: &Requirement) -> bool {
    let action = requirement.action.to_lowercase();
    statement.actions.iter().any(|wildcard| wildcard.matches(&action))
        && statement.resources.iter().any(|wildcard| wildcard.matches(&requirement.resource))
        && statement.conditions.iter().all(|condition| holds(condition, requirement))
}

/// A condition on a tag that is not there does not hold, unless it says `IfExists`.
fn holds(condition: &Condition, requirement: &Requirement) -> bool {
    let value = match &condition.key {
        ConditionKey::RequestTag(tag) => requirement.request_tags.get(tag),
        ConditionKey::ResourceTag(tag) => requirement.resource_tags.get(tag),
    };
    value.map_or(condition.if_exists, |value| {
        condition.values.iter().any(|expected| match condition.operator {
            Operator::StringEquals => value == expected,
            Operator::StringLike => Wildcard::iam(expected).matches(value),
        })
    })
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
        let condition =
            |operator, key, value: &str| Condition { operator, if_exists: false, key, values: vec![value.into()] };
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
}
