//! EventBridge event patterns.
//!
//! A field's matchers are alternatives, fields are all required, and an array in the event matches if one of its
//! elements does. A matcher that this module does not know is an error when the template is loaded.

use serde_json::{Map, Value};

use crate::plumbing::wildcard::Wildcard;

/// A compiled event pattern.
#[derive(Debug, Clone)]
pub(crate) struct Pattern(Fields);

#[derive(Debug, Clone, Default)]
struct Fields {
    all: Vec<(String, Node)>,
    /// Of each `$or`, at least one must match.
    or: Vec<Vec<Fields>>,
}

#[derive(Debug, Clone)]
enum Node {
    Fields(Fields),
    AnyOf(Vec<Matcher>),
}

#[derive(Debug, Clone)]
enum Matcher {
    Exact(Value),
    Text(TextMatcher),
    /// None of these values.
    AnythingBut(Vec<Value>),
    /// None of these texts.
    AnythingButText(Vec<TextMatcher>),
    /// All of the comparisons hold.
    Numeric(Vec<(Comparison, f64)>),
    Exists(bool),
}

#[derive(Debug, Clone)]
enum TextMatcher {
    Prefix(String),
    Suffix(String),
    PrefixIgnoreCase(String),
    SuffixIgnoreCase(String),
    EqualsIgnoreCase(String),
    Wildcard(Wildcard),
}

#[derive(Debug, Clone, Copy)]
enum Comparison {
    Less,
    LessOrEqual,
    Equal,
    GreaterOrEqual,
    Greater,
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// What is wrong with it and in which field.
    pub(crate) fn parse(pattern: &Value) -> Result<Self, String> {
        match pattern {
            Value::Object(map) if !map.is_empty() => Fields::parse(map, "").map(Self),
            _ => Err("an event pattern is a mapping with at least one field".to_owned()),
        }
    }

    /// Whether the event matches.
    pub(crate) fn matches(&self, event: &Value) -> bool {
        self.0.matches(Some(event))
    }
}

impl Fields {
    fn parse(map: &Map<String, Value>, path: &str) -> Result<Self, String> {
        let mut fields = Self::default();
        for (key, value) in map {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            match value {
                Value::Array(alternatives) if key == "$or" => {
                    let alternatives = alternatives.iter().map(|alternative| match alternative {
                        Value::Object(map) => Self::parse(map, &path),
                        _ => Err(format!("{path} takes mappings")),
                    });
                    fields.or.push(alternatives.collect::<Result<_, _>>()?);
                }
                Value::Object(map) => fields.all.push((key.clone(), Node::Fields(Self::parse(map, &path)?))),
                Value::Array(matchers) if !matchers.is_empty() => {
                    let matchers = matchers.iter().map(|matcher| Matcher::parse(matcher, &path));
                    fields.all.push((key.clone(), Node::AnyOf(matchers.collect::<Result<_, _>>()?)));
                }
                _ => return Err(format!("{path} must be a mapping or a list of values")),
            }
        }
        Ok(fields)
    }

    fn matches(&self, event: Option<&Value>) -> bool {
        if let Some(Value::Array(elements)) = event {
            return elements.iter().any(|element| self.matches(Some(element)));
        }
        self.all.iter().all(|(key, node)| node.matches(event.and_then(|event| event.get(key))))
            && self.or.iter().all(|alternatives| alternatives.iter().any(|fields| fields.matches(event)))
    }
}

impl Node {
    fn matches(&self, value: Option<&Value>) -> bool {
        match self {
            Self::Fields(fields) => fields.matches(value),
            Self::AnyOf(matchers) => match value {
                Some(Value::Array(elements)) if !elements.is_empty() => {
                    elements.iter().any(|element| matchers.iter().any(|matcher| matcher.matches(Some(element))))
                }
                Some(Value::Array(_)) => matchers.iter().any(|matcher| matcher.matches(None)),
                leaf => matchers.iter().any(|matcher| matcher.matches(leaf)),
            },
        }
    }
}

impl Matcher {
    fn parse(value: &Value, path: &str) -> Result<Self, String> {
        let map = match value {
            Value::Object(map) => map,
            Value::Array(_) => return Err(format!("{path} has a list within a list")),
            scalar => return Ok(Self::Exact(scalar.clone())),
        };
        let (name, argument) = match map.iter().next() {
            Some(entry) if map.len() == 1 => entry,
            _ => return Err(format!("a matcher at {path} must have exactly one key")),
        };
        match (name.as_str(), argument) {
            ("exists", Value::Bool(exists)) => Ok(Self::Exists(*exists)),
            ("numeric", Value::Array(comparisons)) => Self::numeric(comparisons, path),
            ("anything-but", Value::Object(map)) => match map.iter().next() {
                Some((name, argument)) if map.len() == 1 => Ok(Self::AnythingButText(texts(name, argument, path)?)),
                _ => Err(format!("anything-but at {path} must have exactly one key")),
            },
            ("anything-but", Value::Array(values)) => Ok(Self::AnythingBut(values.clone())),
            ("anything-but", value) => Ok(Self::AnythingBut(vec![value.clone()])),
            ("exists" | "numeric", _) => Err(format!("{name} at {path} has a wrong argument")),
            _ => TextMatcher::parse(name, argument, path).map(Self::Text),
        }
    }

    fn numeric(comparisons: &[Value], path: &str) -> Result<Self, String> {
        if comparisons.is_empty() || !comparisons.len().is_multiple_of(2) {
            return Err(format!("numeric at {path} takes pairs of operator and number"));
        }
        let pairs = comparisons.chunks(2).map(|pair| {
            let comparison = match pair[0].as_str() {
                Some("<") => Comparison::Less,
                Some("<=") => Comparison::LessOrEqual,
                Some("=") => Comparison::Equal,
                Some(">=") => Comparison::GreaterOrEqual,
                Some(">") => Comparison::Greater,
                _ => return Err(format!("numeric at {path} has an unknown operator {}", pair[0])),
            };
            let number = pair[1].as_f64().ok_or_else(|| format!("numeric at {path} compares with {}", pair[1]))?;
            Ok((comparison, number))
        });
        pairs.collect::<Result<_, _>>().map(Self::Numeric)
    }

    /// `value` is a scalar of the event, or `None` if it has no such field.
    fn matches(&self, value: Option<&Value>) -> bool {
        let Some(value) = value else { return matches!(self, Self::Exists(false)) };
        match self {
            // A mapping is no leaf, and `exists` looks at leaves only.
            Self::Exists(exists) => *exists && !value.is_object(),
            Self::Exact(expected) => equal(expected, value),
            Self::Text(matcher) => value.as_str().is_some_and(|text| matcher.matches(text)),
            Self::AnythingBut(values) => !value.is_object() && !values.iter().any(|other| equal(other, value)),
            Self::AnythingButText(matchers) => {
                value.as_str().is_some_and(|text| !matchers.iter().any(|matcher| matcher.matches(text)))
            }
            Self::Numeric(comparisons) => {
                value.as_f64().is_some_and(|number| comparisons.iter().all(|(c, bound)| c.holds(number, *bound)))
            }
        }
    }
}

/// The alternatives of `{"anything-but": {name: argument}}`, where the argument may be a list.
fn texts(name: &str, argument: &Value, path: &str) -> Result<Vec<TextMatcher>, String> {
    match argument {
        Value::Array(list) => list.iter().map(|element| TextMatcher::parse(name, element, path)).collect(),
        single => Ok(vec![TextMatcher::parse(name, single, path)?]),
    }
}

fn equal(expected: &Value, value: &Value) -> bool {
    match (expected.as_f64(), value.as_f64()) {
        (Some(expected), Some(value)) => expected == value,
        _ => expected == value,
    }
}

impl TextMatcher {
    fn parse(name: &str, argument: &Value, path: &str) -> Result<Self, String> {
        if let ("prefix" | "suffix", Some(text)) = (name, argument.get("equals-ignore-case").and_then(Value::as_str)) {
            let text = text.to_lowercase();
            return Ok(if name == "prefix" { Self::PrefixIgnoreCase(text) } else { Self::SuffixIgnoreCase(text) });
        }
        let text = || argument.as_str().map(str::to_owned).ok_or_else(|| format!("{name} at {path} takes a string"));
        match name {
            "prefix" => Ok(Self::Prefix(text()?)),
            "suffix" => Ok(Self::Suffix(text()?)),
            "equals-ignore-case" => Ok(Self::EqualsIgnoreCase(text()?.to_lowercase())),
            "wildcard" => Ok(Self::Wildcard(
                Wildcard::event_bridge(&text()?).map_err(|what| format!("wildcard at {path}: {what}"))?,
            )),
            _ => Err(format!("unknown matcher `{name}` at {path}")),
        }
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Prefix(prefix) => text.starts_with(prefix),
            Self::Suffix(suffix) => text.ends_with(suffix),
            Self::PrefixIgnoreCase(prefix) => text.to_lowercase().starts_with(prefix),
            Self::SuffixIgnoreCase(suffix) => text.to_lowercase().ends_with(suffix),
            Self::EqualsIgnoreCase(other) => text.to_lowercase() == *other,
            Self::Wildcard(wildcard) => wildcard.matches(text),
        }
    }
}

impl Comparison {
    fn holds(self, number: f64, bound: f64) -> bool {
        match self {
            Self::Less => number < bound,
            Self::LessOrEqual => number <= bound,
            Self::Equal => number == bound,
            Self::GreaterOrEqual => number >= bound,
            Self::Greater => number > bound,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;
    use proptest::test_runner::TestRunner;
    use serde_json::json;

    use super::*;

    fn matches(pattern: Value, event: Value) -> bool {
        Pattern::parse(&pattern).unwrap().matches(&event)
    }

    #[test]
    fn every_field_must_match_one_of_its_values() {
        let pattern = json!({"source": ["aws.ecs"], "detail": {"lastStatus": ["RUNNING", "STOPPED"]}});
        assert!(matches(pattern.clone(), json!({"source": "aws.ecs", "detail": {"lastStatus": "STOPPED", "x": 1}})));
        assert!(!matches(pattern.clone(), json!({"source": "aws.ecs", "detail": {"lastStatus": "PENDING"}})));
        assert!(!matches(pattern, json!({"detail": {"lastStatus": "STOPPED"}})));
    }

    #[test]
    fn an_array_matches_by_one_of_its_elements() {
        assert!(matches(json!({"a": ["x"]}), json!({"a": ["w", "x"]})));
        assert!(!matches(json!({"a": ["x"]}), json!({"a": []})));
        let pattern = json!({"list": {"name": ["eni"], "on": [true]}});
        assert!(matches(pattern.clone(), json!({"list": [{"name": "no"}, {"name": "eni", "on": true}]})));
        assert!(!matches(pattern, json!({"list": [{"name": "eni", "on": false}, {"name": "no", "on": true}]})));
    }

    #[test]
    fn matchers_match_as_event_bridge_says() {
        for (matcher, value, expected) in [
            (json!("x"), json!("x"), true),
            (json!(300), json!(300.0), true),
            (json!(null), json!(null), true),
            (json!({"prefix": "ab"}), json!("abc"), true),
            (json!({"prefix": {"equals-ignore-case": "AB"}}), json!("abc"), true),
            (json!({"suffix": "bc"}), json!("abc"), true),
            (json!({"suffix": {"equals-ignore-case": "BC"}}), json!("abc"), true),
            (json!({"equals-ignore-case": "ABC"}), json!("abc"), true),
            (json!({"wildcard": "a*c"}), json!("abbc"), true),
            (json!({"anything-but": "x"}), json!("y"), true),
            (json!({"anything-but": ["x", "y"]}), json!("y"), false),
            (json!({"anything-but": [1, 2]}), json!(3), true),
            (json!({"anything-but": {"prefix": "a"}}), json!("abc"), false),
            (json!({"anything-but": {"wildcard": ["*x", "*y"]}}), json!("z"), true),
            (json!({"numeric": [">", 0, "<=", 5]}), json!(5), true),
            (json!({"numeric": [">", 0, "<=", 5]}), json!(6), false),
            (json!({"numeric": ["=", 5]}), json!("5"), false),
            (json!({"exists": true}), json!("x"), true),
            (json!({"exists": false}), json!("x"), false),
        ] {
            assert_eq!(matches(json!({"f": [matcher]}), json!({"f": value})), expected, "{matcher} on {value}");
        }
    }

    #[test]
    fn an_absent_field_matches_only_exists_false() {
        assert!(matches(json!({"detail": {"f": [{"exists": false}]}}), json!({"detail": {}})));
        assert!(matches(json!({"detail": {"f": [{"exists": false}, "x"]}}), json!({"detail": {"f": "x"}})));
        assert!(!matches(json!({"detail": {"f": [{"anything-but": "x"}]}}), json!({"detail": {}})));
    }

    #[test]
    fn or_needs_one_of_its_alternatives() {
        let pattern = json!({"source": ["s"], "$or": [{"a": [1]}, {"b": [2]}]});
        assert!(matches(pattern.clone(), json!({"source": "s", "b": 2})));
        assert!(!matches(pattern, json!({"source": "s", "a": 2})));
    }

    #[test]
    fn broken_patterns_say_what_and_where() {
        for (pattern, expected) in [
            (json!({}), "an event pattern is a mapping with at least one field"),
            (json!({"a": "x"}), "a must be a mapping or a list of values"),
            (json!({"a": {"b": [{"cidr": "10.0.0.0/8"}]}}), "unknown matcher `cidr` at a.b"),
            (json!({"a": [{"numeric": ["!", 1]}]}), "numeric at a has an unknown operator \"!\""),
            (json!({"a": [{"exists": "yes"}]}), "exists at a has a wrong argument"),
            (json!({"a": [{"wildcard": "**"}]}), "wildcard at a: consecutive wildcards"),
        ] {
            assert_eq!(Pattern::parse(&pattern).unwrap_err(), expected);
        }
    }

    /// Patterns near the valid form: fields of an event with matchers of every kind, each wrong now and then.
    fn patterns() -> impl Strategy<Value = Value> {
        const KINDS: [&str; 8] =
            ["prefix", "suffix", "exists", "anything-but", "equals-ignore-case", "wildcard", "numeric", "cidr"];
        let leaf = prop_oneof![
            Just(json!("x")),
            Just(json!("")),
            Just(json!(7)),
            Just(json!(-1.5)),
            Just(json!(null)),
            Just(json!(true)),
        ];
        let argument = prop_oneof![
            4 => leaf.clone(),
            2 => prop::collection::vec(leaf.clone(), 0..3).prop_map(Value::from),
            1 => Just(json!({"prefix": "x"})),
            1 => Just(json!("*x*")),
            1 => Just(json!([">", 0, "<=", 7])),
        ];
        let matcher = (prop::sample::select(&KINDS[..]), argument).prop_map(|(kind, argument)| json!({kind: argument}));
        let matchers = prop::collection::vec(prop_oneof![1 => leaf, 2 => matcher], 0..3).prop_map(Value::from);
        let below = matchers.prop_recursive(2, 8, 3, move |inner| prop_oneof![1 => fields(inner.clone()), 2 => inner]);
        prop_oneof![12 => fields(below), 1 => Just(json!([])), 1 => Just(json!("x"))]
    }

    fn fields(of: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Value> {
        let key = prop::sample::select(vec!["source", "detail", "f", "n", "$or"]);
        prop::collection::vec((key, of), 0..3)
            .prop_map(|fields| fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }

    #[test]
    fn any_pattern_is_matched_with_or_refused_with_a_reason() {
        const CASES: u32 = 2048;
        let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(CASES) };
        let (read, matched) = (Cell::new(0), Cell::new(0));
        let events =
            [json!({"source": "x", "detail": {"f": "x", "n": 7}, "f": ["x", 7], "n": 0}), json!({"detail": null})];
        let checked = TestRunner::new(config).run(&patterns(), |pattern| {
            match Pattern::parse(&pattern) {
                Ok(pattern) => {
                    read.set(read.get() + 1);
                    let is_matched = events.iter().filter(|event| pattern.matches(event)).count() > 0;
                    matched.set(matched.get() + u32::from(is_matched));
                }
                Err(reason) => prop_assert!(!reason.is_empty()),
            }
            Ok(())
        });
        checked.unwrap_or_else(|failure| panic!("{failure}"));
        assert!(read.get() > CASES / 20, "{read:?} of {CASES} were patterns");
        assert!(matched.get() > CASES / 100, "{matched:?} of {CASES} matched");
    }

    proptest::proptest! {
        #[test]
        fn an_event_matches_the_pattern_made_of_it(key in "[a-z]{1,4}", text: String, number: i32) {
            let pattern = json!({key.clone(): {"text": [text], "number": [number]}});
            let event = json!({key: {"text": text, "number": number, "more": true}});
            proptest::prop_assert!(matches(pattern, event));
        }
    }
}
