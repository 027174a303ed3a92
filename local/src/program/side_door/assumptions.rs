//! What the local cloud assumes where AWS does not say: `/_local/assumptions`.

use serde_json::{Value, json};

use super::answer::{Refused, bad_request};
use crate::aws::Endpoint;

pub(super) fn answer(endpoint: &Endpoint) -> Value {
    json!(endpoint.assumed.now())
}

/// Assumes what the body says, until a reset; what is absent stays.
pub(super) fn set(endpoint: &Endpoint, body: &[u8]) -> Result<(), Refused> {
    let given = serde_json::from_slice(body)
        .map_err(|error| bad_request(format!(r#"the body must be such as {{"lateListings": true}}: {error}"#)))?;
    endpoint.assumed.set(given).map_err(bad_request)
}
