//! `AWS::DynamoDB::Table` as input of DynamoDB's own operations.

use serde_json::{Map, Value};

use super::error::Result;
use super::node::Node;

/// A table of the template.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// Its physical name.
    pub(crate) name: String,
    /// Input of `CreateTable`.
    pub(crate) create: Value,
    /// The attribute that holds the time to live, epoch seconds.
    pub(crate) ttl_attribute: Option<String>,
}

/// Properties that are input of `CreateTable` under the same name.
const CREATE: [&str; 7] = [
    "AttributeDefinitions",
    "KeySchema",
    "GlobalSecondaryIndexes",
    "LocalSecondaryIndexes",
    "BillingMode",
    "ProvisionedThroughput",
    "DeletionProtectionEnabled",
];

/// Properties that change nothing for one process on one machine.
const HARMLESS: [&str; 8] = [
    "TableName",
    "TimeToLiveSpecification",
    "PointInTimeRecoverySpecification",
    "SSESpecification",
    "ContributorInsightsSpecification",
    "OnDemandThroughput",
    "TableClass",
    "Tags",
];

/// Reads the table's resolved properties.
pub(crate) fn table(name: String, properties: &Node<'_>) -> Result<Table> {
    properties.only("AWS::DynamoDB::Table", &[&CREATE[..], &HARMLESS[..]].concat())?;
    let mut create = Map::from_iter([("TableName".to_owned(), Value::from(name.as_str()))]);
    for key in CREATE {
        if let Some(value) = properties.value.get(key) {
            create.insert(key.to_owned(), value.clone());
        }
    }
    if let Some(protected) = properties.get("DeletionProtectionEnabled") {
        // A parameter is text.
        create.insert("DeletionProtectionEnabled".to_owned(), protected.flag()?.into());
    }
    let ttl_attribute = match properties.get("TimeToLiveSpecification") {
        Some(ttl) if ttl.require("Enabled")?.flag()? => Some(ttl.require("AttributeName")?.text()?),
        _ => None,
    };
    Ok(Table { name, create: create.into(), ttl_attribute })
}
