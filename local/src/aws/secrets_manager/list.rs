//! `ListSecrets`.

use std::cmp::Ordering;

use serde_json::{Value, json};

use super::{secret::Secret, state::Secrets};
use crate::aws::service::ServiceError;
use crate::aws::service::shape::Input;
use crate::plumbing::paging::page;

/// `MaxResults` when it is not given.
const DEFAULT: usize = 100;

/// One page, in the order that is asked for; by default the latest made comes last.
pub(super) fn list(secrets: &Secrets, input: Input<'_>) -> Result<Value, ServiceError> {
    let with_deleted = input.boolean("IncludePlannedDeletion").unwrap_or(false);
    let is_listed = |name: &str, secret: &Secret| {
        (with_deleted || secret.deletion.is_none())
            && input.structures("Filters").all(|filter| matches(filter, name, secret))
    };
    let mut listed: Vec<_> = secrets.by_name.iter().filter(|(name, secret)| is_listed(name, secret)).collect();
    listed.sort_by(|one, other| compare(input.text("SortBy"), *one, *other));
    if input.text("SortOrder") == Some("desc") {
        listed.reverse();
    }
    // Page tokens name the key of an item, and keys are in the order of the list.
    let keyed: Vec<_> = (0..).map(|place: usize| format!("{place:08}")).zip(listed).collect();
    let items =
        keyed.iter().map(|(key, (name, secret))| (key.as_str(), secret.describe(name, "SecretVersionsToStages")));
    let size = input.integer("MaxResults").and_then(|size| usize::try_from(size).ok()).unwrap_or(DEFAULT);
    let page = page("secrets", items, size, input.text("NextToken"))
        .map_err(|_| ServiceError::new(400, "InvalidNextTokenException", "The NextToken value is invalid."))?;
    let mut answer = json!({"SecretList": page.items});
    if let Some(next) = page.next {
        answer["NextToken"] = json!(next);
    }
    Ok(answer)
}

/// Ascending; secrets that are alike in it stay in the order of their names. Nobody notes when a secret was read.
fn compare(by: Option<&str>, one: (&String, &Secret), other: (&String, &Secret)) -> Ordering {
    match by {
        Some("name") => one.0.cmp(other.0),
        Some("last-changed-date") => one.1.changed.cmp(&other.1.changed),
        _ => one.1.created.cmp(&other.1.created),
    }
}

/// Whether a secret has one of a filter's values, and none of those that begin with `!`.
fn matches(filter: Input<'_>, name: &str, secret: &Secret) -> bool {
    let key = filter.text("Key").unwrap_or_default();
    let values = filter.texts("Values").unwrap_or_default();
    let (not, wanted): (Vec<&str>, Vec<&str>) = values.into_iter().partition(|value| value.starts_with('!'));
    let has = |value: &str| has(key, value, name, secret);
    (wanted.is_empty() || wanted.iter().any(|value| has(value)))
        && !not.iter().any(|value| has(value.trim_start_matches('!')))
}

fn has(key: &str, value: &str, name: &str, secret: &Secret) -> bool {
    let description = secret.description.as_deref().unwrap_or_default().to_lowercase();
    let begins = |text: &str| text.starts_with(value);
    match key {
        "name" => begins(name),
        "description" => description.starts_with(&value.to_lowercase()),
        "tag-key" => secret.tags.keys().any(|key| begins(key)),
        "tag-value" => secret.tags.values().any(|value| begins(value)),
        "all" => {
            let tags = secret.tags.iter().flat_map(|(key, value)| [key, value]);
            let texts: Vec<_> =
                tags.map(|text| text.to_lowercase()).chain([name.to_lowercase(), description]).collect();
            value.to_lowercase().split_whitespace().all(|word| texts.iter().any(|text| text.contains(word)))
        }
        // No secret is another region's or another service's.
        _ => false,
    }
}
