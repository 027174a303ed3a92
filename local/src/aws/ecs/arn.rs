//! The ARNs of ECS, in the long form that has the cluster in it, and the names that stand for them in requests.

use super::error::{invalid_parameter, no_such_cluster};
use crate::aws::service::{ACCOUNT, ServiceError};

/// The cluster of a request that names none.
pub(super) const DEFAULT_CLUSTER: &str = "default";

pub(super) fn cluster(region: &str, name: &str) -> String {
    format!("{}cluster/{name}", prefix(region))
}

pub(super) fn task(region: &str, cluster: &str, id: &str) -> String {
    format!("{}task/{cluster}/{id}", prefix(region))
}

pub(super) fn service(region: &str, cluster: &str, name: &str) -> String {
    format!("{}service/{cluster}/{name}", prefix(region))
}

pub(super) fn container(region: &str, cluster: &str, task: &str, id: &str) -> String {
    format!("{}container/{cluster}/{task}/{id}", prefix(region))
}

pub(super) fn attachment(region: &str, id: &str) -> String {
    format!("{}attachment/{id}", prefix(region))
}

pub(super) fn task_definition(region: &str, family: &str, revision: impl std::fmt::Display) -> String {
    format!("{}task-definition/{family}:{revision}", prefix(region))
}

fn prefix(region: &str) -> String {
    format!("arn:aws:ecs:{region}:{ACCOUNT}:")
}

/// The name of the cluster that a request means with a name, an ARN or nothing. `None` if it is an ARN of elsewhere.
pub(super) fn cluster_name<'a>(region: &str, reference: Option<&'a str>) -> Option<&'a str> {
    match reference {
        None | Some("") => Some(DEFAULT_CLUSTER),
        Some(arn) if arn.starts_with("arn:") => arn.strip_prefix(&prefix(region))?.strip_prefix("cluster/"),
        Some(name) => Some(name),
    }
}

/// The id of the task that a request means with an id or an ARN.
///
/// # Errors
/// It is neither, or of another cluster.
pub(super) fn task_id<'a>(region: &str, cluster: &str, reference: &'a str) -> Result<&'a str, ServiceError> {
    let id = match reference.strip_prefix(&prefix(region)).and_then(|rest| rest.strip_prefix("task/")) {
        Some(path) => {
            let (of, id) = path.split_once('/').ok_or_else(no_such_cluster)?;
            if of != cluster {
                return Err(invalid_parameter(format!("Identifier is for cluster {of}. Your cluster is {cluster}")));
            }
            id
        }
        None if reference.starts_with("arn:") => return Err(invalid_parameter("Invalid identifier: wrong ARN")),
        None => reference,
    };
    match id.len() {
        // A UUID is how ids looked before 2018.
        32 | 36 => Ok(id),
        _ => Err(invalid_parameter("taskId length should be one of [32,36]")),
    }
}

/// The name of the service that a request means with a name or an ARN.
///
/// # Errors
/// It is neither, or of another cluster.
pub(super) fn service_name<'a>(region: &str, cluster: &str, reference: &'a str) -> Result<&'a str, ServiceError> {
    if !reference.starts_with("arn:") {
        return Ok(reference);
    }
    let path = reference.strip_prefix(&prefix(region)).and_then(|rest| rest.strip_prefix("service/"));
    match path.map(|path| path.split_once('/').unwrap_or((cluster, path))) {
        Some((of, name)) if of == cluster => Ok(name),
        Some((of, _)) => Err(invalid_parameter(format!("Identifier is for cluster {of}. Your cluster is {cluster}"))),
        None => Err(invalid_parameter("Invalid identifier: wrong ARN")),
    }
}

/// Family and revision, where it names one, of a task definition's `family`, `family:revision` or ARN.
pub(super) fn family_and_revision<'a>(region: &str, reference: &'a str) -> Option<(&'a str, Option<usize>)> {
    let name = match reference.starts_with("arn:") {
        true => reference.strip_prefix(&prefix(region))?.strip_prefix("task-definition/")?,
        false => reference,
    };
    match name.split_once(':') {
        Some((family, revision)) => Some((family, Some(revision.parse().ok()?))),
        None => Some((name, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn a_cluster_is_named_by_name_arn_or_nothing() {
        assert_eq!(cluster_name("r", None), Some("default"));
        assert_eq!(cluster_name("r", Some("live")), Some("live"));
        assert_eq!(cluster_name("r", Some(&cluster("r", "live"))), Some("live"));
        assert_eq!(cluster_name("r", Some(&cluster("elsewhere", "live"))), None);
    }

    #[test]
    fn a_task_is_named_by_id_or_by_an_arn_of_the_same_cluster() {
        assert_eq!(task_id("r", "live", ID).unwrap(), ID);
        assert_eq!(task_id("r", "live", &task("r", "live", ID)).unwrap(), ID);
        for (reference, message) in [
            (task("r", "other", ID), "Identifier is for cluster other. Your cluster is live"),
            (task("elsewhere", "live", ID), "Invalid identifier: wrong ARN"),
            ("demo".to_owned(), "taskId length should be one of [32,36]"),
        ] {
            assert_eq!(task_id("r", "live", &reference).unwrap_err(), invalid_parameter(message));
        }
    }

    #[test]
    fn a_task_definition_is_named_by_family_revision_or_arn() {
        for (reference, expected) in [
            ("web", Some(("web", None))),
            ("web:2", Some(("web", Some(2)))),
            (&task_definition("r", "web", 3), Some(("web", Some(3)))),
            (&task_definition("elsewhere", "web", 3), None),
            ("web:latest", None),
        ] {
            assert_eq!(family_and_revision("r", reference), expected, "{reference}");
        }
    }
}
