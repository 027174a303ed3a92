//! `GET /servers`: transwrap servers that can take a broadcast now.

mod handler;
/// What template.yaml routes to this function.
mod route {
    include!(concat!(env!("OUT_DIR"), "/routes.rs"));
}

use aws_server::{ServerList, ServerTable};
use lambda::config::from_env;
use lambda::http::serve;

use crate::handler::Handler;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    lambda::log::init();
    let (aws, (table, url)) =
        from_env(|variables| Some(variables.required("SERVERS_TABLE")).zip(variables.parsed("TRANSWRAP_URL")))?;
    let handler = Handler { servers: ServerList::new(ServerTable::new(&aws, table)), url };
    aws.connect("DYNAMODB").await;
    serve("server", aws.calls(), |request| handler.handle(request)).await
}
