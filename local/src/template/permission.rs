//! `AWS::Lambda::Permission`: which service may invoke a function, and for what.
//!
//! Lambda refuses a service that no permission lets in, and nobody is told: IVS Chat takes a room's fallback then. Those that
//! SAM writes itself, for the events of a function, are there without being read.

use super::error::Result;
use super::node::Node;
use crate::aws::ACCOUNT;
use crate::plumbing::wildcard::Wildcard;

/// A service that may invoke a function.
#[derive(Debug, Clone)]
pub(crate) struct Permission {
    /// Such as `ivschat.amazonaws.com`.
    principal: String,
    account: Option<String>,
    source: Option<Wildcard>,
}

impl Permission {
    /// Reads the resource's resolved properties: the function's name, and who may invoke it.
    ///
    /// # Errors
    /// What is missing, and what the local cloud cannot judge.
    pub(super) fn read(properties: &Node<'_>) -> Result<(String, Self)> {
        properties
            .only("AWS::Lambda::Permission", &["Action", "FunctionName", "Principal", "SourceAccount", "SourceArn"])?;
        let action = properties.require("Action")?;
        if !matches!(action.text()?.as_str(), "lambda:InvokeFunction" | "lambda:*") {
            return Err(action.unsupported("another action than lambda:InvokeFunction"));
        }
        let name = properties.require("FunctionName")?.text()?;
        let name = name.rsplit(':').next().unwrap_or_default().to_owned();
        let text = |key: &str| properties.get(key).map(|node| node.text()).transpose();
        let source = text("SourceArn")?.map(|arn| Wildcard::iam(&arn));
        Ok((
            name,
            Self { principal: properties.require("Principal")?.text()?, account: text("SourceAccount")?, source },
        ))
    }

    /// Whether it lets a service in that invokes for this resource.
    pub(super) fn lets(&self, principal: &str, source_arn: &str) -> bool {
        (self.principal == "*" || self.principal == principal)
            && self.account.as_ref().is_none_or(|account| account == ACCOUNT)
            && self.source.as_ref().is_none_or(|source| source.matches(source_arn))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ROOM: &str = "arn:aws:ivschat:us-east-1:000000000000:room/abcdefghijkl";

    fn read(changes: Value) -> Result<(String, Permission)> {
        let mut properties = json!({
            "Action": "lambda:InvokeFunction", "Principal": "ivschat.amazonaws.com",
            "FunctionName": "arn:aws:lambda:us-east-1:000000000000:function:stack-F",
        });
        for (key, value) in changes.as_object().unwrap() {
            properties[key] = value.clone();
        }
        Permission::read(&Node::new(&properties, "P"))
    }

    #[test]
    fn a_service_is_let_in_for_the_resources_that_are_named() {
        for (changes, expected) in [
            (json!({}), true),
            (json!({"FunctionName": "stack-F", "SourceAccount": "000000000000"}), true),
            (json!({"SourceArn": "arn:aws:ivschat:us-east-1:000000000000:room/*"}), true),
            (json!({"Principal": "events.amazonaws.com"}), false),
            (json!({"SourceAccount": "111111111111"}), false),
            (json!({"SourceArn": "arn:aws:ivschat:us-east-1:000000000000:room/other"}), false),
        ] {
            let (function, permission) = read(changes.clone()).unwrap();
            assert_eq!(function, "stack-F");
            assert_eq!(permission.lets("ivschat.amazonaws.com", ROOM), expected, "{changes}");
        }
    }

    #[test]
    fn what_cannot_be_judged_is_refused() {
        for changes in [json!({"Action": "lambda:GetFunction"}), json!({"PrincipalOrgID": "o-1"})] {
            assert!(read(changes.clone()).is_err(), "{changes}");
        }
    }
}
