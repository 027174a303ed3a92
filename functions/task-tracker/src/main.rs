//! `ECS Task State Change` from EventBridge: which transwrap servers can take a broadcast.

mod handler;

use aws_client::RateLimiter;
use aws_server::ServerTable;
use aws_task::Ec2;
use lambda::config::from_env;
use lambda::event::serve;

use crate::handler::Handler;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda::log::init();
    let (aws, (table, fleet)) = from_env(|variables| Some(variables.required("SERVERS_TABLE")).zip(variables.fleet()))?;
    let handler =
        Handler { servers: ServerTable::new(&aws, table), ec2: Ec2::new(&aws, RateLimiter::unlimited()), fleet };
    serve("task-tracker", aws.calls(), |event| handler.handle(event)).await
}
