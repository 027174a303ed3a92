//! The states of a task, in the order of its life.

use serde::{Deserialize, Serialize};

/// `lastStatus`, after "Amazon ECS task lifecycle" in the developer guide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Status {
    /// The network interface is being made.
    Provisioning,
    /// The image is being pulled.
    Pending,
    /// The containers are being started.
    Activating,
    Running,
    /// Load balancers would let go of the task.
    Deactivating,
    /// The containers are told to end.
    Stopping,
    /// The containers have ended; the network interface is being detached and deleted.
    Deprovisioning,
    Stopped,
}

impl Status {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Provisioning => "PROVISIONING",
            Self::Pending => "PENDING",
            Self::Activating => "ACTIVATING",
            Self::Running => "RUNNING",
            Self::Deactivating => "DEACTIVATING",
            Self::Stopping => "STOPPING",
            Self::Deprovisioning => "DEPROVISIONING",
            Self::Stopped => "STOPPED",
        }
    }

    /// The state after this one, for a task that is to stop or to run on. A task that has no containers yet has none to
    /// stop. A plain task on Fargate, without a load balancer, skips three states, as was measured on AWS; a long life
    /// has all.
    pub(super) fn next(self, stopping: bool, is_long: bool) -> Option<Self> {
        match (self, stopping) {
            (Self::Provisioning, false) => Some(Self::Pending),
            (Self::Pending, false) if is_long => Some(Self::Activating),
            (Self::Pending | Self::Activating, false) => Some(Self::Running),
            (Self::Running, false) | (Self::Stopped, _) => None,
            (Self::Running, true) if !is_long => Some(Self::Deprovisioning),
            (Self::Activating | Self::Running, true) => Some(Self::Deactivating),
            (Self::Deactivating, _) => Some(Self::Stopping),
            (Self::Provisioning | Self::Pending, true) | (Self::Stopping, _) => Some(Self::Deprovisioning),
            (Self::Deprovisioning, _) => Some(Self::Stopped),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(from: Status, stopping: bool, is_long: bool) -> Vec<&'static str> {
        std::iter::successors(Some(from), |status| status.next(stopping, is_long)).map(Status::as_str).collect()
    }

    #[test]
    fn a_task_walks_up_to_running_and_stays_there() {
        assert_eq!(path(Status::Provisioning, false, false), ["PROVISIONING", "PENDING", "RUNNING"]);
        assert_eq!(path(Status::Provisioning, false, true), ["PROVISIONING", "PENDING", "ACTIVATING", "RUNNING"]);
    }

    #[test]
    fn a_task_that_is_to_stop_walks_down() {
        assert_eq!(path(Status::Running, true, false), ["RUNNING", "DEPROVISIONING", "STOPPED"]);
        let down = ["RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"];
        assert_eq!(path(Status::Running, true, true), down);
        assert_eq!(path(Status::Activating, true, true)[1..], down[1..]);
    }

    #[test]
    fn a_task_without_containers_has_none_to_stop() {
        for is_long in [false, true] {
            assert_eq!(path(Status::Provisioning, true, is_long), ["PROVISIONING", "DEPROVISIONING", "STOPPED"]);
            assert_eq!(path(Status::Pending, true, is_long), ["PENDING", "DEPROVISIONING", "STOPPED"]);
        }
    }
}
