//! What `Ref` and `GetAtt` give for each resource type: names, ids and ARNs as AWS would give them.

use super::error::{Result, TemplateError};
use super::queue::FIFO_SUFFIX;
use crate::aws::ACCOUNT;

/// What the names of a stack's resources depend on.
pub(crate) trait Stack {
    /// The stack's own name.
    fn name(&self) -> &str;

    fn region(&self) -> &str;

    /// The endpoint of SQS, without a slash at its end. SDKs send to the host of a queue's URL.
    fn queues_url(&self) -> &str;

    /// The ARN of a secret by name and description.
    fn secret_arn(&self, name: &str, description: &str) -> String;

    /// A property of the resource with this logical id, if it has it.
    ///
    /// # Errors
    /// A property that is no text or cannot be known.
    fn property(&self, id: &str, property: &str) -> Result<Option<String>>;
}

/// The physical name of a resource: what its name property says, or the stack's name and its own.
pub(crate) fn physical_name(stack: &impl Stack, kind: &str, id: &str) -> Result<String> {
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
        "AWS::ECS::Cluster" => "ClusterName",
        "AWS::ECS::Service" => "ServiceName",
        "AWS::ECS::TaskDefinition" => "Family",
        _ => return Ok(format!("{}-{id}", stack.name())),
    };
    if let Some(name) = stack.property(id, property)? {
        return Ok(name);
    }
    // CloudFormation ends the names that it makes of FIFO queues as SQS wants them.
    let is_fifo = kind == "AWS::SQS::Queue" && stack.property(id, "FifoQueue")?.as_deref() == Some("true");
    Ok(format!("{}-{id}{}", stack.name(), if is_fifo { FIFO_SUFFIX } else { "" }))
}

/// `!Ref id`.
pub(crate) fn reference(stack: &impl Stack, kind: &str, id: &str, at: &str) -> Result<String> {
    let name = || physical_name(stack, kind, id);
    match kind {
        "AWS::DynamoDB::Table"
        | "AWS::Serverless::Function"
        | "AWS::Logs::LogGroup"
        | "AWS::CloudWatch::Alarm"
        | "AWS::Events::Rule"
        | "AWS::IAM::Role"
        | "AWS::S3::Bucket"
        | "AWS::ECS::Cluster" => name(),
        "AWS::ECS::Service" => {
            let cluster = stack.property(id, "Cluster")?.unwrap_or_else(|| "default".to_owned());
            let cluster = cluster.rsplit('/').next().unwrap_or_default();
            Ok(arn(stack, "ecs", &format!("service/{cluster}/{}", name()?)))
        }
        // Without its revision, which is drawn when it is registered: the latest one is meant.
        "AWS::ECS::TaskDefinition" => Ok(arn(stack, "ecs", &format!("task-definition/{}", name()?))),
        "AWS::EC2::SecurityGroup" => {
            let digest = format!("{:x}", md5::compute(format!("{}/{id}", stack.name())));
            Ok(format!("sg-{}", &digest[..17]))
        }
        "AWS::SecretsManager::Secret" => {
            let description = stack.property(id, "Description")?.unwrap_or_default();
            Ok(stack.secret_arn(&name()?, &description))
        }
        "AWS::SNS::Topic" => Ok(arn(stack, "sns", &name()?)),
        "AWS::SQS::Queue" => Ok(format!("{}/{ACCOUNT}/{}", stack.queues_url(), name()?)),
        "AWS::Serverless::HttpApi" => Ok("local".to_owned()),
        "AWS::Cognito::UserPool" => Ok(user_pool_id(stack)),
        "AWS::Cognito::UserPoolClient" => Ok("local0client".to_owned()),
        "AWS::CloudFront::Distribution" => Ok("LOCAL0DISTRIBUTION".to_owned()),
        _ => Err(TemplateError::unsupported(at, format!("references to {kind}"))),
    }
}

/// `!GetAtt id.attribute`.
pub(crate) fn attribute(stack: &impl Stack, kind: &str, id: &str, attribute: &str, at: &str) -> Result<String> {
    let name = || physical_name(stack, kind, id);
    match (kind, attribute) {
        ("AWS::DynamoDB::Table", "Arn") => Ok(arn(stack, "dynamodb", &format!("table/{}", name()?))),
        ("AWS::SecretsManager::Secret", "Id") => reference(stack, kind, id, at),
        ("AWS::Serverless::Function", "Arn") => Ok(arn(stack, "lambda", &format!("function:{}", name()?))),
        ("AWS::SQS::Queue", "Arn") => queue_arn(stack, id),
        ("AWS::SQS::Queue", "QueueName") | ("AWS::SNS::Topic", "TopicName") => name(),
        ("AWS::SQS::Queue", "QueueUrl") | ("AWS::SNS::Topic", "TopicArn") => reference(stack, kind, id, at),
        ("AWS::Logs::LogGroup", "Arn") => Ok(arn(stack, "logs", &format!("log-group:{}:*", name()?))),
        ("AWS::Events::Rule", "Arn") => rule_arn(stack, id),
        ("AWS::Scheduler::Schedule", "Arn") => schedule_arn(stack, id),
        ("AWS::CloudWatch::Alarm", "Arn") => Ok(arn(stack, "cloudwatch", &format!("alarm:{}", name()?))),
        ("AWS::IAM::Role", "Arn") => Ok(format!("arn:aws:iam::{ACCOUNT}:role/{}", name()?)),
        ("AWS::S3::Bucket", "Arn") => Ok(format!("arn:aws:s3:::{}", name()?)),
        ("AWS::ECS::Cluster", "Arn") => Ok(arn(stack, "ecs", &format!("cluster/{}", name()?))),
        ("AWS::ECS::Service", "Name") => name(),
        ("AWS::ECS::Service", "ServiceArn")
        | ("AWS::ECS::TaskDefinition", "TaskDefinitionArn")
        | ("AWS::EC2::SecurityGroup", "GroupId") => reference(stack, kind, id, at),
        ("AWS::Serverless::HttpApi", "ApiId") => reference(stack, kind, id, at),
        ("AWS::Cognito::UserPool", "Arn") => {
            Ok(arn(stack, "cognito-idp", &format!("userpool/{}", user_pool_id(stack))))
        }
        ("AWS::Cognito::UserPool", "UserPoolId") => Ok(user_pool_id(stack)),
        ("AWS::Cognito::UserPool", "ProviderName") => {
            Ok(format!("cognito-idp.{}.amazonaws.com/{}", stack.region(), user_pool_id(stack)))
        }
        ("AWS::Cognito::UserPool", "ProviderURL") => {
            Ok(format!("https://cognito-idp.{}.amazonaws.com/{}", stack.region(), user_pool_id(stack)))
        }
        ("AWS::CloudFront::Distribution", "Id") => reference(stack, kind, id, at),
        ("AWS::CloudFront::Distribution", "DomainName") => Ok("local0distribution.cloudfront.net".to_owned()),
        ("AWS::Cognito::UserPoolClient", "ClientId") => reference(stack, kind, id, at),
        _ => Err(TemplateError::unsupported(at, format!("`{attribute}` of {kind}"))),
    }
}

/// The ARN of the queue with this logical id.
pub(crate) fn queue_arn(stack: &impl Stack, id: &str) -> Result<String> {
    Ok(arn(stack, "sqs", &physical_name(stack, "AWS::SQS::Queue", id)?))
}

/// The ARN of the rule with this logical id.
pub(crate) fn rule_arn(stack: &impl Stack, id: &str) -> Result<String> {
    Ok(arn(stack, "events", &format!("rule/{}", physical_name(stack, "AWS::Events::Rule", id)?)))
}

/// The ARN of the schedule with this logical id, which is its name, too, unless it has another.
pub(crate) fn schedule_arn(stack: &impl Stack, id: &str) -> Result<String> {
    let group = stack.property(id, "GroupName")?.unwrap_or_else(|| "default".to_owned());
    let name = stack.property(id, "Name")?.unwrap_or_else(|| id.to_owned());
    Ok(arn(stack, "scheduler", &format!("schedule/{group}/{name}")))
}

fn arn(stack: &impl Stack, service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:{}:{ACCOUNT}:{resource}", stack.region())
}

fn user_pool_id(stack: &impl Stack) -> String {
    format!("{}_Local", stack.region())
}
