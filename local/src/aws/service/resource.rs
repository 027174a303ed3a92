//! A resource as those who look at everything see it.

use std::collections::BTreeMap;

use serde_json::Value;

/// Something that a service has.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Resource {
    pub(crate) arn: String,
    pub(crate) service: &'static str,
    /// `channel`, `stream`, `stage`, `task`, `service`.
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) state: String,
    /// Whether a row is to name it, if the application keeps rows of its kind.
    pub(crate) is_kept_in_rows: bool,
    /// By which rows refer to it.
    pub(crate) ids: Vec<String>,
    pub(crate) tags: BTreeMap<String, String>,
    /// As the service describes it, secrets included.
    pub(crate) description: Value,
}
