//! JWT claims as a function sees them: API Gateway turns every claim into a string.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Strings stay, numbers and booleans are written out, a list becomes `[a b]`, a mapping `map[key:value]`, and null
/// is left out.
pub(crate) fn to_strings(claims: &Map<String, Value>) -> BTreeMap<&str, Cow<'_, str>> {
    let entries = claims.iter().filter(|(_, claim)| !claim.is_null());
    entries.map(|(name, claim)| (name.as_str(), text(claim))).collect()
}

fn text(claim: &Value) -> Cow<'_, str> {
    match claim {
        Value::String(text) => text.into(),
        Value::Array(elements) => format!("[{}]", elements.iter().map(text).collect::<Vec<_>>().join(" ")).into(),
        Value::Object(map) => {
            let entries: Vec<_> = map.iter().map(|(key, value)| format!("{key}:{}", text(value))).collect();
            format!("map[{}]", entries.join(" ")).into()
        }
        other => other.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_claim_becomes_a_string() {
        let claims = json!({
            "sub": "alice", "exp": 1_900_000_000, "admin": true, "groups": ["a", "b c"], "none": [], "gone": null,
            "address": {"city": "x"},
        });
        let expected = json!({
            "sub": "alice", "exp": "1900000000", "admin": "true", "groups": "[a b c]", "none": "[]",
            "address": "map[city:x]",
        });
        assert_eq!(json!(to_strings(claims.as_object().unwrap())), expected);
    }
}
