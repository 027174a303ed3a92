//! Pages of the list operations.

use serde_json::{Value, json};

use super::error::validation;
use crate::aws::service::ServiceError;
use crate::aws::service::shape::Input;
use crate::plumbing::paging::page;

/// The answer of a list operation: one page under `member`, and the token of the next one.
/// `list` names the list within the account, so that page tokens of another one are refused; `default` is how many
/// items a page has when `maxResults` is not given.
pub(crate) fn page_of<'a>(
    list: &str,
    member: &str,
    items: impl Iterator<Item = (&'a str, Value)>,
    default: usize,
    input: Input<'_>,
) -> Result<Value, ServiceError> {
    let size = input.integer("maxResults").and_then(|size| usize::try_from(size).ok()).unwrap_or(default);
    // An empty token is the first page's, since the model allows it.
    let token = input.text("nextToken").filter(|token| !token.is_empty());
    let page = page(list, items, size, token).map_err(|_| validation("Invalid nextToken"))?;
    let mut answer = json!({member: page.items});
    if let Some(next) = page.next {
        answer["nextToken"] = json!(next);
    }
    Ok(answer)
}
