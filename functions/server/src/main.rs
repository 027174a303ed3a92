//! `GET /servers`: transwrap servers that can take a broadcast now.

mod handler;

use shared::aws::ServerTable;
use shared::config::from_env;
use shared::domain::server::Roster;
use shared::http::serve;

use crate::handler::Handler;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::log::init();
    let (aws, (table, url)) =
        from_env(|variables| Some(variables.required("SERVERS_TABLE")).zip(variables.parsed("TRANSWRAP_URL")))?;
    let handler = Handler { roster: Roster::new(ServerTable::new(&aws, table)), url };
    serve("server", aws.calls(), |request| handler.handle(request)).await
}
