//! A task definition.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::tags::Tags;
use crate::plumbing::clock;

/// One revision of a family.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct TaskDefinition {
    pub(super) arn: String,
    pub(super) family: String,
    pub(super) revision: usize,
    /// Milliseconds since 1970.
    pub(super) registered: i64,
    pub(super) tags: Tags,
    /// As it was registered, with the defaults of the containers filled in.
    pub(super) definition: Map<String, Value>,
}

impl TaskDefinition {
    /// A member that was registered.
    pub(super) fn get(&self, member: &str) -> Option<&Value> {
        self.definition.get(member)
    }

    /// The container definitions.
    pub(super) fn containers(&self) -> impl Iterator<Item = &Value> {
        self.get("containerDefinitions").and_then(Value::as_array).into_iter().flatten()
    }

    /// Whether it was registered for Fargate.
    pub(super) fn is_for_fargate(&self) -> bool {
        is_for_fargate(self.get("requiresCompatibilities"))
    }

    pub(super) fn describe(&self) -> Value {
        let mut description = self.definition.clone();
        let compatibilities = if self.is_for_fargate() { json!(["EC2", "FARGATE"]) } else { json!(["EC2"]) };
        for (member, value) in [
            ("taskDefinitionArn", json!(self.arn)),
            ("family", json!(self.family)),
            ("revision", json!(self.revision)),
            ("status", json!("ACTIVE")),
            ("registeredAt", clock::epoch_seconds(self.registered)),
            ("compatibilities", compatibilities),
        ] {
            description.insert(member.to_owned(), value);
        }
        description.into()
    }
}

pub(super) fn is_for_fargate(compatibilities: Option<&Value>) -> bool {
    compatibilities.and_then(Value::as_array).is_some_and(|all| all.contains(&json!("FARGATE")))
}
