//! A page of a list, which is of ARNs alone.

use serde_json::{Value, json};

use super::error::invalid_page_token;
use crate::aws::service::ServiceError;
use crate::aws::service::shape::Input;
use crate::plumbing::paging::page;

/// The answer with the page that `maxResults` and `nextToken` ask for, in `member`. The items are in ascending order of
/// their keys; `list` names the list, and a page has `size` of them unless asked otherwise.
///
/// # Errors
/// The token is none of this list's.
pub(super) fn arns_page<'a>(
    member: &str,
    list: &str,
    items: impl IntoIterator<Item = (&'a str, String)>,
    size: usize,
    input: Input<'_>,
) -> Result<Value, ServiceError> {
    let size = input.integer("maxResults").and_then(|size| usize::try_from(size).ok()).unwrap_or(size);
    let page = page(list, items, size, input.text("nextToken")).map_err(|_| invalid_page_token())?;
    let mut answer = json!({member: page.items});
    if let Some(next) = page.next {
        answer["nextToken"] = json!(next);
    }
    Ok(answer)
}
