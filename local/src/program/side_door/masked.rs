//! Values without what is a secret by its name: pages are shown to others.

use serde_json::Value;

/// What stands in place of a secret.
const HIDDEN: &str = "(hidden)";
/// What the name of a secret has in it.
const SECRETS: [&str; 7] = ["key", "token", "secret", "ticket", "hash", "password", "passphrase"];

/// The value without what is a secret by its name: of an attribute, or of what a list of names and values has. Whatever
/// a value looks like, somebody may have chosen it: a stream key may begin like an ARN.
pub(super) fn masked(value: &Value) -> Value {
    mask(value, false)
}

fn mask(value: &Value, is_secret: bool) -> Value {
    match value {
        Value::Object(members) => {
            let lists_secret = members.get("name").and_then(Value::as_str).is_some_and(is_of_secret);
            let members = members.iter().map(|(name, value)| {
                let is_secret = is_secret || names_secret(name) || (lists_secret && name == "value");
                let is_public = names_public(name) && !value.is_object() && !value.is_array();
                (name.clone(), mask(value, is_secret && !is_public))
            });
            Value::Object(members.collect())
        }
        Value::Array(items) => items.iter().map(|item| mask(item, is_secret)).collect(),
        Value::String(_) | Value::Number(_) if is_secret => HIDDEN.into(),
        other => other.clone(),
    }
}

/// Whether a text of this name is a secret.
fn is_of_secret(name: &str) -> bool {
    names_secret(name) && !names_public(name)
}

fn names_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRETS.iter().any(|secret| name.contains(secret))
}

/// Whether a name is that of an ARN or of a time, which are no secrets: `arn`, `TLS_SECRET_ARN`, `ticketExpiresAt`.
fn names_public(name: &str) -> bool {
    name == "arn" || ["Arn", "_arn", "_ARN", "At", "_at", "_AT"].iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_named_like_a_secret_is_hidden_at_any_depth() {
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

    #[test]
    fn a_secret_is_hidden_by_its_name_whatever_it_looks_like() {
        for text in ["arn:aws:ivs:r:0:stream-key/a", "2026-03-01T12:00:00.000Z"] {
            let value = json!({
                "streamKey": text,
                "ticket": {"hash": text, "at": text},
                "list": [{"name": "INGEST_KEY", "value": text}, {"name": "KEY_ARN", "value": text}],
                "keysAt": {"first": text},
            });
            let expected = json!({
                "streamKey": HIDDEN,
                "ticket": {"hash": HIDDEN, "at": HIDDEN},
                "list": [{"name": "INGEST_KEY", "value": HIDDEN}, {"name": "KEY_ARN", "value": text}],
                "keysAt": {"first": HIDDEN},
            });
            assert_eq!(masked(&value), expected);
        }
    }

    #[test]
    fn an_arn_and_a_time_of_a_secret_are_shown_by_their_names() {
        let arn = "arn:aws:ivs:r:0:stream-key/a";
        let value = json!({
            "streamKey": {"arn": arn},
            "streamKeyArn": arn,
            "TLS_SECRET_ARN": arn,
            "ticketExpiresAt": "2026-03-01T12:00:00.000Z",
        });
        assert_eq!(masked(&value), value);
    }
}
