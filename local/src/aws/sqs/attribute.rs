//! Message attributes, and the MD5 sum that a receiver may check them by.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::invalid_value;
use crate::aws::service::ServiceError;

/// The most that a message may have.
const LIMIT: usize = 10;

/// The attributes of one message, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Attributes(BTreeMap<String, Attribute>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Attribute {
    /// `String`, `Number` or `Binary`, perhaps with a label: `Number.int`.
    kind: String,
    value: Content,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Content {
    Text(String),
    Binary(Vec<u8>),
}

impl Attributes {
    /// Attributes of type `String`.
    pub(super) fn of_texts(texts: &[(&str, String)]) -> Self {
        let attribute = |text: &String| Attribute { kind: "String".to_owned(), value: Content::Text(text.clone()) };
        Self(texts.iter().map(|(name, text)| ((*name).to_owned(), attribute(text))).collect())
    }

    /// Reads the `MessageAttributes` of a request.
    ///
    /// # Errors
    /// An attribute without a type or a value of that type, and more of them than a message may have.
    pub(super) fn read(given: Option<&Value>) -> Result<Self, ServiceError> {
        let mut attributes = BTreeMap::new();
        for (name, given) in given.and_then(Value::as_object).into_iter().flatten() {
            let wrong = |what: &str| invalid_value(format!("The message attribute '{name}' {what}."));
            let kind = given["DataType"].as_str().unwrap_or_default();
            let text = given["StringValue"].as_str().filter(|text| !text.is_empty());
            let value = match kind.split('.').next() {
                Some("String" | "Number") => text.map(|text| Content::Text(text.to_owned())),
                Some("Binary") => {
                    let bytes = given["BinaryValue"].as_str().and_then(|text| STANDARD.decode(text).ok());
                    bytes.filter(|bytes| !bytes.is_empty()).map(Content::Binary)
                }
                _ => return Err(wrong("must have a type that is String, Number or Binary")),
            };
            let value = value.ok_or_else(|| wrong("must contain a non-empty value of its type"))?;
            attributes.insert(name.clone(), Attribute { kind: kind.to_owned(), value });
        }
        if attributes.len() > LIMIT {
            let count = attributes.len();
            return Err(invalid_value(format!(
                "Number of message attributes [{count}] exceeds the allowed maximum [10]."
            )));
        }
        Ok(Self(attributes))
    }

    /// Those that `MessageAttributeNames` asks for: names, prefixes as `order.*`, and `All` or `.*`.
    pub(super) fn requested(&self, names: &[&str]) -> Self {
        let is_requested = |name: &str| {
            let matches = |requested: &str| {
                requested == "All"
                    || requested.strip_suffix(".*").is_some_and(|prefix| {
                        name.strip_prefix(prefix).is_some_and(|rest| prefix.is_empty() || rest.starts_with('.'))
                    })
            };
            names.iter().any(|requested| *requested == name || matches(requested))
        };
        Self(self.0.iter().filter(|(name, _)| is_requested(name)).map(|(k, v)| (k.clone(), v.clone())).collect())
    }

    /// How many bytes of the message they take.
    pub(super) fn size(&self) -> usize {
        self.0.iter().map(|(name, attribute)| name.len() + attribute.kind.len() + attribute.bytes().len()).sum()
    }

    /// The sum over names, types and values, each after its length, as the developer guide has it; `None` of none.
    pub(super) fn md5(&self) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        let mut sum = md5::Context::new();
        let mut field = |bytes: &[u8], marker: Option<u8>| {
            sum.consume(marker.as_slice());
            sum.consume((bytes.len() as u32).to_be_bytes());
            sum.consume(bytes);
        };
        for (name, attribute) in &self.0 {
            field(name.as_bytes(), None);
            field(attribute.kind.as_bytes(), None);
            let marker = if matches!(attribute.value, Content::Text(_)) { 1 } else { 2 };
            field(attribute.bytes(), Some(marker));
        }
        Some(format!("{:x}", sum.compute()))
    }

    /// As the event of an event source mapping has them.
    pub(super) fn to_record(&self) -> Value {
        let json = |attribute: &Attribute| {
            let mut record = json!({"dataType": attribute.kind, "stringListValues": [], "binaryListValues": []});
            match &attribute.value {
                Content::Text(text) => record["stringValue"] = text.as_str().into(),
                Content::Binary(bytes) => record["binaryValue"] = STANDARD.encode(bytes).into(),
            }
            record
        };
        self.0.iter().map(|(name, attribute)| (name.clone(), json(attribute))).collect()
    }

    /// As `ReceiveMessage` answers them; `None` of none.
    pub(super) fn to_json(&self) -> Option<Value> {
        let json = |attribute: &Attribute| match &attribute.value {
            Content::Text(text) => json!({"DataType": attribute.kind, "StringValue": text}),
            Content::Binary(bytes) => json!({"DataType": attribute.kind, "BinaryValue": STANDARD.encode(bytes)}),
        };
        (!self.0.is_empty()).then(|| self.0.iter().map(|(name, attribute)| (name.clone(), json(attribute))).collect())
    }
}

impl Attribute {
    fn bytes(&self) -> &[u8] {
        match &self.value {
            Content::Text(text) => text.as_bytes(),
            Content::Binary(bytes) => bytes,
        }
    }
}
