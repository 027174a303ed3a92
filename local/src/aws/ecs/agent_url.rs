//! Where a container finds the agent of ECS.

/// The paths of the agent on the AWS endpoint's port.
pub(crate) const PATHS: &str = "/ecs-agent/";

/// `ECS_CONTAINER_METADATA_URI_V4` of the container that is known by this id.
pub(super) fn metadata_url(aws_url: &str, id: &str) -> String {
    format!("{aws_url}{PATHS}v4/{id}")
}

/// `AWS_CONTAINER_CREDENTIALS_FULL_URI` of the container that is known by this id.
pub(super) fn credentials_url(aws_url: &str, id: &str) -> String {
    format!("{aws_url}{PATHS}v2/credentials/{id}")
}
