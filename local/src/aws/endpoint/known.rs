//! What the local cloud has of each service, by name: for those who name an operation before anyone calls it. A fault
//! for a misspelt operation would never strike, and a policy for a misspelt action would never allow anything.

use std::collections::BTreeMap;

use crate::aws::dynamodb;
use crate::aws::ec2;
use crate::aws::ecs::Ecs;
use crate::aws::event_bridge;
use crate::aws::ivs;
use crate::aws::ivs_chat;
use crate::aws::ivs_realtime;
use crate::aws::lambda;
use crate::aws::secrets_manager::SecretsManager;
use crate::aws::service::call::ServiceName;
use crate::aws::sqs::Sqs;
use crate::aws::sts;
use crate::aws::video::operation::Model;

/// The operations of every service, by its name.
pub(crate) fn services() -> BTreeMap<&'static str, Vec<&'static str>> {
    ServiceName::ALL.into_iter().map(|service| (service.as_str(), operations(service))).collect()
}

/// The operations of a service, in alphabetical order.
pub(crate) fn operations(service: ServiceName) -> Vec<&'static str> {
    let mut operations = match service {
        ServiceName::DynamoDb => dynamodb::operation::OPERATIONS.to_vec(),
        ServiceName::Ivs => {
            [names_of::<ivs::State>(), names_of::<ivs_realtime::State>()].into_iter().flatten().collect()
        }
        ServiceName::IvsChat => names_of::<ivs_chat::State>(),
        ServiceName::SecretsManager => SecretsManager::operations().collect(),
        ServiceName::Sqs => Sqs::operations().collect(),
        ServiceName::Ecs => Ecs::operations().collect(),
        ServiceName::Ec2 => ec2::operation::OPERATIONS.to_vec(),
        ServiceName::Lambda => lambda::operation::OPERATIONS.to_vec(),
        ServiceName::EventBridge => event_bridge::operation::OPERATIONS.to_vec(),
        ServiceName::Sts => sts::operation::OPERATIONS.to_vec(),
    };
    operations.sort_unstable();
    // Both services of the name `ivs` tag their resources.
    operations.dedup();
    operations
}

fn names_of<M: Model>() -> Vec<&'static str> {
    M::operations().iter().map(|operation| operation.name).collect()
}

/// What is wrong with an action of a policy, such as `ivs:CreatStage`. Nothing, as far as the local cloud can tell,
/// with an action of a service that it does not answer, or with wildcards.
pub(crate) fn misspelt_action(action: &str) -> Option<String> {
    let (service, operation) = action.split_once(':')?;
    let service = ServiceName::parse(&service.to_ascii_lowercase())?;
    let known = actions(service);
    if operation.contains(['*', '?']) || known.iter().any(|name| name.eq_ignore_ascii_case(operation)) {
        return None;
    }
    let known = known.join(", ");
    Some(format!("the local cloud knows no action `{operation}` of {}; it knows: {known}", service.as_str()))
}

/// Whether the local cloud answers calls that need this action; with a wildcard for its service, it may.
pub(crate) fn is_answered(action: &str) -> bool {
    let service = action.split(':').next().unwrap_or_default();
    service.contains(['*', '?']) || ServiceName::parse(&service.to_ascii_lowercase()).is_some()
}

/// The actions that calls of a service need. Most are named as the operation is.
fn actions(service: ServiceName) -> Vec<&'static str> {
    match service {
        // A transaction needs the actions of what it is made of, and nothing else needs this one.
        ServiceName::DynamoDb => [operations(service), vec!["ConditionCheckItem"]].concat(),
        // A batch needs the action of its entries.
        ServiceName::Sqs => operations(service).into_iter().filter(|name| !name.ends_with("Batch")).collect(),
        // To start with tags is to tag.
        ServiceName::Ecs => [operations(service), vec!["TagResource"]].concat(),
        ServiceName::Lambda => vec!["InvokeFunction"],
        _ => operations(service),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_those_of_every_stand_in() {
        for (service, some) in [
            (ServiceName::DynamoDb, &["GetItem", "TransactWriteItems"][..]),
            (ServiceName::Ivs, &["CreateChannel", "CreateStage", "TagResource"]),
            (ServiceName::SecretsManager, &["GetSecretValue", "TagResource"]),
            (ServiceName::Ecs, &["DescribeTasks", "RunTask"]),
            (ServiceName::Ec2, &["DescribeNetworkInterfaces"]),
            (ServiceName::Lambda, &["Invoke"]),
        ] {
            let operations = operations(service);
            assert!(some.iter().all(|operation| operations.contains(operation)), "{operations:?}");
            assert!(operations.is_sorted_by(|one, next| one < next), "{operations:?}");
        }
    }

    #[test]
    fn an_action_that_no_call_would_need_is_misspelt() {
        for (action, expected) in [
            ("ivs:CreatStage", "the local cloud knows no action `CreatStage` of ivs; it knows: BatchGetChannel, "),
            ("DynamoDB:Get", "the local cloud knows no action `Get` of dynamodb; it knows: BatchExecuteStatement, "),
            ("lambda:Invoke", "the local cloud knows no action `Invoke` of lambda; it knows: InvokeFunction"),
        ] {
            let said = misspelt_action(action).unwrap();
            assert!(said.starts_with(expected), "{said}");
        }
    }

    #[test]
    fn actions_that_it_does_not_judge_are_let_through() {
        for action in [
            "*",
            "ivs:*",
            "ivs:Creat*",
            "iv?:CreatStage",
            "IVS:createstage",
            "dynamodb:ConditionCheckItem",
            "ecs:TagResource",
            "logs:CreatLogStream",
            "kms:Decrypt",
        ] {
            assert_eq!(misspelt_action(action), None, "{action}");
        }
    }
}
