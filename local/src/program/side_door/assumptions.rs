//! What the local cloud assumes where AWS does not say: `/_local/assumptions`.

use serde_json::{Map, Value, json};

use super::answer::{Refused, bad_request};
use crate::aws::Endpoint;
use crate::aws::ivs_realtime::EarlyDisconnect;

/// The one that is not true or false.
const EARLY_DISCONNECT: &str = "earlyDisconnect";

pub(super) fn answer(endpoint: &Endpoint) -> Value {
    let mut assumptions = json!(endpoint.assumed.now());
    assumptions[EARLY_DISCONNECT] = json!(endpoint.ivs.real_time.early_disconnect());
    assumptions
}

/// Assumes what the body says, until a reset; what is absent stays.
pub(super) fn set(endpoint: &Endpoint, body: &[u8]) -> Result<(), Refused> {
    let mut given: Map<String, Value> = serde_json::from_slice(body)
        .map_err(|error| bad_request(format!(r#"the body must be such as {{"lateListings": true}}: {error}"#)))?;
    let early: Option<EarlyDisconnect> = match given.remove(EARLY_DISCONNECT) {
        Some(how) => Some(
            serde_json::from_value(how)
                .map_err(|_| bad_request(format!("`{EARLY_DISCONNECT}` is \"bars\" or \"notFound\"")))?,
        ),
        None => None,
    };
    endpoint.assumed.set(given).map_err(bad_request)?;
    match early {
        Some(how) => endpoint.ivs.real_time.set_early_disconnect(how).map_err(|error| Refused(500, error.to_string())),
        None => Ok(()),
    }
}
