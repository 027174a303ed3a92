//! `Metadata.LocalCloud`: what a template says to the local cloud alone.

use std::collections::BTreeMap;

use serde_json::Value;

use super::error::Result;
use super::node::Node;

/// What is to be different on a developer's machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct LocalCloudMetadata {
    /// Values in place of the parameters' defaults.
    pub(crate) parameters: BTreeMap<String, String>,
    /// Programs that the containers' images hold, and that a process on this machine has to find by itself. A program is
    /// in the package of its name.
    pub(crate) programs: Vec<String>,
    /// Logical ids of resources that the application does without here.
    pub(crate) left_out: Vec<String>,
}

/// Reads it from the template as it is written: nothing in it is evaluated.
pub(crate) fn read(template: &Value) -> Result<LocalCloudMetadata> {
    let Some(metadata) = template.get("Metadata").and_then(|metadata| metadata.get("LocalCloud")) else {
        return Ok(LocalCloudMetadata::default());
    };
    let metadata = Node::new(metadata, "Metadata.LocalCloud");
    metadata.only("Metadata.LocalCloud", &["LeftOut", "Parameters", "Programs"])?;
    let mut parameters = BTreeMap::new();
    if let Some(given) = metadata.get("Parameters") {
        for (name, value) in given.entries()? {
            parameters.insert(name.to_owned(), value.text()?);
        }
    }
    let texts = |name: &str| Ok(metadata.get(name).map(|list| list.texts()).transpose()?.unwrap_or_default());
    Ok(LocalCloudMetadata { parameters, programs: texts("Programs")?, left_out: texts("LeftOut")? })
}
