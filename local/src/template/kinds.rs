//! What becomes of a resource by its type: it is made, it changes nothing here, or it is refused.

use serde_json::{Map, Value};

use super::custom_resource::is_custom;
use super::error::{Result, TemplateError};

/// Types that the local cloud makes.
const MADE: [&str; 11] = [
    "AWS::DynamoDB::Table",
    "AWS::ECS::Cluster",
    "AWS::ECS::Service",
    "AWS::ECS::TaskDefinition",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Permission",
    "AWS::SQS::Queue",
    "AWS::SQS::QueuePolicy",
    "AWS::SecretsManager::Secret",
    "AWS::Serverless::Function",
    "AWS::Serverless::HttpApi",
];

/// What types begin with that a caller of the application does not miss: they watch, or are what this machine is or has
/// already, such as a network and a sign-in. The roles of tasks are read. A handle that nobody waits for is what stands in for
/// nothing at all.
const HARMLESS: [&str; 12] = [
    "AWS::ApplicationAutoScaling::",
    "AWS::Budgets::",
    "AWS::CloudFormation::WaitConditionHandle",
    "AWS::CloudWatch::",
    "AWS::Cognito::UserPool",
    "AWS::EC2::SecurityGroup",
    "AWS::ElasticLoadBalancingV2::",
    "AWS::IAM::Role",
    "AWS::Logs::LogGroup",
    "AWS::Logs::MetricFilter",
    "AWS::Logs::QueryDefinition",
    "AWS::SNS::Topic",
];

/// What helps against a type that is not here.
const CURE: &str = "if the application does without it on a laptop, name it in `Metadata.LocalCloud.LeftOut`";

/// Refuses a type whose absence would change what the application does.
pub(super) fn check(kind: &str, at: String) -> Result<()> {
    let is_known = MADE.contains(&kind) || is_custom(kind) || HARMLESS.iter().any(|prefix| kind.starts_with(prefix));
    if is_known { Ok(()) } else { Err(TemplateError::unsupported_but(at, kind, CURE)) }
}

/// Refuses to leave out what is not there, and what is made.
pub(super) fn check_left_out(left_out: &[String], declared: &Map<String, Value>) -> Result<()> {
    for id in left_out {
        let what = match declared.get(id).map(|declaration| declaration["Type"].as_str().unwrap_or_default()) {
            None => format!("there is no resource `{id}`"),
            Some(kind) if MADE.contains(&kind) || is_custom(kind) => format!("`{id}` is made here, as any {kind}"),
            Some(_) => continue,
        };
        return Err(TemplateError::new("Metadata.LocalCloud.LeftOut", what));
    }
    Ok(())
}
