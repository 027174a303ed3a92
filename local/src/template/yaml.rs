//! YAML to JSON: CloudFormation's short tags (`!Ref x`) become their long forms (`{"Ref": x}`).

use serde_json::{Map, Value};
use serde_yaml_ng::Value as Yaml;

use super::error::{Result, TemplateError};

/// Parses a template. A syntax error says its line and column.
pub(crate) fn parse(text: &str) -> Result<Value> {
    // Some editors begin a file with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let yaml: Yaml = serde_yaml_ng::from_str(text).map_err(|error| TemplateError::new("", error.to_string()))?;
    to_json(yaml, "")
}

fn to_json(yaml: Yaml, at: &str) -> Result<Value> {
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(flag) => Value::Bool(flag),
        Yaml::Number(number) => number_to_json(&number),
        Yaml::String(text) => Value::String(text),
        Yaml::Sequence(list) => {
            let elements = list.into_iter().enumerate().map(|(index, value)| to_json(value, &format!("{at}[{index}]")));
            Value::Array(elements.collect::<Result<_>>()?)
        }
        Yaml::Mapping(mapping) => {
            let mut map = Map::new();
            for (key, value) in mapping {
                let Value::String(key) = key_to_json(key, at)? else { continue };
                let path = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
                map.insert(key, to_json(value, &path)?);
            }
            Value::Object(map)
        }
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let tag = tag.trim_start_matches('!');
            let name = match tag {
                "Ref" | "Condition" => tag.to_owned(),
                _ => format!("Fn::{tag}"),
            };
            let argument = match (tag, to_json(tagged.value, at)?) {
                // `!GetAtt Table.Arn`; only the first dot separates, attributes may have dots of their own.
                ("GetAtt", Value::String(text)) => match text.split_once('.') {
                    Some((resource, attribute)) => Value::from(vec![resource, attribute]),
                    None => return Err(TemplateError::new(at, format!("!GetAtt {text} names no attribute"))),
                },
                (_, argument) => argument,
            };
            Value::Object(Map::from_iter([(name, argument)]))
        }
    })
}

fn key_to_json(key: Yaml, at: &str) -> Result<Value> {
    match key {
        Yaml::String(text) => Ok(Value::String(text)),
        Yaml::Number(number) => Ok(Value::String(number.to_string())),
        Yaml::Bool(flag) => Ok(Value::String(flag.to_string())),
        _ => Err(TemplateError::new(at, "a key must be a string")),
    }
}

fn number_to_json(number: &serde_yaml_ng::Number) -> Value {
    if let Some(whole) = number.as_u64() {
        whole.into()
    } else if let Some(whole) = number.as_i64() {
        whole.into()
    } else {
        number.as_f64().into()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn short_tags_become_long_forms() {
        let text = "a: !Ref B\nb: !GetAtt C.Arn\nc: !Sub ${AWS::Region}-x\nd: !If [E, !Ref F, 1]\ne: !Condition G\n";
        let expected = json!({
            "a": {"Ref": "B"},
            "b": {"Fn::GetAtt": ["C", "Arn"]},
            "c": {"Fn::Sub": "${AWS::Region}-x"},
            "d": {"Fn::If": ["E", {"Ref": "F"}, 1]},
            "e": {"Condition": "G"},
        });
        assert_eq!(parse(text).unwrap(), expected);
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_template() {
        assert_eq!(parse("\u{feff}a: 1\n").unwrap(), json!({"a": 1}));
    }

    #[test]
    fn a_syntax_error_says_line_and_column() {
        let error = parse("Resources:\n  A: [1\n  B: 2\n").unwrap_err().to_string();
        assert!(error.contains("line 3 column"), "{error}");
    }

    #[test]
    fn a_get_att_without_attribute_is_an_error() {
        assert_eq!(parse("x: !GetAtt Table").unwrap_err().to_string(), "x: !GetAtt Table names no attribute");
    }
}
