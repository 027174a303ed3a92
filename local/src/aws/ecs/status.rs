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
    /// stop.
    pub(super) fn next(self, stopping: bool) -> Option<Self> {
        match (self, stopping) {
            (Self::Provisioning, false) => Some(Self::Pending),
            (Self::Pending, false) => Some(Self::Activating),
            (Self::Activating, false) => Some(Self::Running),
            (Self::Running, false) | (Self::Stopped, _) => None,
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

    fn path(from: Status, stopping: bool) -> Vec<&'static str> {
        std::iter::successors(Some(from), |status| status.next(stopping)).map(Status::as_str).collect()
    }

    #[test]
    fn a_task_walks_up_to_running_and_stays_there() {
        assert_eq!(path(Status::Provisioning, false), ["PROVISIONING", "PENDING", "ACTIVATING", "RUNNING"]);
    }

    #[test]
    fn a_task_that_is_to_stop_walks_down() {
        let down = ["RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"];
        assert_eq!(path(Status::Running, true), down);
        assert_eq!(path(Status::Activating, true)[1..], down[1..]);
    }

    #[test]
    fn a_task_without_containers_has_none_to_stop() {
        assert_eq!(path(Status::Provisioning, true), ["PROVISIONING", "DEPROVISIONING", "STOPPED"]);
        assert_eq!(path(Status::Pending, true), ["PENDING", "DEPROVISIONING", "STOPPED"]);
    }
}
