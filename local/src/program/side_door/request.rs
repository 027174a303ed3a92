//! What a request of the side door asks for, in its query and its body.

use serde_json::Value;

use super::answer::{Refused, bad_request};

/// The number of the first entry of a log that is asked for.
pub(super) fn since(query: &[(String, String)]) -> Result<u64, Refused> {
    let since = query.iter().find(|(key, _)| key == "since").map_or(Ok(0), |(_, value)| value.parse());
    since.map_err(|_| bad_request("`since` is the number of an entry".to_owned()))
}

/// Names and values, of a query or of a form in a body.
pub(super) fn form(text: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(text).into_owned().collect()
}

/// The last value of a name; there should be one.
pub(super) fn last<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// The body as JSON.
pub(super) fn parse(body: &[u8]) -> Result<Value, Refused> {
    serde_json::from_slice(body).map_err(|error| bad_request(format!("the body is not JSON: {error}")))
}

/// Whether the answer is to wait for the delivery of the events.
pub(super) fn waits(query: &[(String, String)]) -> bool {
    query.iter().any(|(key, value)| key == "wait" && value == "true")
}
