//! DynamoDB items, read field by field, and the calls that several tables make alike. A row that cannot be read is a bug of
//! ours, and says which field it is.

mod conflict;
mod transaction;
mod write;

use std::collections::HashMap;
use std::str::FromStr;

use aws_client::AwsFailure;
use aws_sdk_dynamodb::operation::batch_get_item::builders::BatchGetItemFluentBuilder;
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use model::{Cursor, Error, Limit, Page, UserId};

pub use transaction::{Transacted, transact};
pub use write::{Written, delete_if, purge, put_if, update_if};

/// An item as the SDK has it.
pub type Item = HashMap<String, AttributeValue>;

/// Reads the fields of one item.
pub struct Fields<'a> {
    of: &'static str,
    item: &'a Item,
}

impl<'a> Fields<'a> {
    /// Of an item; `of` says in messages what it is, such as `stage`.
    pub fn of(of: &'static str, item: &'a Item) -> Self {
        Self { of, item }
    }

    /// Whether the field is there.
    pub fn has(&self, field: &str) -> bool {
        self.item.contains_key(field)
    }

    fn corrupt(&self, field: &str) -> Error {
        Error::internal(format!("the {} row has no valid {field}", self.of))
    }

    /// A text.
    ///
    /// # Errors
    /// [`Error::Internal`] if it is not there or of another type.
    pub fn text(&self, field: &str) -> Result<&'a str, Error> {
        let value = self.item.get(field).and_then(|value| value.as_s().ok());
        value.map(String::as_str).ok_or_else(|| self.corrupt(field))
    }

    /// A text, parsed.
    ///
    /// # Errors
    /// [`Error::Internal`] if it is not there or not valid.
    pub fn parse<T: FromStr>(&self, field: &str) -> Result<T, Error> {
        self.text(field)?.parse().map_err(|_| self.corrupt(field))
    }

    /// A whole number.
    ///
    /// # Errors
    /// [`Error::Internal`] if it is not there or of another type.
    pub fn number(&self, field: &str) -> Result<i64, Error> {
        let value = self.item.get(field).and_then(|value| value.as_n().ok()).and_then(|digits| digits.parse().ok());
        value.ok_or_else(|| self.corrupt(field))
    }

    /// True or false.
    ///
    /// # Errors
    /// [`Error::Internal`] if it is not there or of another type.
    pub fn flag(&self, field: &str) -> Result<bool, Error> {
        self.item.get(field).and_then(|value| value.as_bool().ok()).copied().ok_or_else(|| self.corrupt(field))
    }

    /// A nested map; `None` when the field is absent.
    ///
    /// # Errors
    /// [`Error::Internal`] if it is of another type.
    pub fn map(&self, field: &str) -> Result<Option<Fields<'a>>, Error> {
        let Some(value) = self.item.get(field) else { return Ok(None) };
        let item = value.as_m().map_err(|_| self.corrupt(field))?;
        Ok(Some(Fields { of: self.of, item }))
    }

    /// A list of maps; empty when the field is absent.
    ///
    /// # Errors
    /// [`Error::Internal`] if it is of another type.
    pub fn maps(&self, field: &str) -> Result<Vec<Fields<'a>>, Error> {
        let Some(value) = self.item.get(field) else { return Ok(Vec::new()) };
        let list = value.as_l().map_err(|_| self.corrupt(field))?;
        list.iter()
            .map(|value| value.as_m().map(|item| Fields { of: self.of, item }).map_err(|_| self.corrupt(field)))
            .collect()
    }

    /// Every field of a map of texts.
    ///
    /// # Errors
    /// [`Error::Internal`] if one is of another type.
    pub fn texts(&self) -> Result<impl Iterator<Item = (String, String)>, Error> {
        let texts: Result<Vec<_>, Error> =
            self.item.keys().map(|key| Ok((key.clone(), self.text(key)?.to_owned()))).collect();
        Ok(texts?.into_iter())
    }

    /// A list of words; `None` when the field is absent.
    ///
    /// # Errors
    /// [`Error::Internal`] if it is of another type.
    pub fn words(&self, field: &str) -> Result<Option<Vec<&'a str>>, Error> {
        let Some(value) = self.item.get(field) else { return Ok(None) };
        let list = value.as_l().map_err(|_| self.corrupt(field))?;
        let words = list.iter().map(|word| word.as_s().map(String::as_str));
        words.collect::<Result<_, _>>().map(Some).map_err(|_| self.corrupt(field))
    }
}

/// A string attribute.
pub fn s(value: impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

/// A number attribute.
pub fn n(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A map attribute.
pub fn m<const N: usize>(fields: [(&str, AttributeValue); N]) -> AttributeValue {
    AttributeValue::M(item(fields))
}

/// An item, or the inside of a map.
pub fn item<const N: usize>(fields: [(&str, AttributeValue); N]) -> Item {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Turns one page of a Query on an index sorted by time into a page of the list. `sorted_by` and `id` are the names of
/// the index's sort key and of the attribute that tells items of one time apart.
///
/// # Errors
/// [`Error::Internal`] for a key without them.
pub fn page<T>(
    items: Vec<T>,
    last: Option<&Item>,
    of: &'static str,
    sorted_by: &str,
    id: &str,
) -> Result<Page<T>, Error> {
    let cursor = match last {
        None => None,
        Some(key) => {
            let key = Fields::of(of, key);
            Some(Cursor { at: key.parse(sorted_by)?, id: key.text(id)?.to_owned() })
        }
    };
    Ok(Page { items, cursor })
}

/// Sends a Query on an owner's part of the index `by-owner`, the latest first; [`page`] makes a page of what it finds.
/// `sorted_by` and `id` are as there.
///
/// # Errors
/// What DynamoDB fails with.
pub async fn query_by_owner(
    query: QueryFluentBuilder,
    owner: &UserId,
    (sorted_by, id): (&str, &str),
    limit: Limit,
    cursor: Option<Cursor>,
) -> Result<QueryOutput, Error> {
    let start = cursor.map(|cursor| item([("owner", s(owner)), (sorted_by, s(cursor.at)), (id, s(cursor.id))]));
    let query = query
        .index_name("by-owner")
        .key_condition_expression("#owner = :owner")
        .expression_attribute_names("#owner", "owner")
        .expression_attribute_values(":owner", s(owner))
        .scan_index_forward(false)
        .limit(i32::from(limit.get()))
        .set_exclusive_start_key(start);
    query.send().await.map_err(|error| AwsFailure::new("dynamodb:Query", &error).into_error())
}

/// Sends a BatchGetItem: the items that were found, by their tables.
///
/// # Errors
/// What DynamoDB fails with; [`Error::Unavailable`] if it has not read every key.
pub async fn batch_get(batch: BatchGetItemFluentBuilder) -> Result<HashMap<String, Vec<Item>>, Error> {
    let operation = "dynamodb:BatchGetItem";
    let got = batch.send().await.map_err(|error| AwsFailure::new(operation, &error).into_error())?;
    // A key that was not read is not a row that is not there.
    if got.unprocessed_keys().is_some_and(|keys| !keys.is_empty()) {
        return Err(Error::unavailable(AwsFailure::malformed(operation, "throttled: keys left unprocessed")));
    }
    Ok(got.responses.unwrap_or_default())
}
