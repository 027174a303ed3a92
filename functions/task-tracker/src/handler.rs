//! Decode, call one operation, report.

use aws_server::ServerTable;
use aws_task::{Ec2, TaskEvent, Tracked, track};
use lambda::event::Report;
use model::server::Fleet;
use model::{Error, Timestamp};

/// What an event needs.
pub(crate) struct Handler {
    pub(crate) servers: ServerTable,
    pub(crate) ec2: Ec2,
    pub(crate) fleet: Fleet,
}

impl Handler {
    pub(crate) async fn handle(&self, event: TaskEvent) -> Result<Report, Error> {
        let Some(task) = event.task(&self.fleet).map_err(Error::internal)? else {
            let (cluster, group) = event.whose();
            return Ok(Report::new("not ours").log("task.cluster", cluster).log("task.group", group));
        };
        let report = match track(&self.servers, &self.ec2, Timestamp::now(), &task).await {
            Ok(Tracked::Recorded(state)) => Report::new("recorded").log("task.state", state).count("TasksRecorded", 1),
            Ok(Tracked::NoNews) => Report::new("no news"),
            Ok(Tracked::Stale) => Report::new("stale").count("StaleEvents", 1),
            Err(error) => Report::new("failed").fail(error),
        };
        Ok(report.log("task.id", task.id.as_str()).log("task.version", task.version))
    }
}
