//! The OpenAPI document, and what it allows for as an answer. [`Caller`](crate::Caller) holds every answer to it.

use std::collections::HashMap;
use std::fs;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use jsonschema::Validator;
use serde_json::Value;

use crate::answer::Answer;
use crate::root::root;

/// The document of the API.
pub struct Document {
    json: Value,
    /// By their schemas: to make one takes longer than to use it.
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

impl Document {
    /// The file that the function serves.
    ///
    /// # Panics
    /// When it is no JSON.
    pub fn read() -> &'static Self {
        static READ: LazyLock<Document> = LazyLock::new(|| {
            let file = root().join("functions/openapi/openapi.json");
            let text = fs::read_to_string(file).expect("the document can be read");
            let json = serde_json::from_str(&text).expect("the document is JSON");
            Document { json, validators: Mutex::default() }
        });
        &READ
    }

    /// All of it.
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// Every operation: its method in capitals, its path, and what the document says of it.
    pub fn operations(&self) -> Vec<(String, &str, &Value)> {
        let paths = self.json["paths"].as_object().into_iter().flatten();
        let operations = paths.flat_map(|(path, item)| {
            let operations = item.as_object().into_iter().flatten();
            operations.map(move |(method, operation)| (method.to_uppercase(), path.as_str(), operation))
        });
        operations.collect()
    }

    /// What a reference leads to, or the value itself when it is none.
    ///
    /// # Panics
    /// When a reference leads nowhere.
    pub fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => {
                let found = reference.strip_prefix('#').and_then(|pointer| self.json.pointer(pointer));
                self.resolve(found.unwrap_or_else(|| panic!("{reference} leads nowhere")))
            }
            None => value,
        }
    }

    /// What is wrong with a value by one of the document's schemas; empty when nothing is.
    ///
    /// # Panics
    /// When the schema is none.
    pub fn faults(&self, schema: &Value, value: &Value) -> Vec<String> {
        self.validator(schema).iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
    }

    fn validator(&self, schema: &Value) -> Arc<Validator> {
        let mut validators = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
        let validator = validators.entry(schema.to_string()).or_insert_with(|| {
            let mut schema = schema.clone();
            // Its references lead into the document.
            schema["components"] = self.json["components"].clone();
            let validator = jsonschema::options().should_validate_formats(true).build(&schema);
            Arc::new(validator.expect("the document's schemas are schemas"))
        });
        Arc::clone(validator)
    }

    /// Why the document does not allow for an answer; nothing for a route that it does not have, since API Gateway
    /// answers there.
    pub fn forbids(&self, method: &str, path: &str, answer: &Answer) -> Option<String> {
        let (.., operation) = self.operations().into_iter().find(|(m, p, _)| m == method && is_of(path, p))?;
        let Some(response) = operation["responses"].get(answer.status.to_string()) else {
            return Some(format!("the status {} is not in the document", answer.status));
        };
        let response = self.resolve(response);
        self.wrong_header(response, answer).or_else(|| self.wrong_body(response, answer))
    }

    fn wrong_header(&self, response: &Value, answer: &Answer) -> Option<String> {
        response["headers"].as_object()?.iter().find_map(|(name, header)| {
            let header = self.resolve(header);
            let text = answer.header(name);
            if text.is_empty() {
                return (header["required"] == true).then(|| format!("it lacks the header {name}"));
            }
            let value = match header["schema"]["type"].as_str() {
                Some("integer") => text.parse::<u64>().map_or(Value::from(text), Value::from),
                _ => text.into(),
            };
            let faults = self.faults(&header["schema"], &value);
            (!faults.is_empty()).then(|| format!("the header {name}: {}", faults.join("; ")))
        })
    }

    fn wrong_body(&self, response: &Value, answer: &Answer) -> Option<String> {
        let Some(content) = response.get("content") else {
            return (!answer.text.is_empty()).then(|| "it should have no body".to_owned());
        };
        let content_type = answer.header("content-type");
        let Some(media) = content.get(content_type) else {
            return Some(format!("the content type {content_type:?} is not in the document"));
        };
        let Ok(body) = serde_json::from_str(&answer.text) else { return Some("its body is no JSON".to_owned()) };
        let faults = self.faults(&media["schema"], &body);
        (!faults.is_empty()).then(|| faults.join("; "))
    }
}

/// Whether a request's path is one of a route's: `/stages/demo?x=1` of `/stages/{stage}`.
fn is_of(path: &str, route: &str) -> bool {
    let path: Vec<&str> = path.split('?').next().unwrap_or_default().split('/').collect();
    let route: Vec<&str> = route.split('/').collect();
    let matches = |(part, segment): (&&str, &&str)| part == segment || (segment.starts_with('{') && !part.is_empty());
    path.len() == route.len() && path.iter().zip(&route).all(matches)
}
