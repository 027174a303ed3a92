//! Every five minutes, and on demand: what no event or request has told. Compares the tables with ECS and IVS, repairs
//! them, and reports how far they were apart.

mod handler;

use shared::aws::{Ec2, Ecs, Pace, ServerTable};
use shared::config::from_env;
use shared::event::serve;

use crate::handler::Handler;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::log::init();
    let (aws, (servers, fleet)) =
        from_env(|variables| Some(variables.required("SERVERS_TABLE")).zip(variables.fleet()))?;
    let handler = Handler {
        servers: ServerTable::new(&aws, servers),
        ecs: Ecs::new(&aws, fleet, Pace::per_second(10)),
        ec2: Ec2::new(&aws, Pace::per_second(5)),
    };
    serve("reconciler", aws.calls(), |event| handler.handle(event)).await
}
