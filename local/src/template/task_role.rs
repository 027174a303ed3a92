//! The roles of tasks: what a container may do.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::ecs::EcsResource;
use super::error::Result;
use super::intrinsics::Scope;
use super::node::Node;
use super::policy::{self, Statement};
use super::resources;

/// What a role says besides its policies; nobody asks the local cloud to assume one.
const NOT_READ: [&str; 6] =
    ["AssumeRolePolicyDocument", "Description", "MaxSessionDuration", "PermissionsBoundary", "RoleName", "Tags"];

/// The statements of every role that a task definition has for its tasks, by the role's ARN. Other roles are not read:
/// those of the agent that starts a task have managed policies.
pub(crate) fn read(
    scope: &Scope<'_>,
    resources: &[(&str, &str, &Value)],
    task_definitions: &[EcsResource],
) -> Result<BTreeMap<String, Vec<Statement>>> {
    let mut roles = BTreeMap::new();
    for (id, kind, declaration) in resources.iter().filter(|(_, kind, _)| *kind == "AWS::IAM::Role") {
        let at = format!("Resources.{id}.Properties");
        let arn = resources::attribute(scope, kind, id, "Arn", &at)?;
        if !task_definitions.iter().any(|definition| definition.input["taskRoleArn"] == arn.as_str()) {
            continue;
        }
        let properties = scope.resolve(declaration.get("Properties").unwrap_or(&json!({})), &at)?;
        let properties = Node::new(&properties, at);
        properties.only("the role of a task", &[&NOT_READ[..], &["ManagedPolicyArns", "Policies"]].concat())?;
        if let Some(managed) = properties.get("ManagedPolicyArns").filter(|managed| !managed.elements().is_empty()) {
            return Err(managed.unsupported_but("managed policies", "write the statements out"));
        }
        let mut statements = Vec::new();
        for policy in properties.get("Policies").map(|policies| policies.elements()).unwrap_or_default() {
            policy.only("an inline policy", &["PolicyDocument", "PolicyName"])?;
            statements.extend(policy::statements(&policy.require("PolicyDocument")?)?);
        }
        roles.insert(arn, statements);
    }
    Ok(roles)
}
