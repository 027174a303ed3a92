//! The template's parameters: defaults, overrides, types and constraints.

use std::collections::BTreeMap;

use serde_json::Value;

use super::error::{Result, TemplateError};
use super::node::Node;

/// Resolves every parameter's value: a string, or a list of strings for the list types.
pub(crate) fn resolve(template: &Value, overrides: &BTreeMap<String, String>) -> Result<BTreeMap<String, Value>> {
    let empty = Value::Object(serde_json::Map::new());
    let declared = Node::new(template.get("Parameters").unwrap_or(&empty), "Parameters");
    if let Some(unknown) = overrides.keys().find(|name| declared.get(name).is_none()) {
        let known: Vec<_> = declared.map()?.keys().map(String::as_str).collect();
        let what = format!("parameter `{unknown}` is not in the template, which has: {}", known.join(", "));
        return Err(TemplateError::new("", what));
    }
    declared
        .entries()?
        .map(|(name, declaration)| Ok((name.to_owned(), value(&declaration, overrides.get(name))?)))
        .collect()
}

fn value(declaration: &Node<'_>, given: Option<&String>) -> Result<Value> {
    let text = match (given, declaration.get("Default")) {
        (Some(given), _) => given.clone(),
        (None, Some(default)) => default.text()?,
        (None, None) => return Err(declaration.error("has no default: give it with --parameter NAME=VALUE")),
    };
    match declaration.require("Type")?.text()?.as_str() {
        // The ids of what the account has are not looked up.
        kind if kind == "String" || kind.starts_with("AWS::EC2::") => {
            check(declaration, &text)?;
            Ok(text.into())
        }
        "Number" => {
            let number: f64 = text.parse().map_err(|_| declaration.error(format!("`{text}` is not a number")))?;
            check(declaration, &text)?;
            check_range(declaration, number)?;
            Ok(text.into())
        }
        kind if ["CommaDelimitedList", "List<Number>", "List<String>"].contains(&kind)
            || kind.starts_with("List<AWS::EC2::") =>
        {
            let elements: Vec<_> = text.split(',').map(str::trim).filter(|element| !element.is_empty()).collect();
            elements.iter().try_for_each(|element| check(declaration, element))?;
            Ok(elements.into())
        }
        other => Err(declaration.unsupported(format!("parameters of type `{other}`"))),
    }
}

fn check(declaration: &Node<'_>, text: &str) -> Result<()> {
    if let Some(allowed) = declaration.get("AllowedValues") {
        let allowed = allowed.texts()?;
        if !allowed.iter().any(|value| value == text) {
            return Err(declaration.error(format!("`{text}` is not one of: {}", allowed.join(", "))));
        }
    }
    if let Some(pattern) = declaration.get("AllowedPattern") {
        // CloudFormation wants the whole value to match.
        let regex = regex_lite::Regex::new(&format!("^(?:{})$", pattern.text()?));
        let regex = regex.map_err(|error| pattern.error(format!("is no regular expression: {error}")))?;
        if !regex.is_match(text) {
            return Err(declaration.error(format!("`{text}` does not match the AllowedPattern {}", regex.as_str())));
        }
    }
    let length = text.chars().count() as u64;
    let bound = |key: &str| declaration.get(key).map(|bound| bound.number()).transpose();
    if let Some(min) = bound("MinLength")?.filter(|min| length < *min) {
        return Err(declaration.error(format!("`{text}` is shorter than the MinLength of {min}")));
    }
    if let Some(max) = bound("MaxLength")?.filter(|max| length > *max) {
        return Err(declaration.error(format!("`{text}` is longer than the MaxLength of {max}")));
    }
    Ok(())
}

fn check_range(declaration: &Node<'_>, number: f64) -> Result<()> {
    let bound = |key: &str| -> Result<Option<f64>> {
        let Some(bound) = declaration.get(key) else { return Ok(None) };
        let parsed = bound.text()?.parse().map_err(|_| bound.error("must be a number"))?;
        Ok(Some(parsed))
    };
    if let Some(min) = bound("MinValue")?.filter(|min| number < *min) {
        return Err(declaration.error(format!("{number} is less than the MinValue of {min}")));
    }
    if let Some(max) = bound("MaxValue")?.filter(|max| number > *max) {
        return Err(declaration.error(format!("{number} is more than the MaxValue of {max}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn resolve_one(declaration: Value, given: Option<&str>) -> Result<Value> {
        let overrides = given.map(|value| ("P".to_owned(), value.to_owned())).into_iter().collect();
        resolve(&json!({"Parameters": {"P": declaration}}), &overrides).map(|mut values| values.remove("P").unwrap())
    }

    #[test]
    fn an_override_replaces_the_default() {
        let declaration = json!({"Type": "String", "Default": "a"});
        assert_eq!(resolve_one(declaration.clone(), None).unwrap(), "a");
        assert_eq!(resolve_one(declaration, Some("b")).unwrap(), "b");
    }

    #[test]
    fn a_comma_delimited_list_becomes_a_trimmed_list() {
        let declaration = json!({"Type": "CommaDelimitedList", "Default": "a, b,c"});
        assert_eq!(resolve_one(declaration, None).unwrap(), json!(["a", "b", "c"]));
    }

    #[test]
    fn a_number_is_text_that_is_checked_to_be_one() {
        let declaration = json!({"Type": "Number", "Default": 15, "MinValue": 1, "MaxValue": 20});
        assert_eq!(resolve_one(declaration.clone(), None).unwrap(), "15");
        for (bad, expected) in [
            ("x", "Parameters.P: `x` is not a number"),
            ("0", "Parameters.P: 0 is less than the MinValue of 1"),
            ("21", "Parameters.P: 21 is more than the MaxValue of 20"),
        ] {
            let error = resolve_one(declaration.clone(), Some(bad)).unwrap_err().to_string();
            assert_eq!(error, expected);
        }
    }

    #[test]
    fn the_whole_value_has_to_match_an_allowed_pattern() {
        let declaration = json!({"Type": "String", "AllowedPattern": "^$|^[a-z]+", "Default": ""});
        assert_eq!(resolve_one(declaration.clone(), None).unwrap(), "");
        assert_eq!(resolve_one(declaration.clone(), Some("abc")).unwrap(), "abc");
        assert!(resolve_one(declaration, Some("abc1")).is_err());
    }

    #[test]
    fn values_outside_the_allowed_ones_are_refused() {
        let declaration = json!({"Type": "String", "AllowedValues": ["a", "b"], "Default": "a"});
        let error = resolve_one(declaration, Some("c")).unwrap_err().to_string();
        assert_eq!(error, "Parameters.P: `c` is not one of: a, b");
    }

    #[test]
    fn lengths_are_checked() {
        let declaration = json!({"Type": "String", "MinLength": 2, "MaxLength": 3});
        assert!(resolve_one(declaration.clone(), Some("ab")).is_ok());
        for (bad, expected) in [
            ("a", "Parameters.P: `a` is shorter than the MinLength of 2"),
            ("abcd", "Parameters.P: `abcd` is longer than the MaxLength of 3"),
        ] {
            let error = resolve_one(declaration.clone(), Some(bad)).unwrap_err().to_string();
            assert_eq!(error, expected);
        }
    }

    #[test]
    fn an_unknown_override_names_the_parameters_that_exist() {
        let overrides = BTreeMap::from([("Typo".to_owned(), "x".to_owned())]);
        let template = json!({"Parameters": {"P": {"Type": "String", "Default": ""}}});
        let error = resolve(&template, &overrides).unwrap_err().to_string();
        assert_eq!(error, "parameter `Typo` is not in the template, which has: P");
    }
}
