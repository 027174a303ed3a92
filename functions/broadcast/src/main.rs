//! `/broadcasts`: going live from a browser, by a ticket for a transwrap server.

mod handler;
/// What template.yaml routes to this function.
mod route {
    include!(concat!(env!("OUT_DIR"), "/routes.rs"));
}

use aws_broadcast::{BroadcastTable, Broadcasts, TargetTables};
use aws_server::ServerTable;
use lambda::config::from_env;
use lambda::http::serve;

use crate::handler::Handler;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    lambda::log::init();
    let (aws, (tables, url)) = from_env(|variables| {
        let tables =
            ["BROADCASTS_TABLE", "CHANNELS_TABLE", "STREAMS_TABLE", "BROADCAST_SETTINGS_TABLE", "SERVERS_TABLE"]
                .map(|name| variables.required(name));
        Some(tables).zip(variables.parsed("TRANSWRAP_URL"))
    })?;
    let [broadcasts, channels, streams, settings, servers] = tables;
    let broadcasts = Broadcasts::new(
        BroadcastTable::new(&aws, broadcasts.clone()),
        TargetTables::new(&aws, broadcasts, channels, streams, settings),
        ServerTable::new(&aws, servers),
        url,
    );
    let handler = Handler { broadcasts };
    aws.connect("DYNAMODB").await;
    serve("broadcast", aws.calls(), |request| handler.handle(request)).await
}
