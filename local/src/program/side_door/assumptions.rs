//! What the local cloud assumes where AWS does not say: `/_local/assumptions`.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer::{Refused, bad_request};
use crate::aws::ivs_realtime::{EarlyDisconnect, IvsRealTime};

/// What can be assumed otherwise; what is absent stays.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Assumptions {
    early_disconnect: Option<EarlyDisconnect>,
}

pub(super) fn answer(ivs: &IvsRealTime) -> Value {
    json!(Assumptions { early_disconnect: Some(ivs.early_disconnect()) })
}

/// Assumes what the body says, until a reset.
pub(super) fn set(ivs: &IvsRealTime, body: &[u8]) -> Result<(), Refused> {
    let what = |_| bad_request("assumptions are an object: `earlyDisconnect` is \"bars\" or \"notFound\"".to_owned());
    let assumptions: Assumptions = serde_json::from_slice(body).map_err(what)?;
    match assumptions.early_disconnect {
        Some(how) => ivs.set_early_disconnect(how).map_err(|error| Refused(500, error.to_string())),
        None => Ok(()),
    }
}
