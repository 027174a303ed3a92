//! `PutEvents`.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::EventBus;
use crate::aws::service::ACCOUNT;
use crate::aws::service::call::Call;
use crate::aws::service::reply::Reply;
use crate::plumbing::clock;

/// Entries of one request.
const MAX_ENTRIES: usize = 10;
/// All entries of a request together are smaller than this, in bytes.
const SIZE_LIMIT: usize = 1 << 20;
/// What an entry's time counts for, whatever it says.
const TIME_SIZE: usize = 14;
/// The longest detail type, in characters.
const MAX_DETAIL_TYPE: usize = 128;
/// Sources that are AWS's own begin with it.
const AWS_SOURCE: &str = "aws.";

/// Puts events on the bus, each alone.
pub(crate) fn put_events(bus: &Arc<EventBus>, call: &Call) -> Reply {
    let protocol = call.service.protocol();
    if call.operation != "PutEvents" {
        return call.service.unknown_operation(&call.operation);
    }
    let entries = match entries(&call.input) {
        Ok(entries) => entries,
        Err(message) => return protocol.error(400, "ValidationException", &message),
    };
    let mut failed = 0;
    let results: Vec<_> = entries
        .iter()
        .map(|entry| match event(entry, &bus.region) {
            Ok(event) => {
                let event = bus.complete(event, clock::now());
                let id = event["id"].clone();
                bus.put(event);
                json!({"EventId": id})
            }
            Err((code, message)) => {
                failed += 1;
                json!({"ErrorCode": code, "ErrorMessage": message})
            }
        })
        .collect();
    protocol.success(&json!({"FailedEntryCount": failed, "Entries": results}))
}

/// The entries of a request.
///
/// # Errors
/// They are refused together: no list, too many or too large.
fn entries(input: &Value) -> Result<&[Value], String> {
    let unmet = |value: &str, what: &str| {
        format!(
            "1 validation error detected: Value {value} at 'entries' failed to satisfy constraint: Member must {what}"
        )
    };
    let entries = input["Entries"].as_array().ok_or_else(|| unmet("null", "not be null"))?;
    match entries.len() {
        0 => return Err(unmet("'[]'", "have length greater than or equal to 1")),
        1..=MAX_ENTRIES => {}
        count => {
            return Err(unmet(&format!("of {count} entries"), "have length less than or equal to 10"));
        }
    }
    match entries.iter().map(size).sum::<usize>() < SIZE_LIMIT {
        true => Ok(entries),
        false => Err("Total size of the entries in the request is over the limit.".to_owned()),
    }
}

/// The size of an entry, as the user guide counts it under "Calculating PutEvents event entry size".
fn size(entry: &Value) -> usize {
    let text = |value: &Value| value.as_str().map_or(0, str::len);
    let time = if entry["Time"].is_null() { 0 } else { TIME_SIZE };
    let resources: usize = entry["Resources"].as_array().into_iter().flatten().map(text).sum();
    time + resources + ["Source", "DetailType", "Detail"].into_iter().map(|member| text(&entry[member])).sum::<usize>()
}

/// The event of one entry.
///
/// # Errors
/// Code and message, as the entry's result has them.
fn event(entry: &Value, region: &str) -> Result<Map<String, Value>, (&'static str, String)> {
    let invalid =
        |member: &str, reason: &str| ("InvalidArgument", format!("Parameter {member} is not valid. Reason: {reason}"));
    let required = |member: &str| {
        let text = entry[member].as_str().filter(|text| !text.is_empty());
        text.ok_or_else(|| invalid(member, &format!("{member} is a required argument.")))
    };
    let (source, detail_type, detail) = (required("Source")?, required("DetailType")?, required("Detail")?);
    if source.starts_with(AWS_SOURCE) {
        return Err(("NotAuthorizedForSourceException", "Not authorized for the source.".to_owned()));
    }
    if detail_type.chars().count() > MAX_DETAIL_TYPE {
        return Err(invalid("DetailType", &format!("DetailType has at most {MAX_DETAIL_TYPE} characters.")));
    }
    let detail = serde_json::from_str::<Value>(detail).ok().filter(Value::is_object);
    let detail = detail.ok_or_else(|| ("MalformedDetail", "Detail is malformed.".to_owned()))?;
    if bus_arn(entry, region) != default_bus(region) {
        return Err(invalid("EventBusName", "the local cloud has no event bus but the default one of its region."));
    }
    let mut event = Map::from_iter([
        ("source".to_owned(), source.into()),
        ("detail-type".to_owned(), detail_type.into()),
        ("detail".to_owned(), detail),
    ]);
    if let Some(time) = entry["Time"].as_f64().and_then(|time| OffsetDateTime::from_unix_timestamp(time as i64).ok()) {
        event.insert("time".to_owned(), clock::rfc3339(time).into());
    }
    if let Some(resources) = entry.get("Resources").filter(|resources| resources.is_array()) {
        event.insert("resources".to_owned(), resources.clone());
    }
    Ok(event)
}

/// The ARN of the bus that an entry is for: it names none, or one by its name or its ARN.
pub(super) fn bus_arn(entry: &Value, region: &str) -> String {
    match entry["EventBusName"].as_str() {
        None => default_bus(region),
        Some(arn) if arn.starts_with("arn:") => arn.to_owned(),
        Some(name) => format!("arn:aws:events:{region}:{ACCOUNT}:event-bus/{name}"),
    }
}

fn default_bus(region: &str) -> String {
    format!("arn:aws:events:{region}:{ACCOUNT}:event-bus/default")
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGION: &str = "us-east-1";

    fn entry(changes: Value) -> Value {
        let mut entry = json!({"Source": "app", "DetailType": "a thing", "Detail": r#"{"is":"so"}"#});
        for (member, value) in changes.as_object().unwrap() {
            entry[member] = value.clone();
        }
        entry
    }

    #[test]
    fn an_entry_is_an_event_on_the_default_bus_by_name_by_arn_or_unnamed() {
        let expected = json!({"source": "app", "detail-type": "a thing", "detail": {"is": "so"}});
        for bus in [Value::Null, json!("default"), json!("arn:aws:events:us-east-1:000000000000:event-bus/default")] {
            let event = event(&entry(json!({"EventBusName": bus})), REGION);
            assert_eq!(event.map(Value::from), Ok(expected.clone()), "{bus}");
        }
    }

    #[test]
    fn an_entry_that_is_no_event_says_by_a_code_why() {
        let missing =
            |member: &str| format!("Parameter {member} is not valid. Reason: {member} is a required argument.");
        for (changes, code, message) in [
            (json!({"Source": null}), "InvalidArgument", missing("Source")),
            (json!({"DetailType": ""}), "InvalidArgument", missing("DetailType")),
            (json!({"Detail": null}), "InvalidArgument", missing("Detail")),
            (json!({"Detail": "{"}), "MalformedDetail", "Detail is malformed.".to_owned()),
            (json!({"Detail": "[]"}), "MalformedDetail", "Detail is malformed.".to_owned()),
            (
                json!({"Source": "aws.ecs"}),
                "NotAuthorizedForSourceException",
                "Not authorized for the source.".to_owned(),
            ),
        ] {
            assert_eq!(event(&entry(changes), REGION), Err((code, message)));
        }
        for changes in [
            json!({"DetailType": "x".repeat(129)}),
            json!({"EventBusName": "other"}),
            json!({"EventBusName": "arn:aws:events:eu-west-1:000000000000:event-bus/default"}),
            json!({"EventBusName": "arn:aws:events:us-east-1:111111111111:event-bus/default"}),
        ] {
            assert_eq!(event(&entry(changes), REGION).unwrap_err().0, "InvalidArgument");
        }
    }

    #[test]
    fn a_request_has_one_to_ten_entries_of_less_than_1_mb_in_all() {
        let of = |count: usize, detail: usize| {
            let detail = json!("x".repeat(detail));
            let entry = json!({"Source": "s", "DetailType": "t", "Detail": detail, "Resources": ["r"], "Time": 0});
            json!({"Entries": vec![entry; count]})
        };
        // Of each entry, source, detail type, resource and time are 17 bytes.
        for (input, is_taken) in [
            (of(0, 1), false),
            (of(1, 1), true),
            (of(10, 1), true),
            (of(11, 1), false),
            (of(4, SIZE_LIMIT / 4 - 18), true),
            (of(4, SIZE_LIMIT / 4 - 17), false),
            (json!({}), false),
        ] {
            assert_eq!(entries(&input).is_ok(), is_taken, "{:?}", entries(&input).err());
        }
    }
}
