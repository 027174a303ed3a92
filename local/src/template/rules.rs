//! `Rules`: what CloudFormation checks of the parameters before it makes anything.

use serde_json::Value;

use super::error::{Result, TemplateError};
use super::intrinsics::Scope;
use super::node::Node;

/// Functions that rules have and the rest of a template does not. Of them, the local cloud has `Fn::Contains`.
const UNSUPPORTED: [&str; 5] =
    ["Fn::EachMemberEquals", "Fn::EachMemberIn", "Fn::RefAll", "Fn::ValueOf", "Fn::ValueOfAll"];

/// Refuses parameters that contradict a rule, with the rule's own words.
pub(crate) fn check(scope: &Scope<'_>) -> Result<()> {
    let Some(rules) = scope.template.get("Rules") else { return Ok(()) };
    for (_, rule) in Node::new(rules, "Rules").entries()? {
        rule.only("a rule", &["RuleCondition", "Assertions"])?;
        if let Some(condition) = rule.get("RuleCondition")
            && !holds(scope, &condition)?
        {
            continue;
        }
        for assertion in rule.require("Assertions")?.elements() {
            assertion.only("an assertion", &["Assert", "AssertDescription"])?;
            if !holds(scope, &assertion.require("Assert")?)? {
                let described = assertion.get("AssertDescription").map(|text| text.text()).transpose()?;
                return Err(rule.error(described.unwrap_or_else(|| "an assertion does not hold".to_owned())));
            }
        }
    }
    Ok(())
}

/// Whether a rule-specific function gives true.
fn holds(scope: &Scope<'_>, function: &Node<'_>) -> Result<bool> {
    let call = function.map()?.iter().next();
    match call {
        Some((name, _)) if UNSUPPORTED.contains(&name.as_str()) => {
            Err(function.unsupported(format!("the intrinsic function {name}")))
        }
        Some((name, argument)) if name == "Fn::Contains" => contains(scope, &Node::new(argument, &function.at)),
        Some((name, argument)) if ["Fn::Not", "Fn::And", "Fn::Or"].contains(&name.as_str()) => {
            let truths = Node::new(argument, &function.at).elements();
            let truths: Vec<bool> = truths.iter().map(|truth| holds(scope, truth)).collect::<Result<_>>()?;
            Ok(match name.as_str() {
                "Fn::And" => truths.iter().all(|truth| *truth),
                "Fn::Or" => truths.iter().any(|truth| *truth),
                _ => !truths.iter().any(|truth| *truth),
            })
        }
        _ => match scope.resolve(function.value, &function.at)? {
            Value::Bool(truth) => Ok(truth),
            _ => Err(TemplateError::new(&function.at, "must be a function that is true or false")),
        },
    }
}

fn contains(scope: &Scope<'_>, arguments: &Node<'_>) -> Result<bool> {
    let resolved = scope.resolve(arguments.value, &arguments.at)?;
    match Node::new(&resolved, &arguments.at).elements().as_slice() {
        [list, one] => Ok(list.texts()?.contains(&one.text()?)),
        _ => Err(arguments.error("Fn::Contains needs a list and a string")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::template::error::without_cure;

    fn check_with(rules: Value, issuer: &str, audience: &str) -> std::result::Result<(), String> {
        let template = json!({"Rules": rules, "Conditions": {}, "Resources": {}});
        let parameters = [("Issuer", json!(issuer)), ("Audience", json!(audience))];
        let parameters = parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let scope = Scope::new(&template, parameters, "stack", "us-east-1", "http://sqs.test", &|_, _| unreachable!());
        check(&scope).map_err(|error| error.to_string())
    }

    fn audience_is_needed() -> Value {
        json!({"Provider": {
            "RuleCondition": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Issuer"}, ""]}]},
            "Assertions": [{
                "Assert": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Audience"}, ""]}]},
                "AssertDescription": "an issuer needs an audience",
            }],
        }})
    }

    #[test]
    fn an_assertion_holds_or_says_why_not() {
        assert_eq!(check_with(audience_is_needed(), "", ""), Ok(()));
        assert_eq!(check_with(audience_is_needed(), "https://id.test", "app"), Ok(()));
        let refused = check_with(audience_is_needed(), "https://id.test", "");
        assert_eq!(refused, Err("Rules.Provider: an issuer needs an audience".to_owned()));
    }

    #[test]
    fn a_rule_without_a_condition_always_counts() {
        let rule = |assert: Value| json!({"R": {"Assertions": [{"Assert": assert}]}});
        let known = rule(json!({"Fn::Contains": [["a", "b"], {"Ref": "Issuer"}]}));
        assert_eq!(check_with(known.clone(), "a", ""), Ok(()));
        assert_eq!(check_with(known, "c", ""), Err("Rules.R: an assertion does not hold".to_owned()));
        let either = json!([{"Fn::Equals": [{"Ref": "Issuer"}, "a"]}, {"Fn::Equals": [{"Ref": "Audience"}, "a"]}]);
        assert_eq!(check_with(rule(json!({"Fn::Or": either})), "", "a"), Ok(()));
        assert!(check_with(rule(json!({"Fn::And": either})), "", "a").is_err());
    }

    #[test]
    fn what_the_local_cloud_cannot_judge_is_an_error_with_its_place() {
        let rule = |assert: Value| json!({"R": {"Assertions": [{"Assert": assert}]}});
        for (assert, expected) in [
            (
                json!({"Fn::EachMemberIn": [["a"], ["a"]]}),
                "Rules.R.Assertions[0].Assert: the local cloud does not support the intrinsic function \
                 Fn::EachMemberIn",
            ),
            (json!({"Ref": "Issuer"}), "Rules.R.Assertions[0].Assert: must be a function that is true or false"),
            (json!({"Fn::Contains": [["a"]]}), "Rules.R.Assertions[0].Assert: Fn::Contains needs a list and a string"),
        ] {
            let said = check_with(rule(assert), "", "").unwrap_err();
            assert_eq!(without_cure(&said), expected);
        }
    }
}
