//! Constraints of a service model as data, and the check of a request against them, with the messages of AWS.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// What a value must be: the `shape` of a service model.
pub(crate) enum Shape {
    /// A string with a length in characters.
    Text {
        min: usize,
        max: usize,
        pattern: Option<Pattern>,
    },
    /// A string that no message may quote.
    Secret {
        min: usize,
        max: usize,
    },
    /// One of these strings.
    OneOf(&'static [&'static str]),
    Integer {
        min: i64,
        max: i64,
    },
    Boolean,
    List {
        of: &'static Shape,
        min: usize,
        max: usize,
    },
    Map {
        key: &'static Shape,
        value: &'static Shape,
        max: usize,
    },
    Structure(&'static [Member]),
}

/// A regular expression of the model. The few there are do not warrant an engine: each comes with a function.
#[derive(Clone, Copy)]
pub(crate) struct Pattern {
    /// As the model writes it, for the message.
    pub(crate) regex: &'static str,
    /// Whether the whole text matches.
    pub(crate) accepts: fn(&str) -> bool,
}

/// A member of a structure.
pub(crate) struct Member {
    name: &'static str,
    shape: Shape,
    required: bool,
}

/// A member that may be missing or null.
pub(crate) const fn optional(name: &'static str, shape: Shape) -> Member {
    Member { name, shape, required: false }
}

/// A member that must be there.
pub(crate) const fn required(name: &'static str, shape: Shape) -> Member {
    Member { name, shape, required: true }
}

/// A string of `min` to `max` characters.
pub(crate) const fn text(min: usize, max: usize) -> Shape {
    Shape::Text { min, max, pattern: None }
}

/// A string of `min` to `max` characters that matches.
pub(crate) const fn matching(min: usize, max: usize, pattern: Pattern) -> Shape {
    Shape::Text { min, max, pattern: Some(pattern) }
}

/// A request that has passed its check, so that every member is missing or as its shape says.
#[derive(Clone, Copy)]
pub(crate) struct Input<'a>(&'a Value);

impl<'a> Input<'a> {
    /// Checks a request. Members that the model does not know are ignored, as AWS does.
    ///
    /// # Errors
    /// A message that names every violation.
    pub(crate) fn check(members: &'static [Member], request: &'a Value) -> Result<Self, String> {
        let mut violations = Vec::new();
        Shape::Structure(members).check(request, "", &mut violations);
        match violations.as_slice() {
            [] => Ok(Self(request)),
            [one] => Err(format!("1 validation error detected: {one}")),
            more => Err(format!("{} validation errors detected: {}", more.len(), more.join("; "))),
        }
    }

    /// A string, where there is one.
    pub(crate) fn text(self, member: &str) -> Option<&'a str> {
        self.0.get(member)?.as_str()
    }

    /// A string that the model requires.
    pub(crate) fn required_text(self, member: &str) -> &'a str {
        self.text(member).unwrap_or_default()
    }

    pub(crate) fn integer(self, member: &str) -> Option<i64> {
        self.0.get(member)?.as_i64()
    }

    pub(crate) fn boolean(self, member: &str) -> Option<bool> {
        self.0.get(member)?.as_bool()
    }

    /// The member as it came, null left out.
    pub(crate) fn json(self, member: &str) -> Option<&'a Value> {
        self.0.get(member).filter(|value| !value.is_null())
    }

    /// The request as it came.
    pub(crate) fn as_json(self) -> &'a Value {
        self.0
    }

    /// The strings of a list, if it is there.
    pub(crate) fn texts(self, member: &str) -> Option<Vec<&'a str>> {
        Some(self.0.get(member)?.as_array()?.iter().filter_map(Value::as_str).collect())
    }

    /// The structures of a list; none when it is missing.
    pub(crate) fn structures(self, member: &str) -> impl Iterator<Item = Input<'a>> {
        self.0.get(member).and_then(Value::as_array).into_iter().flatten().map(Input)
    }

    /// A map of strings; empty when it is missing.
    pub(crate) fn text_map(self, member: &str) -> BTreeMap<String, String> {
        text_map(self.0, member)
    }
}

/// The strings of the map `member` of a request that nobody has checked yet.
pub(crate) fn text_map(request: &Value, member: &str) -> BTreeMap<String, String> {
    let entries = request.get(member).and_then(Value::as_object).into_iter().flatten();
    entries.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

impl Shape {
    fn check(&self, value: &Value, path: &str, violations: &mut Vec<String>) {
        match (self, value) {
            (Self::Structure(members), Value::Object(object)) => {
                for member in *members {
                    let path = if path.is_empty() { member.name.to_owned() } else { format!("{path}.{}", member.name) };
                    member.check(object, &path, violations);
                }
            }
            (Self::List { of: of @ Self::Structure(_), .. }, Value::Array(items)) => {
                violations.extend(self.unmet(value).iter().map(|unmet| self.violation(value, path, unmet)));
                for (position, item) in items.iter().enumerate() {
                    of.check(item, &format!("{path}.{}.member", position + 1), violations);
                }
            }
            _ => violations.extend(self.unmet(value).iter().map(|unmet| self.violation(value, path, unmet))),
        }
    }

    fn violation(&self, value: &Value, path: &str, unmet: &str) -> String {
        // A request that is no structure at all is not quoted: nothing says what in it is a secret.
        let hidden = path.is_empty() || matches!(self, Self::Secret { .. });
        let value = if hidden { "***".to_owned() } else { quoted(value) };
        format!("Value '{value}' at '{path}' failed to satisfy constraint: {unmet}")
    }

    /// The constraints that the value does not meet, in AWS's words. The members of structures are not looked at.
    fn unmet(&self, value: &Value) -> Vec<String> {
        match (self, value) {
            (Self::Text { min, max, pattern }, Value::String(text)) => {
                let mut unmet = unmet_size("length", text.chars().count(), *min, *max);
                if let Some(pattern) = pattern.filter(|pattern| !(pattern.accepts)(text)) {
                    unmet.push(format!("Member must satisfy regular expression pattern: {}", pattern.regex));
                }
                unmet
            }
            (Self::Secret { min, max }, Value::String(text)) => unmet_size("length", text.chars().count(), *min, *max),
            (Self::OneOf(values), Value::String(text)) if values.contains(&text.as_str()) => Vec::new(),
            (Self::OneOf(values), Value::String(_)) => {
                vec![format!("Member must satisfy enum value set: [{}]", values.join(", "))]
            }
            (Self::Integer { min, max }, Value::Number(number)) if number.is_i64() || number.is_u64() => {
                unmet_size("value", number.as_i64().unwrap_or(i64::MAX), *min, *max)
            }
            (Self::Boolean, Value::Bool(_)) | (Self::Structure(_), Value::Object(_)) => Vec::new(),
            (Self::List { of, min, max }, Value::Array(items)) => {
                let mut unmet = unmet_size("length", items.len(), *min, *max);
                if !matches!(of, Self::Structure(_)) {
                    unmet.extend(all_of("Member", items.iter().flat_map(|item| of.unmet(item)).collect()));
                }
                unmet
            }
            (Self::Map { key, value, max }, Value::Object(entries)) => {
                let mut unmet = unmet_size("length", entries.len(), 0, *max);
                let keys = entries.keys().flat_map(|name| key.unmet(&Value::String(name.clone())));
                unmet.extend(all_of("Map keys", keys.collect()));
                unmet.extend(all_of("Map value", entries.values().flat_map(|entry| value.unmet(entry)).collect()));
                unmet
            }
            _ => vec![format!("Member must be {}", self.json_type())],
        }
    }

    fn json_type(&self) -> &'static str {
        match self {
            Self::Text { .. } | Self::Secret { .. } | Self::OneOf(_) => "a string",
            Self::Integer { .. } => "an integer",
            Self::Boolean => "a boolean",
            Self::List { .. } => "a list",
            Self::Map { .. } => "a map",
            Self::Structure(_) => "a structure",
        }
    }
}

impl Member {
    fn check(&self, object: &Map<String, Value>, path: &str, violations: &mut Vec<String>) {
        match object.get(self.name).filter(|value| !value.is_null()) {
            Some(value) => self.shape.check(value, path, violations),
            None if self.required => {
                violations
                    .push(format!("Value null at '{path}' failed to satisfy constraint: Member must not be null"));
            }
            None => {}
        }
    }
}

fn unmet_size<N: PartialOrd + std::fmt::Display>(size: &str, of: N, min: N, max: N) -> Vec<String> {
    if of < min {
        vec![format!("Member must have {size} greater than or equal to {min}")]
    } else if of > max {
        vec![format!("Member must have {size} less than or equal to {max}")]
    } else {
        Vec::new()
    }
}

/// What the members of a collection fail, each thing once.
fn all_of(subject: &str, mut unmet: Vec<String>) -> Option<String> {
    unmet.sort_unstable();
    unmet.dedup();
    (!unmet.is_empty()).then(|| format!("{subject} must satisfy constraint: [{}]", unmet.join(", ")))
}

/// A value as AWS's messages write it.
fn quoted(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(quoted).collect::<Vec<_>>().join(", ")),
        Value::Object(entries) => {
            let entries: Vec<_> = entries.iter().map(|(key, value)| format!("{key}={}", quoted(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// Requests near the form that a model asks for, for property tests.
#[cfg(test)]
pub(crate) mod near {
    use proptest::prelude::*;
    use proptest::string::string_regex;
    use serde_json::json;

    use super::*;

    /// Structures of these members: required ones are rarely missing, optional ones often, and any is wrong now and
    /// then. An ARN is mostly one of `arns`, where the shape takes one.
    pub(crate) fn request(members: &'static [Member], arns: &[String]) -> BoxedStrategy<Value> {
        members
            .iter()
            .fold(Just(Map::new()).boxed(), |request, member| {
                let is_there = if member.required { 0.97 } else { 0.5 };
                let wrong = prop_oneof![
                    Just(Value::Null),
                    Just(json!(-1)),
                    Just(json!(1.5)),
                    Just(json!([[]])),
                    Just(json!({"": {}})),
                    Just(json!("é".repeat(3_000))),
                ];
                let value = prop_oneof![30 => value(&member.shape, arns), 1 => wrong];
                (request, prop::option::weighted(is_there, value))
                    .prop_map(|(mut request, value)| {
                        request.extend(value.map(|value| (member.name.to_owned(), value)));
                        request
                    })
                    .boxed()
            })
            .prop_map(Value::from)
            .boxed()
    }

    fn value(shape: &'static Shape, arns: &[String]) -> BoxedStrategy<Value> {
        match shape {
            Shape::Text { min, max, pattern } => {
                // The few that this does not read say more than one thing.
                let of_pattern = pattern.and_then(|pattern| string_regex(pattern.regex).ok());
                let text = of_pattern.map_or_else(|| letters(*min, *max), Strategy::boxed);
                let takes = |arn: &&String| pattern.is_some_and(|pattern| (pattern.accepts)(arn));
                let arns: Vec<String> = arns.iter().filter(takes).cloned().collect();
                if arns.is_empty() {
                    text.prop_map(Value::from).boxed()
                } else {
                    prop_oneof![6 => prop::sample::select(arns), 1 => text].prop_map(Value::from).boxed()
                }
            }
            Shape::Secret { min, max } => letters(*min, *max).prop_map(Value::from).boxed(),
            Shape::OneOf(values) => prop::sample::select(*values).prop_map(Value::from).boxed(),
            Shape::Integer { min, max } => {
                prop_oneof![Just(*min), Just(*max), *min..=*max].prop_map(Value::from).boxed()
            }
            Shape::Boolean => any::<bool>().prop_map(Value::from).boxed(),
            Shape::List { of, min, max } => {
                prop::collection::vec(value(of, arns), *min..=(*max).min(min + 3)).prop_map(Value::from).boxed()
            }
            Shape::Map { key, value: of, max } => {
                let entries = prop::collection::vec((value(key, arns), value(of, arns)), 0..=(*max).min(3));
                let entries = entries.prop_map(|entries| {
                    let entries =
                        entries.into_iter().filter_map(|(key, value)| Some((key.as_str()?.to_owned(), value)));
                    entries.collect::<Value>()
                });
                entries.boxed()
            }
            Shape::Structure(members) => request(members, arns),
        }
    }

    fn letters(min: usize, max: usize) -> BoxedStrategy<String> {
        let longest = max.min(min + 12);
        string_regex(&format!("[a-z0-9]{{{min},{longest}}}")).expect("a regular expression").boxed()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const LOWER: Pattern =
        Pattern { regex: "[a-z]*", accepts: |text| text.bytes().all(|byte| byte.is_ascii_lowercase()) };
    const MEMBERS: &[Member] = &[
        required("name", matching(1, 3, LOWER)),
        optional("count", Shape::Integer { min: 1, max: 9 }),
        optional("on", Shape::Boolean),
        optional("kinds", Shape::List { of: &Shape::OneOf(&["A", "B"]), min: 0, max: 2 }),
        optional("tags", Shape::Map { key: &text(1, 2), value: &text(0, 2), max: 2 }),
        optional("parts", Shape::List { of: &Shape::Structure(&[required("size", PART)]), min: 0, max: 2 }),
        optional("password", Shape::Secret { min: 3, max: 4 }),
    ];
    const PART: Shape = Shape::Integer { min: 0, max: 1 };

    #[test]
    fn every_kind_of_violation_is_told_in_the_words_of_aws() {
        let cases = [
            (json!({}), "Value null at 'name' failed to satisfy constraint: Member must not be null"),
            (json!({"name": null}), "Value null at 'name' failed to satisfy constraint: Member must not be null"),
            (json!({"name": 7}), "Value '7' at 'name' failed to satisfy constraint: Member must be a string"),
            (
                json!({"name": ""}),
                "Value '' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 1",
            ),
            (
                json!({"name": "abcd"}),
                "Value 'abcd' at 'name' failed to satisfy constraint: Member must have length less than or equal to 3",
            ),
            (
                json!({"name": "A"}),
                "Value 'A' at 'name' failed to satisfy constraint: \
                 Member must satisfy regular expression pattern: [a-z]*",
            ),
            (
                json!({"name": "a", "count": 0}),
                "Value '0' at 'count' failed to satisfy constraint: Member must have value greater than or equal to 1",
            ),
            (
                json!({"name": "a", "count": u64::MAX}),
                "Value '18446744073709551615' at 'count' failed to satisfy constraint: \
                 Member must have value less than or equal to 9",
            ),
            (
                json!({"name": "a", "count": 1.5}),
                "Value '1.5' at 'count' failed to satisfy constraint: Member must be an integer",
            ),
            (
                json!({"name": "a", "on": "yes"}),
                "Value 'yes' at 'on' failed to satisfy constraint: Member must be a boolean",
            ),
            (
                json!({"name": "a", "kinds": ["A", "C"]}),
                "Value '[A, C]' at 'kinds' failed to satisfy constraint: Member must satisfy constraint: \
                 [Member must satisfy enum value set: [A, B]]",
            ),
            (
                json!({"name": "a", "kinds": ["A", "A", "B"]}),
                "Value '[A, A, B]' at 'kinds' failed to satisfy constraint: \
                 Member must have length less than or equal to 2",
            ),
            (
                json!({"name": "a", "tags": {"": "x"}}),
                "Value '{=x}' at 'tags' failed to satisfy constraint: Map keys must satisfy constraint: \
                 [Member must have length greater than or equal to 1]",
            ),
            (
                json!({"name": "a", "tags": {"k": "xxx"}}),
                "Value '{k=xxx}' at 'tags' failed to satisfy constraint: Map value must satisfy constraint: \
                 [Member must have length less than or equal to 2]",
            ),
            (
                json!({"name": "a", "parts": [{"size": 0}, {"size": 2}]}),
                "Value '2' at 'parts.2.member.size' failed to satisfy constraint: \
                 Member must have value less than or equal to 1",
            ),
            (
                json!({"name": "a", "parts": [1]}),
                "Value '1' at 'parts.1.member' failed to satisfy constraint: Member must be a structure",
            ),
            (
                json!({"name": "a", "password": "hunter2"}),
                "Value '***' at 'password' failed to satisfy constraint: \
                 Member must have length less than or equal to 4",
            ),
            (json!(["hunter2"]), "Value '***' at '' failed to satisfy constraint: Member must be a structure"),
        ];
        for (request, violation) in cases {
            let message = Input::check(MEMBERS, &request).err();
            assert_eq!(message, Some(format!("1 validation error detected: {violation}")), "{request}");
        }
    }

    #[test]
    fn several_violations_are_told_at_once() {
        let message = Input::check(MEMBERS, &json!({"name": "A", "count": 0})).err().unwrap();
        assert!(message.starts_with("2 validation errors detected: Value 'A' at 'name'"), "{message}");
        assert!(message.contains("; Value '0' at 'count'"), "{message}");
    }

    #[test]
    fn lengths_count_characters() {
        const NAME: &[Member] = &[required("name", text(3, 3))];
        assert!(Input::check(NAME, &json!({"name": "öäü"})).is_ok());
    }

    #[test]
    fn unknown_members_and_nulls_are_ignored() {
        let request = json!({"name": "a", "count": null, "other": {"deep": [1]}});
        let input = Input::check(MEMBERS, &request).ok().unwrap();
        assert_eq!((input.text("name"), input.integer("count")), (Some("a"), None));
    }
}
