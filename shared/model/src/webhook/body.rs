//! What is sent: JSON whose every byte comes back when a receiver parses it and writes it anew.
//!
//! Many frameworks hand a parsed body over, and their users sign what they have written of it. So there is one way to write
//! each value: no number but whole ones of 32 bits, no escape that is not needed, no blanks, and keys in alphabetical
//! order, which libraries that sort keys leave alone, and none of digits, which JavaScript puts first.

use std::collections::BTreeMap;

use serde::Serialize;

use super::event_type::EventType;
use crate::Timestamp;

/// What a receiver is told of an event, by names of our own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Body(BTreeMap<&'static str, Value>);

/// A value of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// A text; ids are texts too.
    Text(String),
    /// A whole number.
    Number(u32),
    /// True or false.
    Flag(bool),
    /// What is not known.
    Nothing,
}

impl Body {
    /// Adds a value. A name is of letters.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        debug_assert!(name.bytes().all(|byte| byte.is_ascii_alphabetic()));
        self.0.insert(name, value.into());
        self
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Timestamp> for Value {
    fn from(time: Timestamp) -> Self {
        Self::Text(time.to_string())
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nothing, Into::into)
    }
}

/// `type`, `timestamp` and `data`, as Standard Webhooks recommends.
pub(super) fn write(r#type: EventType, at: Timestamp, data: &Body) -> String {
    /// In alphabetical order.
    #[derive(Serialize)]
    struct Payload<'a> {
        data: &'a Body,
        timestamp: Timestamp,
        r#type: EventType,
    }
    // Texts, numbers and flags under texts are always JSON.
    serde_json::to_string(&Payload { data, timestamp: at, r#type }).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values() -> impl Strategy<Value = Value> {
        prop_oneof![
            ".{0,20}".prop_map(Value::from),
            "[\\x00-\\x7f\\u{80}-\\u{9f}\\u{2028}\\u{2029}\\u{fffd}\\u{1f600}\"\\\\/<>&]{0,20}".prop_map(Value::from),
            any::<u32>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            Just(Value::Nothing),
        ]
    }

    /// As ECMAScript's `QuoteJSONString` does (ECMA-262, 25.5.2.3).
    fn quoted(text: &str) -> String {
        let character = |c: char| match c {
            '\u{8}' => "\\b".to_owned(),
            '\t' => "\\t".to_owned(),
            '\n' => "\\n".to_owned(),
            '\u{c}' => "\\f".to_owned(),
            '\r' => "\\r".to_owned(),
            '"' | '\\' => format!("\\{c}"),
            c if c < ' ' => format!("\\u{:04x}", u32::from(c)),
            c => c.to_string(),
        };
        format!("\"{}\"", text.chars().map(character).collect::<String>())
    }

    /// As ECMAScript's `JSON.stringify` writes what `JSON.parse` has read, for values such as these.
    fn stringified(value: &serde_json::Value) -> String {
        match value {
            serde_json::Value::String(text) => quoted(text),
            serde_json::Value::Object(object) => {
                let member = |(key, value): (&String, &serde_json::Value)| quoted(key) + ":" + &stringified(value);
                format!("{{{}}}", object.iter().map(member).collect::<Vec<_>>().join(","))
            }
            other => other.to_string(),
        }
    }

    proptest! {
        #[test]
        fn a_body_survives_being_parsed_and_written_anew(a in values(), b in values(), c in values()) {
            let data = Body::default().with("viewerCount", a).with("channel", b).with("session", c);
            let body = write(EventType::StreamStarted, "2026-03-01T12:00:00Z".parse().unwrap(), &data);
            let parsed: serde_json::Value = serde_json::from_str(&body).unwrap();
            prop_assert_eq!(&stringified(&parsed), &body);
            prop_assert_eq!(parsed.to_string(), body);
        }
    }

    #[test]
    fn a_body_says_what_has_happened_when_and_to_what() {
        let data = Body::default().with("subject", "channel/show").with("startedAt", None::<Timestamp>);
        let at = "2026-03-01T12:00:00Z".parse().unwrap();
        assert_eq!(
            write(EventType::StreamStarted, at, &data.with("viewerCount", 7)),
            r#"{"data":{"startedAt":null,"subject":"channel/show","viewerCount":7},"timestamp":"2026-03-01T12:00:00.000Z","type":"stream.started"}"#
        );
    }
}
