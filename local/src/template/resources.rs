//! What `Ref` and `GetAtt` give for each resource type: names, ids and ARNs as AWS would give them.

use super::error::{Result, TemplateError};
use super::intrinsics::Scope;
use crate::aws::ACCOUNT;

/// The physical name of a resource: what its name property says, or the stack's name and its own.
pub(crate) fn physical_name(scope: &Scope<'_>, kind: &str, id: &str) -> Result<String> {
    let property = match kind {
        "AWS::DynamoDB::Table" => "TableName",
        "AWS::SecretsManager::Secret" => "Name",
        "AWS::Serverless::Function" => "FunctionName",
        "AWS::SQS::Queue" => "QueueName",
        "AWS::Logs::LogGroup" => "LogGroupName",
        "AWS::SNS::Topic" => "TopicName",
        "AWS::CloudWatch::Alarm" => "AlarmName",
        "AWS::Events::Rule" => "Name",
        "AWS::IAM::Role" => "RoleName",
        "AWS::S3::Bucket" => "BucketName",
        _ => return Ok(format!("{}-{id}", scope.stack_name)),
    };
    Ok(scope.property(id, property)?.unwrap_or_else(|| format!("{}-{id}", scope.stack_name)))
}

/// `!Ref id`.
pub(crate) fn reference(scope: &Scope<'_>, kind: &str, id: &str, at: &str) -> Result<String> {
    let name = || physical_name(scope, kind, id);
    match kind {
        "AWS::DynamoDB::Table"
        | "AWS::Serverless::Function"
        | "AWS::Logs::LogGroup"
        | "AWS::CloudWatch::Alarm"
        | "AWS::Events::Rule"
        | "AWS::IAM::Role"
        | "AWS::S3::Bucket" => name(),
        "AWS::SecretsManager::Secret" => {
            let description = scope.property(id, "Description")?.unwrap_or_default();
            Ok((scope.secret_arn)(&name()?, &description))
        }
        "AWS::SNS::Topic" => Ok(arn(scope, "sns", &name()?)),
        "AWS::SQS::Queue" => Ok(format!("https://sqs.{}.amazonaws.com/{ACCOUNT}/{}", scope.region, name()?)),
        "AWS::Serverless::HttpApi" => Ok("local".to_owned()),
        "AWS::Cognito::UserPool" => Ok(user_pool_id(scope)),
        "AWS::Cognito::UserPoolClient" => Ok("local0client".to_owned()),
        _ => Err(TemplateError::unsupported(at, format!("references to {kind}"))),
    }
}

/// `!GetAtt id.attribute`.
pub(crate) fn attribute(scope: &Scope<'_>, kind: &str, id: &str, attribute: &str, at: &str) -> Result<String> {
    let name = || physical_name(scope, kind, id);
    match (kind, attribute) {
        ("AWS::DynamoDB::Table", "Arn") => Ok(arn(scope, "dynamodb", &format!("table/{}", name()?))),
        ("AWS::SecretsManager::Secret", "Id") => reference(scope, kind, id, at),
        ("AWS::Serverless::Function", "Arn") => Ok(arn(scope, "lambda", &format!("function:{}", name()?))),
        ("AWS::SQS::Queue", "Arn") => queue_arn(scope, id),
        ("AWS::SQS::Queue", "QueueName") | ("AWS::SNS::Topic", "TopicName") => name(),
        ("AWS::SQS::Queue", "QueueUrl") | ("AWS::SNS::Topic", "TopicArn") => reference(scope, kind, id, at),
        ("AWS::Logs::LogGroup", "Arn") => Ok(arn(scope, "logs", &format!("log-group:{}:*", name()?))),
        ("AWS::Events::Rule", "Arn") => rule_arn(scope, id),
        ("AWS::Scheduler::Schedule", "Arn") => schedule_arn(scope, id),
        ("AWS::CloudWatch::Alarm", "Arn") => Ok(arn(scope, "cloudwatch", &format!("alarm:{}", name()?))),
        ("AWS::IAM::Role", "Arn") => Ok(format!("arn:aws:iam::{ACCOUNT}:role/{}", name()?)),
        ("AWS::S3::Bucket", "Arn") => Ok(format!("arn:aws:s3:::{}", name()?)),
        ("AWS::Serverless::HttpApi", "ApiId") => reference(scope, kind, id, at),
        ("AWS::Cognito::UserPool", "Arn") => {
            Ok(arn(scope, "cognito-idp", &format!("userpool/{}", user_pool_id(scope))))
        }
        ("AWS::Cognito::UserPool", "UserPoolId") => Ok(user_pool_id(scope)),
        ("AWS::Cognito::UserPool", "ProviderName") => {
            Ok(format!("cognito-idp.{}.amazonaws.com/{}", scope.region, user_pool_id(scope)))
        }
        ("AWS::Cognito::UserPool", "ProviderURL") => {
            Ok(format!("https://cognito-idp.{}.amazonaws.com/{}", scope.region, user_pool_id(scope)))
        }
        ("AWS::Cognito::UserPoolClient", "ClientId") => reference(scope, kind, id, at),
        _ => Err(TemplateError::unsupported(at, format!("`{attribute}` of {kind}"))),
    }
}

/// The ARN of the queue with this logical id.
pub(crate) fn queue_arn(scope: &Scope<'_>, id: &str) -> Result<String> {
    Ok(arn(scope, "sqs", &physical_name(scope, "AWS::SQS::Queue", id)?))
}

/// The ARN of the rule with this logical id.
pub(crate) fn rule_arn(scope: &Scope<'_>, id: &str) -> Result<String> {
    Ok(arn(scope, "events", &format!("rule/{}", physical_name(scope, "AWS::Events::Rule", id)?)))
}

/// The ARN of the schedule with this logical id, which is its name, too, unless it has another.
pub(crate) fn schedule_arn(scope: &Scope<'_>, id: &str) -> Result<String> {
    let group = scope.property(id, "GroupName")?.unwrap_or_else(|| "default".to_owned());
    let name = scope.property(id, "Name")?.unwrap_or_else(|| id.to_owned());
    Ok(arn(scope, "scheduler", &format!("schedule/{group}/{name}")))
}

fn arn(scope: &Scope<'_>, service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:{}:{ACCOUNT}:{resource}", scope.region)
}

fn user_pool_id(scope: &Scope<'_>) -> String {
    format!("{}_Local", scope.region)
}
