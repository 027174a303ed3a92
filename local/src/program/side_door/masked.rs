//! Values without what looks like a secret: pages are shown to others.

use serde_json::Value;

/// What stands in place of a secret.
const HIDDEN: &str = "(hidden)";
/// What the name of a secret has in it.
const SECRETS: [&str; 7] = ["key", "token", "secret", "ticket", "hash", "password", "passphrase"];

/// The value without what looks like a secret by its name: of an attribute, or of what a list of names and values has.
pub(super) fn masked(value: &Value) -> Value {
    mask(value, false)
}

fn mask(value: &Value, is_secret: bool) -> Value {
    match value {
        Value::Object(members) => {
            let named = members.get("name").and_then(Value::as_str).is_some_and(names_secret);
            let members = members.iter().map(|(name, value)| {
                let is_secret = is_secret || names_secret(name) || (named && name == "value");
                (name.clone(), mask(value, is_secret))
            });
            Value::Object(members.collect())
        }
        Value::Array(items) => items.iter().map(|item| mask(item, is_secret)).collect(),
        Value::String(text) if is_secret && !is_public(text) => HIDDEN.into(),
        Value::Number(_) if is_secret => HIDDEN.into(),
        other => other.clone(),
    }
}

fn names_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRETS.iter().any(|secret| name.contains(secret))
}

/// An ARN or a time, which are no secrets whatever their name is.
fn is_public(text: &str) -> bool {
    let is_time =
        text.len() >= 20 && text.as_bytes()[10] == b'T' && text[..4].bytes().all(|byte| byte.is_ascii_digit());
    text.is_ascii() && (text.starts_with("arn:") || is_time)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_looks_like_a_secret_is_hidden_at_any_depth() {
        let row = json!({
            "name": "demo",
            "streamKey": {"arn": "arn:aws:ivs:r:0:stream-key/a", "value": "sk_1", "parts": ["a", 1]},
            "ticketHash": "abc",
            "ticketExpiresAt": "2026-03-01T12:00:00.000Z",
            "srt": {"endpoint": "x.example", "passphrase": "p"},
            "environment": [{"name": "API_TOKEN", "value": "t"}, {"name": "STAGE", "value": "s"}],
            "hasKey": true,
            "tokenÉ": "ééééééééééTéééééééééé",
        });
        let expected = json!({
            "name": "demo",
            "streamKey": {"arn": "arn:aws:ivs:r:0:stream-key/a", "value": HIDDEN, "parts": [HIDDEN, HIDDEN]},
            "ticketHash": HIDDEN,
            "ticketExpiresAt": "2026-03-01T12:00:00.000Z",
            "srt": {"endpoint": "x.example", "passphrase": HIDDEN},
            "environment": [{"name": "API_TOKEN", "value": HIDDEN}, {"name": "STAGE", "value": "s"}],
            "hasKey": true,
            "tokenÉ": HIDDEN,
        });
        assert_eq!(masked(&row), expected);
    }
}
